/* SPDX-License-Identifier: MIT */
/*
 * Which transitions of a table do the searches of a model take? Part of pan.c,
 * the program that searches: says, when that ends, "taken: STATE EVENT" or
 * "untaken: STATE EVENT" for each transition of the table.
 */
#include <stdio.h>
#include <stdlib.h>

static const unsigned char *taken_table;
static int taken_events, taken_states;
static const char *const *taken_state_name, *const *taken_event_name;
static unsigned char taken_marks[256];

static void taken(int state, int event)
{
	taken_marks[state * taken_events + event] = 1;
}

static void taken_say(void)
{
	for (int n = 0; n < taken_states * taken_events; n++) {
		if (taken_table[n] == 0xff)
			continue;
		printf("%s: %s %s\n", taken_marks[n] ? "taken" : "untaken",
		       taken_state_name[n / taken_events],
		       taken_event_name[n % taken_events]);
	}
}

/* The table: of each state and event the next state, or 0xff. */
static void taken_in(const unsigned char *table, int events, int states,
		     const char *const *state_name,
		     const char *const *event_name)
{
	if (taken_table)
		return;
	taken_table = table;
	taken_events = events;
	taken_states = states;
	taken_state_name = state_name;
	taken_event_name = event_name;
	atexit(taken_say);
}
