/* SPDX-License-Identifier: GPL-2.0 */
/* closers: what the scenarios share. */
#ifndef APITEST_CLOSERS_H
#define APITEST_CLOSERS_H

#include "remote-peer.h"

/* At the start of a scenario only these are open on either side. */
struct stage {
	const struct options *opt;
	ivc_context *ctx;     /* ours, id opt->id */
	ivc_channel *control; /* to the remote peer */
};

struct scenario {
	const char *name;
	void (*run)(struct stage *s);
};

/* closers-open.c, closers-use.c: the last entry has no name */
extern const struct scenario open_scenarios[];
extern const struct scenario use_scenarios[];

/*
 * Process ids that only the scenarios use: of the remote peer, and of this
 * side.
 */
#define REMOTE_ID(s) ((s)->opt->peer + 1000)
#define OUR_ID(s) ((s)->opt->id + 2000)

/* Send a command. answer() gets its result. */
void tell(struct stage *s, struct remote_cmd cmd);
struct remote_reply answer(struct stage *s);
/* Both; the result must be @want. Returns the value. */
uint64_t order(struct stage *s, struct remote_cmd cmd, int64_t want);

/*
 * Open a context of the remote peer in its slot 0, with the id REMOTE_ID; close
 * it.
 */
void remote_in(struct stage *s);
void remote_out(struct stage *s);
ivc_peer remote_peer(struct stage *s);
/* Open a channel to that context; the remote end is in slot 0. */
ivc_channel *channel_to(struct stage *s, uint32_t tx_size, uint32_t rx_size);
/* Close the own end, then the remote one, which must have ended with @want. */
void channel_done(struct stage *s, ivc_channel *ch, int want_ours,
		  int want_remote);

#endif
