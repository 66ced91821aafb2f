/* SPDX-License-Identifier: GPL-2.0 */
/* The table of states is the one that docs/mpi.md prints, row by row. */
#include "job.h"

static const char *const states[COORD_STATES] = { "CLOSED", "CONNECTED",
						  "ACTIVE", "SUSPENDING" };
static const char *const events[COORD_EVENTS] = { "OPEN", "FLUSH", "LEAVE",
						  "REFUSE", "THROUGH" };

/* The words between the bars of a table's line; how many. */
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
	FILE *f = fopen("docs/mpi.md", "r");
	char line[512], *word[COORD_EVENTS + 2];
	int heads = 0, rows = 0;

	ck_assert_msg(f, "run it from the top folder: no docs/mpi.md");
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

/* From wherever it is, a pair can come back to the network. */
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

TCase *case_state(void)
{
	TCase *tc = tcase_create("state");

	tcase_add_test(tc, table_is_the_documents);
	tcase_add_test(tc, every_state_ends);
	return tc;
}
