/* SPDX-License-Identifier: MIT */
/*
 * The states of a pair of processes, which each of the two has for itself.
 * docs/reference/mpi-protocol.md, 5, has the same table and explains the
 * events; a test compares the two.
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
 * The names are those of the paper (SC'07, Figure 9), without IVC_. The states
 * of a single lane are in lane.h.
 */
#ifndef COORD_STATE_H
#define COORD_STATE_H

#define COORD_STATE_NONE 0xff /* the event changes nothing */

enum coord_state {
	COORD_CLOSED,	  /* DATA goes over the network */
	COORD_CONNECTED,  /* DATA goes into the lane, and the peer knows */
	COORD_ACTIVE,	  /* and the peer's DATA comes through the lane */
	COORD_SUSPENDING, /* no more DATA goes in; the rest is read */
	COORD_STATES,
};

enum coord_event {
	COORD_OPEN,    /* both hellos are known, and FLUSH was sent */
	COORD_FLUSH,   /* the peer's FLUSH has come */
	COORD_LEAVE,   /* the channel has ended, or one side leaves it */
	COORD_REFUSE,  /* a FLUSH has come for a lane that has ended here */
	COORD_THROUGH, /* both have sent BACK, and all before it was read */
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
