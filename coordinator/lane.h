/* SPDX-License-Identifier: MIT */
/*
 * One channel to a peer, which this file calls a lane: its hello, and the
 * hand-over of each direction from the network to the channel and back. Three
 * enums and three tables; docs/reference/mpi-protocol.md has the meaning of the
 * frames. The state of the pair as a whole is in state.h.
 *
 * The hello, once each way. The side that connects begins in CONNECTING, the
 * side that accepts in HEARD.
 *
 *                OPENED          SAY           HEAR
 *   CONNECTING ----------> OPEN -----> SAID ----------> KNOWN
 *                            | HEAR            SAY        ^
 *                            +-------> HEARD -------------+
 *
 * What this side sends: its FLUSH, the frames, and the marks that end them.
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
 * DRAINED, which answers STOP, may come when this side has already sent BACK,
 * because the channel ended meanwhile. So COUNTED accepts it; in every state
 * that STOP does not lead to, it breaks the protocol.
 *
 * What this side receives: the same marks of the peer, and THROUGH when all
 * frames up to the peer's BACK have been delivered.
 *
 *          FLUSH         STOP           ANSWER            BACK
 *   BEFORE -----> READING -----> STOPPED -----> ANSWERED -----> LAST -->
 * THROUGH | BACK        | BACK                        ^
 *                    +-------------+-----------------------------+
 */
#ifndef COORD_LANE_H
#define COORD_LANE_H

#include <ivc/ivc.h>
#include <stdbool.h>
#include <stdint.h>

#define LANE_NONE 0xff /* the event is not possible in this state */

enum lane_hello {
	LANE_CONNECTING, /* libivc has not established the channel yet */
	LANE_OPEN,	 /* it has; neither side's hello is known here */
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

/* What this side sends. */
enum lane_out {
	LANE_NETWORK,	/* frames go over the network: no FLUSH was sent */
	LANE_ANNOUNCED, /* FLUSH is in the network's buffer */
	LANE_WRITABLE,	/* FLUSH has left this process: frames may be written */
	LANE_STOPPED,	/* STOP was sent, DRAINED is awaited */
	LANE_DRAINED,	/* the peer has read all frames */
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

/* What this side receives. */
enum lane_in {
	LANE_BEFORE,   /* the network is read: no FLUSH has come */
	LANE_READING,  /* the channel is */
	LANE_STOPPING, /* STOP has come: the channel is read up to `stop` */
	LANE_ANSWERED, /* and DRAINED was sent */
	LANE_LAST,     /* BACK has come: the channel is read up to `back` */
	LANE_THROUGH, /* all of that was delivered; the network is read again */
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

	/* Bytes of frames, headers included. The hello is not counted. */
	uint64_t written, read;
	uint64_t flush_end;  /* of our FLUSH, in what the network has sent */
	uint64_t stop, back; /* what the peer's STOP and BACK say */

	/*
	 * Not states of the hand-over: what the last two looks found, by which
	 * the reader paces itself (receive.c).
	 */
	bool found;  /* the last look found a frame, */
	bool stream; /* and so did the one before */
};

/* Each takes an event; false: it is not possible in this state. */
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

/* Has the peer said that it leaves the channel? */
static inline bool lane_peer_leaves(const struct lane *l)
{
	return l->in >= LANE_STOPPING;
}

/* Does the next frame of the peer come through the channel? */
static inline bool lane_is_read(const struct lane *l)
{
	return l->in != LANE_BEFORE && l->in != LANE_THROUGH;
}

#endif /* COORD_LANE_H */
