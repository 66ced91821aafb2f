/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far each ring of a channel has been handed over: one enum, one table and
 * one diagram per direction, as include/ivc/protocol/state.h has them for the
 * channel.
 *
 * The state of the channel says what both kernels have agreed on. These states
 * say what has been done to the memory, which the state of the channel does not
 * imply. When a process closes, the peer's ring is revoked and not copied. When
 * a copy fails for want of memory, the channel still goes on to KEPT and ENDED.
 * The two directions do not imply each other either: a table of both would have
 * sixteen states.
 *
 * Our ring, which our process writes and the peer reads (undelivered.c):
 *
 *   LIVE --STOP--> STOPPED --RETURN--> RETURNED
 *                     | CUT               ^
 *                     v                   | RETURN
 *                  CUT_OFF ---------------+
 *
 * The peer's ring, which our process reads (unread.c, mmap.c). The ring of a
 * partner in this guest stays LIVE, because its memory belongs to this guest:
 *
 *                                              HIDE
 *   LIVE --REVOKE--> REVOKED --COPY--> COPIED ------> HIDDEN
 *                                             <------
 *                                              SHOW
 */
#ifndef IVC_HANDOVER_H
#define IVC_HANDOVER_H

#include <ivc/protocol/state.h>

enum ivc_tx_state {
	IVC_TX_LIVE,	 /* our process writes the ring */
	IVC_TX_STOPPED,	 /* its stores go to a scrap page */
	IVC_TX_CUT_OFF,	 /* and the peer must not read on */
	IVC_TX_RETURNED, /* no page is granted any more */
	IVC_TX_STATES,
};

enum ivc_tx_event {
	IVC_TX_STOP,
	IVC_TX_CUT,
	IVC_TX_RETURN,
	IVC_TX_EVENTS,
};

enum ivc_rx_state {
	IVC_RX_LIVE,	/* our process sees the peer's pages */
	IVC_RX_REVOKED, /* our process sees the copy, or an empty ring */
	IVC_RX_COPIED,	/* the copy has all unread data before took_until */
	IVC_RX_HIDDEN,	/* and our process must not read on */
	IVC_RX_STATES,
};

enum ivc_rx_event {
	IVC_RX_REVOKE,
	IVC_RX_COPY,
	IVC_RX_HIDE,
	IVC_RX_SHOW,
	IVC_RX_EVENTS,
};

#define X IVC_STATE_NONE

static const unsigned char ivc_tx_state_next[IVC_TX_STATES][IVC_TX_EVENTS]
	__attribute__((unused)) = {
#define S IVC_TX_STOPPED
#define C IVC_TX_CUT_OFF
#define R IVC_TX_RETURNED
		/* STOP CUT RETURN */
		[IVC_TX_LIVE] = { S, X, X },
		[IVC_TX_STOPPED] = { X, C, R },
		[IVC_TX_CUT_OFF] = { X, X, R },
		[IVC_TX_RETURNED] = { X, X, X },
#undef S
#undef C
#undef R
	};

static const unsigned char ivc_rx_state_next[IVC_RX_STATES][IVC_RX_EVENTS]
	__attribute__((unused)) = {
#define V IVC_RX_REVOKED
#define C IVC_RX_COPIED
#define H IVC_RX_HIDDEN
		/* REVOKE COPY HIDE SHOW */
		[IVC_RX_LIVE] = { V, X, X, X },
		[IVC_RX_REVOKED] = { X, C, X, X },
		[IVC_RX_COPIED] = { X, X, H, X },
		[IVC_RX_HIDDEN] = { X, X, X, C },
#undef V
#undef C
#undef H
	};

#undef X

/* The one way to change either state: true if @ev did. Under ch->lock. */
static inline bool ivc_tx_event(enum ivc_tx_state *state, enum ivc_tx_event ev)
{
	unsigned char next = ivc_tx_state_next[*state][ev];

	if (next == IVC_STATE_NONE)
		return false;
	*state = next;
	return true;
}

static inline bool ivc_rx_event(enum ivc_rx_state *state, enum ivc_rx_event ev)
{
	unsigned char next = ivc_rx_state_next[*state][ev];

	if (next == IVC_STATE_NONE)
		return false;
	*state = next;
	return true;
}

#endif /* IVC_HANDOVER_H */
