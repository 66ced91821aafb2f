/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * States of a channel end and of a context: one enum and one table each, for
 * the frontend driver and for the tests that check it. The diagram below is the
 * only one. docs/reference/protocol.md 3.5 says what the events mean, and has
 * the same tables.
 *
 *           OFFER              ACCEPTED
 *   NEW ----------> OFFERED -----------> OPEN ---------------.
 *    |  \______________________________^  |                  | LEAVE
 *    |          TAKEN         |           |                  v
 *    |                        |           |          STOPPED
 *    |  FAIL, LEAVE           | GONE,     | GONE,   LEFT -------> KEPT
 *    +---------> ENDED <------+ FAIL,     | FAIL     | GONE, CUT   | SETTLED,
 *    |             ^ ^          LEAVE     |          |             | GONE, CUT
 *    |             | +--------------------+----------+-------------+
 *    |  CLOSE      | CLOSE
 *    +----------> CLOSING <---- CLOSE (from OFFERED, OPEN, LEFT, KEPT too)
 *                  | RELEASED
 *                  v
 *                 DEAD
 */
#ifndef IVC_STATE_H
#define IVC_STATE_H

#define IVC_STATE_NONE 0xff /* the event changes nothing */
#define X IVC_STATE_NONE

enum ivc_chan_state {
	IVC_CHAN_NEW,
	IVC_CHAN_OFFERED,
	IVC_CHAN_OPEN,
	IVC_CHAN_LEFT,
	IVC_CHAN_KEPT,
	IVC_CHAN_ENDED,
	IVC_CHAN_CLOSING,
	IVC_CHAN_DEAD,
	IVC_CHAN_STATES,
};

enum ivc_chan_event {
	IVC_CHAN_OFFER,
	IVC_CHAN_ACCEPTED,
	IVC_CHAN_TAKEN,
	IVC_CHAN_LEAVE,
	IVC_CHAN_STOPPED,
	IVC_CHAN_SETTLED,
	IVC_CHAN_CUT,
	IVC_CHAN_GONE,
	IVC_CHAN_FAIL,
	IVC_CHAN_CLOSE,
	IVC_CHAN_RELEASED,
	IVC_CHAN_EVENTS,
};

/* Names of states and events, for logs, debugfs and tests. */
static const char *const ivc_chan_state_name[IVC_CHAN_STATES]
	__attribute__((unused)) = {
		"new",	"offered", "open",    "left",
		"kept", "ended",   "closing", "dead",
	};

static const char *const ivc_chan_event_name[IVC_CHAN_EVENTS]
	__attribute__((unused)) = {
		"offer", "accepted", "taken", "leave", "stopped",  "settled",
		"cut",	 "gone",     "fail",  "close", "released",
	};

static const unsigned char ivc_chan_next[IVC_CHAN_STATES][IVC_CHAN_EVENTS]
	__attribute__((unused)) = {
#define F IVC_CHAN_OFFERED
#define O IVC_CHAN_OPEN
#define L IVC_CHAN_LEFT
#define K IVC_CHAN_KEPT
#define E IVC_CHAN_ENDED
#define C IVC_CHAN_CLOSING
#define D IVC_CHAN_DEAD
		/* OFFER ACCEPTED TAKEN LEAVE STOPPED SETTLED CUT GONE FAIL
		 * CLOSE RELEASED
		 */
		[IVC_CHAN_NEW] = { F, X, O, E, X, X, X, E, E, C, X },
		[IVC_CHAN_OFFERED] = { X, O, X, E, X, X, X, E, E, C, X },
		[IVC_CHAN_OPEN] = { X, X, X, L, X, X, X, E, E, C, X },
		[IVC_CHAN_LEFT] = { X, X, X, X, K, X, E, E, X, C, X },
		[IVC_CHAN_KEPT] = { X, X, X, X, X, E, E, E, X, C, X },
		[IVC_CHAN_ENDED] = { X, X, X, X, X, X, X, X, X, C, X },
		[IVC_CHAN_CLOSING] = { X, X, X, X, X, X, X, X, X, X, D },
		[IVC_CHAN_DEAD] = { X, X, X, X, X, X, X, X, X, X, X },
#undef F
#undef O
#undef L
#undef K
#undef E
#undef C
#undef D
	};

/*
 *   IDLE --REGISTER--> ASKING --ANSWERED--> MEMBER --LEAVE--> AWAY
 *     ^                  | REFUSED            ^                |  ^
 *     +------------------+           ANSWERED |        BACKEND |  | REFUSED,
 *                                             |                v  | LEAVE
 *   any --CLOSE--> CLOSED                     +------------ RETURNING
 */
enum ivc_ctx_state {
	IVC_CTX_IDLE,
	IVC_CTX_ASKING,
	IVC_CTX_MEMBER,
	IVC_CTX_AWAY,
	IVC_CTX_RETURNING,
	IVC_CTX_CLOSED,
	IVC_CTX_STATES,
};

enum ivc_ctx_event {
	IVC_CTX_REGISTER,
	IVC_CTX_ANSWERED,
	IVC_CTX_REFUSED,
	IVC_CTX_LEAVE,
	IVC_CTX_BACKEND,
	IVC_CTX_CLOSE,
	IVC_CTX_EVENTS,
};

static const unsigned char ivc_ctx_next[IVC_CTX_STATES][IVC_CTX_EVENTS]
	__attribute__((unused)) = {
#define I IVC_CTX_IDLE
#define A IVC_CTX_ASKING
#define M IVC_CTX_MEMBER
#define W IVC_CTX_AWAY
#define R IVC_CTX_RETURNING
#define C IVC_CTX_CLOSED
		/* REGISTER ANSWERED REFUSED LEAVE BACKEND CLOSE */
		[IVC_CTX_IDLE] = { A, X, X, X, X, C },
		[IVC_CTX_ASKING] = { X, M, I, X, X, C },
		[IVC_CTX_MEMBER] = { X, X, X, W, X, C },
		[IVC_CTX_AWAY] = { X, X, X, X, R, C },
		[IVC_CTX_RETURNING] = { X, M, W, W, X, C },
		[IVC_CTX_CLOSED] = { X, X, X, X, X, X },
#undef I
#undef A
#undef M
#undef W
#undef R
#undef C
	};

#undef X

#endif /* IVC_STATE_H */
