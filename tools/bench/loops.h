/* SPDX-License-Identifier: MIT */
/*
 * The loops that are timed, the same for every contender.
 *
 *	client                                  server
 *	  struct step ------------------------->
 *	       <===== the step's messages =====>
 *	  ... more steps, the last one of count 0
 *
 * latency: round trips, LATENCY_BATCH of them a sample. uni: windows of
 * messages, each answered by one of 4 bytes; a window is a sample. bi: windows
 * both ways at once.
 *
 * A row is warmed up in steps that grow until a fifth of its time is used,
 * which also tells how many iterations fill a step; then steps are timed until
 * its time is used. Samples are stored while the clock runs and sorted into the
 * histogram between two steps.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "plan.h"

/* Buffers of the plan's largest size, touched here. 0 or -errno. */
int loops_room(struct end *e, const struct plan *p);

/* Prints a line of JSON per row. 0 or -errno. */
int loops_client(struct end *e, const struct plan *p);
int loops_server(struct end *e);

#endif
