// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of kernel/front/handover.h: each state can be reached, no event
 * leads back to LIVE, and each sequence of events ends in the right state.
 */
#include <linux/kernel.h>

#include "../../../kernel/front/handover.h"
#include "stub.h"

#define EVENTS 4

/* Events from LIVE on, ended by -1, and the state in which they end. */
struct way {
	int event[EVENTS + 1];
	int end;
};

static const struct way tx_ways[] = {
	{ { -1 }, IVC_TX_LIVE },
	{ { IVC_TX_STOP, IVC_TX_STOP, -1 }, IVC_TX_STOPPED },
	{ { IVC_TX_STOP, IVC_TX_CUT, -1 }, IVC_TX_CUT_OFF },
	{ { IVC_TX_STOP, IVC_TX_CUT, IVC_TX_RETURN, -1 }, IVC_TX_RETURNED },
	{ { IVC_TX_STOP, IVC_TX_RETURN, IVC_TX_CUT, -1 }, IVC_TX_RETURNED },
	/*
	 * A ring that its process still writes is neither cut off nor returned.
	 */
	{ { IVC_TX_CUT, IVC_TX_RETURN, -1 }, IVC_TX_LIVE },
};

static const struct way rx_ways[] = {
	{ { IVC_RX_REVOKE, IVC_RX_REVOKE, -1 }, IVC_RX_REVOKED },
	{ { IVC_RX_REVOKE, IVC_RX_COPY, -1 }, IVC_RX_COPIED },
	{ { IVC_RX_REVOKE, IVC_RX_COPY, IVC_RX_HIDE, -1 }, IVC_RX_HIDDEN },
	{ { IVC_RX_REVOKE, IVC_RX_COPY, IVC_RX_HIDE, IVC_RX_SHOW, -1 },
	  IVC_RX_COPIED },
	/* Only a ring that the process cannot see is copied. */
	{ { IVC_RX_COPY, IVC_RX_HIDE, -1 }, IVC_RX_LIVE },
	/* Without a copy there is nothing to hide. */
	{ { IVC_RX_REVOKE, IVC_RX_HIDE, -1 }, IVC_RX_REVOKED },
};

/* Follow each entry of the @states by @events table @next from state 0. */
static void reachable(const unsigned char *next, int states, int events)
{
	unsigned int seen = 1, before = 0;
	int s, e, to;

	while (seen != before) {
		before = seen;
		for (s = 0; s < states; s++) {
			for (e = 0; seen & (1u << s) && e < events; e++) {
				to = next[s * events + e];
				if (to == IVC_STATE_NONE)
					continue;
				STUB_CHECK(to > 0 && to < states);
				seen |= 1u << to;
			}
		}
	}
	STUB_CHECK(seen == (1u << states) - 1);
}

static void tables(void)
{
	reachable(&ivc_tx_state_next[0][0], IVC_TX_STATES, IVC_TX_EVENTS);
	reachable(&ivc_rx_state_next[0][0], IVC_RX_STATES, IVC_RX_EVENTS);
}

static void ways(void)
{
	enum ivc_tx_state tx;
	enum ivc_rx_state rx;
	unsigned int i;
	int j;

	for (i = 0; i < ARRAY_SIZE(tx_ways); i++) {
		tx = IVC_TX_LIVE;
		for (j = 0; tx_ways[i].event[j] >= 0; j++)
			ivc_tx_event(&tx, tx_ways[i].event[j]);
		STUB_CHECK((int)tx == tx_ways[i].end);
	}
	for (i = 0; i < ARRAY_SIZE(rx_ways); i++) {
		rx = IVC_RX_LIVE;
		for (j = 0; rx_ways[i].event[j] >= 0; j++)
			ivc_rx_event(&rx, rx_ways[i].event[j]);
		STUB_CHECK((int)rx == rx_ways[i].end);
	}
}

const struct stub_test stub_tests[] = {
	{ "tables", tables },
	{ "ways", ways },
	{},
};
