/* SPDX-License-Identifier: MIT */
/*
 * A lane is a channel to a peer. The hello, the sending side and the receiving
 * side of a lane have an enum and a table each. docs/reference/mpi-protocol.md,
 * 4 and 6, has the rules; state.h has the state of the pair.
 *
 * The hello, once each way. The side that connects begins in CONNECTING, the
 * side that accepts in HEARD.
 *
 *                OPENED          SAY           HEAR
 *   CONNECTING ----------> OPEN -----> SAID ----------> KNOWN
 *                            | HEAR            SAY        ^
 *                            +-------> HEARD -------------+
 *
 * The sending side of this end: FLUSH, then DATA, then the marks that end the
 * lane.
 *
 *           FLUSH            GONE
 *   NETWORK -----> ANNOUNCED -----> WRITABLE
 *                      |               |
 *                      +-------+-------+
 *                         STOP |  | BACK
 *               DRAINED        v  +-------> ABANDONED
 *   DRAINED <-------------- STOPPED
 *      |                       |
 *      | BACK                  | BACK
 *      +-------> COUNTED <-----+
 *
 * The peer answers STOP with DRAINED. The answer may come after this side has
 * sent BACK, because the channel ended meanwhile, so COUNTED accepts it. In a
 * state without a STOP it is a violation.
 *
 * The receiving side of this end: the same marks from the peer, and DELIVERED
 * when the lane has been read up to the peer's BACK.
 *
 *           FLUSH           STOP            DRAINED
 *   BEFORE ------> READING ------> STOPPING -------> ANSWERED
 *                     |               |                 |
 *                     +---------------+-----------------+
 *                                     | BACK
 *                                     v   DELIVERED
 *                                   LAST -----------> THROUGH
 */
#ifndef COORD_LANE_H
#define COORD_LANE_H

#include <ivc/ivc.h>
#include <stdbool.h>
#include <stdint.h>

#define LANE_NONE 0xff /* the event is not possible in this state */

enum lane_hello {
	LANE_CONNECTING, /* libivc has not established the channel */
	LANE_OPEN,	 /* established; no hello yet */
	LANE_SAID,	 /* this side has written its hello */
	LANE_HEARD,	 /* this side has read the peer's */
	LANE_KNOWN,	 /* both */
	LANE_HELLOS,
};

enum lane_hello_event {
	LANE_OPENED,
	LANE_SAY,
	LANE_HEAR,
	LANE_HELLO_EVENTS,
};

/* The sending side */
enum lane_out {
	LANE_NETWORK,	/* DATA goes over the network */
	LANE_ANNOUNCED, /* the network has accepted FLUSH */
	LANE_WRITABLE,	/* FLUSH has left: DATA may go into the lane */
	LANE_STOPPED,	/* STOP was sent; DRAINED is awaited */
	LANE_DRAINED,	/* DRAINED has come: the peer has read all DATA */
	LANE_COUNTED,	/* BACK was sent, after STOP */
	LANE_ABANDONED, /* BACK was sent, without STOP: the channel had ended */
	LANE_OUTS,
};

enum lane_out_event {
	LANE_SEND_FLUSH,
	LANE_FLUSH_GONE, /* the network has sent it */
	LANE_SEND_STOP,
	LANE_GET_DRAINED,
	LANE_SEND_BACK,
	LANE_OUT_EVENTS,
};

/* The receiving side */
enum lane_in {
	LANE_BEFORE,   /* DATA comes over the network */
	LANE_READING,  /* FLUSH has come: DATA comes through the lane */
	LANE_STOPPING, /* STOP has come: up to `stop` */
	LANE_ANSWERED, /* and DRAINED was sent */
	LANE_LAST,     /* BACK has come: up to `back` */
	LANE_THROUGH,  /* read up to `back`: DATA comes over the network */
	LANE_INS,
};

enum lane_in_event {
	LANE_GET_FLUSH,
	LANE_GET_STOP,
	LANE_SEND_DRAINED,
	LANE_GET_BACK,
	LANE_DELIVERED,
	LANE_IN_EVENTS,
};

#define X LANE_NONE
static const unsigned char lane_hello_next[LANE_HELLOS][LANE_HELLO_EVENTS]
	__attribute__((unused)) = {
		/* OPENED, SAY, HEAR */
		[LANE_CONNECTING] = { LANE_OPEN, X, X },
		[LANE_OPEN] = { X, LANE_SAID, LANE_HEARD },
		[LANE_SAID] = { X, X, LANE_KNOWN },
		[LANE_HEARD] = { X, LANE_KNOWN, X },
		[LANE_KNOWN] = { X, X, X },
	};

