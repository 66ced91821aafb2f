/* SPDX-License-Identifier: MIT */
/*
 * The states of a pair of processes, as each of the two sees it: one enum and
 * one table. docs/reference/mpi-protocol.md has the same table and says what
 * the events are; where the two differ, a test fails.
 *
 *             OPEN               FLUSH
 *   CLOSED ---------> CONNECTED ---------> ACTIVE
 *    ^   |                 |                  |
 *    |   | REFUSE          | LEAVE            | LEAVE
 *    |   v                 v                  |
 *    |  SUSPENDING <-------+------------------+
 *    |   |
 *    +---+ THROUGH
 *
 * The names are the paper's (SC'07, Figure 9), without IVC_.
 */
#ifndef COORD_STATE_H
#define COORD_STATE_H

#define COORD_STATE_NONE 0xff /* the event changes nothing */

enum coord_state {
	COORD_CLOSED,	  /* everything goes over the network */
	COORD_CONNECTED,  /* what is sent goes over IVC, and the peer knows */
	COORD_ACTIVE,	  /* so does what is received: on the IVC-active list */
	COORD_SUSPENDING, /* nothing more is written to IVC; it is emptied */
	COORD_STATES,
};

enum coord_event {
	COORD_OPEN,   /* there is a channel that both know; FLUSH was sent */
	COORD_FLUSH,  /* the peer's FLUSH: all it sent before has come */
	COORD_LEAVE,  /* the channel has ended, or one of the two wants it to */
	COORD_REFUSE, /* a FLUSH for a channel that is not here any more */
	COORD_THROUGH, /* both have said BACK, and all before it is here */
	COORD_EVENTS,
};

static const unsigned char coord_next[COORD_STATES][COORD_EVENTS]
	__attribute__((unused)) = {
#define X COORD_STATE_NONE
#define D COORD_CLOSED
#define C COORD_CONNECTED
#define A COORD_ACTIVE
#define S COORD_SUSPENDING
		/* OPEN FLUSH LEAVE REFUSE THROUGH */
		[COORD_CLOSED] = { C, X, X, S, X },
		[COORD_CONNECTED] = { X, A, S, X, X },
		[COORD_ACTIVE] = { X, X, S, X, X },
		[COORD_SUSPENDING] = { X, X, X, X, D },
#undef X
#undef D
#undef C
#undef A
#undef S
	};

#endif /* COORD_STATE_H */
