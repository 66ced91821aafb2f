/* SPDX-License-Identifier: MIT */
/*
 * The timed loops, the same for every contender.
 *
 *	client                                  server
 *	  struct step ------------------------->
 *	       <===== the step's messages =====>
 *	  ... more steps, the last of them with count 0
 *
 * latency: round trips; a sample has LATENCY_BATCH of them. uni: windows of
 * messages, each acknowledged by 4 bytes; a sample is a window. bi: windows in
 * both directions at once.
 *
 * A row begins with a warm-up in growing steps, for a fifth of its time, which
 * also tells the number of iterations that fill a step. Then steps are timed
 *until the time is used. Samples are stored while the clock runs, and added to
 *the histogram between two steps.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "plan.h"

/* Allocate and touch buffers of the plan's largest size. 0 or -errno. */
int loops_room(struct end *e, const struct plan *p);

/* Prints a line of JSON per row. 0 or -errno. */
int loops_client(struct end *e, const struct plan *p);
int loops_server(struct end *e);

#endif