static const unsigned char lane_out_next[LANE_OUTS][LANE_OUT_EVENTS]
	__attribute__((unused)) = {
#define A LANE_ANNOUNCED
#define W LANE_WRITABLE
#define S LANE_STOPPED
#define D LANE_DRAINED
#define C LANE_COUNTED
#define L LANE_ABANDONED
		/* SEND_FLUSH FLUSH_GONE SEND_STOP GET_DRAINED SEND_BACK */
		[LANE_NETWORK] = { A, X, X, X, X },
		[LANE_ANNOUNCED] = { X, W, S, X, L },
		[LANE_WRITABLE] = { X, X, S, X, L },
		[LANE_STOPPED] = { X, X, X, D, C },
		[LANE_DRAINED] = { X, X, X, D, C },
		[LANE_COUNTED] = { X, X, X, C, X },
		[LANE_ABANDONED] = { X, X, X, X, X },
#undef A
#undef W
#undef S
#undef D
#undef C
#undef L
	};

static const unsigned char lane_in_next[LANE_INS][LANE_IN_EVENTS]
	__attribute__((unused)) = {
#define R LANE_READING
#define S LANE_STOPPING
#define A LANE_ANSWERED
#define L LANE_LAST
#define T LANE_THROUGH
		/* GET_FLUSH GET_STOP SEND_DRAINED GET_BACK DELIVERED */
		[LANE_BEFORE] = { R, X, X, X, X },
		[LANE_READING] = { X, S, X, L, X },
		[LANE_STOPPING] = { X, X, A, L, X },
		[LANE_ANSWERED] = { X, X, X, L, X },
		[LANE_LAST] = { X, X, X, X, T },
		[LANE_THROUGH] = { X, X, X, X, X },
#undef R
#undef S
#undef A
#undef L
#undef T
	};
#undef X

struct lane {
	ivc_channel *ch; /* NULL: closed on this side, or never was here */
	uint32_t gen;	 /* its number in the pair */
	uint32_t ring;	 /* bytes that this side asked for */
	enum lane_hello hello;
	enum lane_out out;
	enum lane_in in;

	/* Bytes of DATA frames, headers included, without the hello. */
	uint64_t written, read;
	uint64_t flush_end;  /* end of FLUSH in the network's stream */
	uint64_t stop, back; /* the counts in the peer's STOP and BACK */

	/*
	 * Not states, but the reader's pace (receive.c): whether the last poll
	 * found a frame, and whether frames come in a stream, so that the
	 * reader polls again behind each.
	 */
	bool found;
	bool stream;
};

/* Each applies an event. Returns false if it is not possible in this state. */
static inline bool lane_hello(struct lane *l, enum lane_hello_event ev)
{
	unsigned char to = lane_hello_next[l->hello][ev];

	if (to != LANE_NONE)
		l->hello = (enum lane_hello)to;
	return to != LANE_NONE;
}

static inline bool lane_out(struct lane *l, enum lane_out_event ev)
{
	unsigned char to = lane_out_next[l->out][ev];

	if (to != LANE_NONE)
		l->out = (enum lane_out)to;
	return to != LANE_NONE;
}

static inline bool lane_in(struct lane *l, enum lane_in_event ev)
{
	unsigned char to = lane_in_next[l->in][ev];

	if (to != LANE_NONE)
		l->in = (enum lane_in)to;
	return to != LANE_NONE;
}

static inline bool lane_has_heard(const struct lane *l)
{
	return l->hello == LANE_HEARD || l->hello == LANE_KNOWN;
}

static inline bool lane_has_said(const struct lane *l)
{
	return l->hello == LANE_SAID || l->hello == LANE_KNOWN;
}

static inline bool lane_stop_sent(const struct lane *l)
{
	return l->out == LANE_STOPPED || l->out == LANE_DRAINED ||
	       l->out == LANE_COUNTED;
}

static inline bool lane_back_sent(const struct lane *l)
{
	return l->out == LANE_COUNTED || l->out == LANE_ABANDONED;
}

/* Whether the peer has announced the end of the lane. */
static inline bool lane_peer_leaves(const struct lane *l)
{
	return l->in >= LANE_STOPPING;
}

/* Whether the peer's next DATA frame comes through the lane. */
static inline bool lane_is_read(const struct lane *l)
{
	return l->in != LANE_BEFORE && l->in != LANE_THROUGH;
}

#endif /* COORD_LANE_H */
