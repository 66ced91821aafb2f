/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The states of a channel: the table that the drivers use is the table in
 * docs/reference/protocol.md (section 3.5), row by row.
 */
#include <strings.h>
#include <ivc/protocol/state.h>
#include "unit.h"

/* One of the tables, as the header has it. */
struct table {
	const char *first_event; /* that names the document's one */
	int states, events;
	const char *const *state, *const *event;
	const unsigned char *next;
};

static const char *const ctx_states[IVC_CTX_STATES] = {
	"idle", "asking", "member", "away", "returning", "closed",
};

static const char *const ctx_events[IVC_CTX_EVENTS] = {
	"register", "answered", "refused", "leave", "backend", "close",
};

static const struct table tables[] = {
	{ "offer", IVC_CHAN_STATES, IVC_CHAN_EVENTS, ivc_chan_state_name,
	  ivc_chan_event_name, ivc_chan_next[0] },
	{ "register", IVC_CTX_STATES, IVC_CTX_EVENTS, ctx_states, ctx_events,
	  ivc_ctx_next[0] },
};

/* The words between the bars of a table's line; how many. */
static int words(char *line, char *word[], int max)
{
	char *save = NULL, *w;
	int n = 0;

	for (w = strtok_r(line, "|\n", &save); w && n < max;
	     w = strtok_r(NULL, "|\n", &save)) {
		while (*w == ' ')
			w++;
		w[strcspn(w, " ")] = '\0';
		word[n++] = w;
	}
	return n;
}

static void check_row(const struct table *t, int state, char *word[])
{
	int ev;

	for (ev = 0; ev < t->events; ev++) {
		unsigned char next = t->next[state * t->events + ev];
		const char *want =
			next == IVC_STATE_NONE ? "-" : t->state[next];

		ck_assert_msg(!strcasecmp(word[ev + 1], want),
			      "%s on %s: document %s, state.h %s",
			      t->state[state], t->event[ev], word[ev + 1],
			      want);
	}
}

START_TEST(table_is_the_documents)
{
	const struct table *t = &tables[_i];
	FILE *f = fopen("docs/reference/protocol.md", "r");
	char line[512], *word[16];
	int state, seen = 0, heads = 0;

	ck_assert_msg(f, "no docs/reference/protocol.md here: run this "
			 "program from the top folder");
	while (fgets(line, sizeof(line), f)) {
		int n = *line == '|' ? words(line, word, 16) : 0;

		if (n != t->events + 1)
			continue;
		if (!strcasecmp(word[1], t->first_event)) {
			for (n = 0; n < t->events; n++)
				ck_assert_msg(
					!strcasecmp(word[n + 1], t->event[n]),
					"event %d: document %s, state.h %s", n,
					word[n + 1], t->event[n]);
			heads++;
		}
		for (state = 0; state < t->states; state++) {
			if (strcasecmp(word[0], t->state[state]))
				continue;
			check_row(t, state, word);
			seen++;
		}
	}
	fclose(f);
	ck_assert_int_eq(heads, 1);
	ck_assert_int_eq(seen, t->states);
}
END_TEST

/* Any event leads a closed channel to its end and never back. */
START_TEST(every_state_ends)
{
	int state, ev;

	for (state = 0; state < IVC_CHAN_STATES; state++) {
		int s = ivc_chan_next[state][IVC_CHAN_CLOSE];

		if (state < IVC_CHAN_CLOSING)
			ck_assert_int_eq(s, IVC_CHAN_CLOSING);
		for (ev = 0; ev < IVC_CHAN_EVENTS; ev++) {
			s = ivc_chan_next[state][ev];
			/* The states are ordered: no event leads back. */
			if (s != IVC_STATE_NONE)
				ck_assert_int_gt(s, state);
		}
	}
	ck_assert_int_eq(ivc_chan_next[IVC_CHAN_CLOSING][IVC_CHAN_RELEASED],
			 IVC_CHAN_DEAD);
}
END_TEST

Suite *suite_state(void)
{
	Suite *s = suite_create("state");
	TCase *tc = tcase_create("table");

	tcase_add_loop_test(tc, table_is_the_documents, 0,
			    sizeof(tables) / sizeof(tables[0]));
	tcase_add_test(tc, every_state_ends);
	suite_add_tcase(s, tc);
	return s;
}
