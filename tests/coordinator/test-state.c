/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The states of a pair and of a lane: the table is that of
 * docs/reference/mpi-protocol.md, and each state has its way out.
 */
#include "../../coordinator/lane.h"
#include "job.h"

static const char *const states[COORD_STATES] = { "CLOSED", "CONNECTED",
						  "ACTIVE", "SUSPENDING" };
static const char *const events[COORD_EVENTS] = { "OPEN", "FLUSH", "LEAVE",
						  "REFUSE", "THROUGH" };

/*
 * Splits a table's line into the words between the bars. Returns their number.
 */
static int words(char *line, char *word[], int max)
{
	char *save = NULL, *w;
	int n = 0;

	for (w = strtok_r(line, "|\n", &save); w && n < max;
	     w = strtok_r(NULL, "|\n", &save)) {
		w += strspn(w, " ");
		w[strcspn(w, " ")] = '\0';
		word[n++] = w;
	}
	return n;
}

START_TEST(table_is_the_documents)
{
	FILE *f = fopen("docs/reference/mpi-protocol.md", "r");
	char line[512], *word[COORD_EVENTS + 2];
	int heads = 0, rows = 0;

	ck_assert_msg(f, "run it from the top folder: no "
			 "docs/reference/mpi-protocol.md");
	while (fgets(line, sizeof(line), f)) {
		int n = *line == '|' ? words(line, word, COORD_EVENTS + 2) : 0;

		if (n != COORD_EVENTS + 1)
			continue;
		for (int s = 0; s < COORD_STATES; s++) {
			if (strcmp(word[0], states[s]))
				continue;
			for (int e = 0; e < COORD_EVENTS; e++) {
				unsigned char to = coord_next[s][e];

				ck_assert_str_eq(word[e + 1],
						 to == COORD_STATE_NONE
							 ? "-"
							 : states[to]);
			}
			rows++;
		}
		if (strcmp(word[1], events[0]))
			continue;
		for (int e = 0; e < COORD_EVENTS; e++)
			ck_assert_str_eq(word[e + 1], events[e]);
		heads++;
	}
	fclose(f);
	ck_assert_int_eq(heads, 1);
	ck_assert_int_eq(rows, COORD_STATES);
}
END_TEST

/* From each state a pair can come back to the network. */
START_TEST(every_state_ends)
{
	for (int s = COORD_CONNECTED; s < COORD_STATES; s++)
		ck_assert_int_eq(coord_next[s == COORD_SUSPENDING
						    ? s
						    : coord_next[s]
								[COORD_LEAVE]]
					   [COORD_THROUGH],
				 COORD_CLOSED);
}
END_TEST

/*
 * In each state of its sending side a lane can send BACK once, and DRAINED is
 * accepted only after STOP.
 */
START_TEST(lane_sends)
{
	static const struct {
		enum lane_out_event said[4];
		int n;
		bool stop, back;
	} ways[] = {
		{ { LANE_SEND_FLUSH }, 1, false, false },
		{ { LANE_SEND_FLUSH, LANE_FLUSH_GONE }, 2, false, false },
		{ { LANE_SEND_FLUSH, LANE_SEND_STOP }, 2, true, false },
		{ { LANE_SEND_FLUSH, LANE_FLUSH_GONE, LANE_SEND_STOP,
		    LANE_GET_DRAINED },
		  4,
		  true,
		  false },
		{ { LANE_SEND_FLUSH, LANE_FLUSH_GONE, LANE_SEND_STOP,
		    LANE_SEND_BACK },
		  4,
		  true,
		  true },
		{ { LANE_SEND_FLUSH, LANE_SEND_BACK }, 2, false, true },
	};
	struct lane l = { .out = LANE_NETWORK };

	ck_assert(!lane_out(&l, LANE_SEND_STOP));
	ck_assert(!lane_out(&l, LANE_SEND_BACK));
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		l.out = LANE_NETWORK;
		for (int k = 0; k < ways[i].n; k++)
			ck_assert(lane_out(&l, ways[i].said[k]));
		ck_assert_int_eq(lane_stop_sent(&l), ways[i].stop);
		ck_assert_int_eq(lane_back_sent(&l), ways[i].back);
		ck_assert_int_eq(lane_out(&l, LANE_GET_DRAINED), ways[i].stop);
		ck_assert_int_eq(lane_out(&l, LANE_SEND_BACK), !ways[i].back);
		ck_assert_int_eq(lane_stop_sent(&l), ways[i].stop);
		ck_assert(lane_back_sent(&l));
		ck_assert_int_eq(lane_out(&l, LANE_GET_DRAINED), ways[i].stop);
	}
}
END_TEST

/* FLUSH is the peer's first mark for a lane, BACK the last. */
START_TEST(lane_receives)
{
	for (int in = LANE_BEFORE; in < LANE_INS; in++) {
		struct lane l = { .in = (enum lane_in)in };
		bool open = in != LANE_BEFORE && in < LANE_LAST;

		ck_assert_int_eq(lane_in(&l, LANE_GET_STOP),
				 in == LANE_READING);
		l.in = (enum lane_in)in;
		ck_assert_int_eq(lane_in(&l, LANE_GET_BACK), open);
		l.in = (enum lane_in)in;
		ck_assert_int_eq(lane_in(&l, LANE_GET_FLUSH),
				 in == LANE_BEFORE);
		l.in = (enum lane_in)in;
		ck_assert_int_eq(lane_in(&l, LANE_DELIVERED), in == LANE_LAST);
	}
}
END_TEST

/* Both hellos come once each, in either order. */
START_TEST(lane_greets)
{
	struct lane l = { .hello = LANE_CONNECTING };

	ck_assert(!lane_hello(&l, LANE_SAY) && !lane_hello(&l, LANE_HEAR));
	for (int first = 0; first < 2; first++) {
		l.hello = LANE_CONNECTING;
		ck_assert(lane_hello(&l, LANE_OPENED));
		ck_assert(lane_hello(&l, first ? LANE_SAY : LANE_HEAR));
		ck_assert(!lane_hello(&l, first ? LANE_SAY : LANE_HEAR));
		ck_assert_int_eq(lane_has_said(&l), first);
		ck_assert_int_eq(lane_has_heard(&l), !first);
		ck_assert(lane_hello(&l, first ? LANE_HEAR : LANE_SAY));
		ck_assert_int_eq(l.hello, LANE_KNOWN);
	}
}
END_TEST

TCase *case_state(void)
{
	TCase *tc = tcase_create("state");

	tcase_add_test(tc, table_is_the_documents);
	tcase_add_test(tc, every_state_ends);
	tcase_add_test(tc, lane_greets);
	tcase_add_test(tc, lane_sends);
	tcase_add_test(tc, lane_receives);
	return tc;
}
