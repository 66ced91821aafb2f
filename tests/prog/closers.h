/* SPDX-License-Identifier: GPL-2.0 */
/* closers: the scenarios' common ground. */
#ifndef APITEST_CLOSERS_H
#define APITEST_CLOSERS_H

#include "remote-peer.h"

/* What a scenario starts with: nothing open on either side but these. */
struct stage {
	const struct options *opt;
	ivc_context *ctx;     /* ours, id opt->id */
	ivc_channel *control; /* to the remote peer */
};

struct scenario {
	const char *name;
	void (*run)(struct stage *s);
};

/* closers-open.c, closers-use.c: ended by an entry without name */
extern const struct scenario open_scenarios[];
extern const struct scenario use_scenarios[];

/* Process ids that only the scenarios use; the remote peer's and ours. */
#define REMOTE_ID(s) ((s)->opt->peer + 1000)
#define OUR_ID(s) ((s)->opt->id + 2000)

/* Send a command; its answer is to be fetched. */
void tell(struct stage *s, struct remote_cmd cmd);
struct remote_reply answer(struct stage *s);
/* Both, and what it returned must be that. Returns the value. */
uint64_t order(struct stage *s, struct remote_cmd cmd, int64_t want);

/* A context of the remote peer's in its slot 0, id REMOTE_ID; and away again.
 */
void remote_in(struct stage *s);
void remote_out(struct stage *s);
ivc_peer remote_peer(struct stage *s);
/* A channel between us and that context: the remote peer's is in its slot 0. */
ivc_channel *channel_to(struct stage *s, uint32_t tx_size, uint32_t rx_size);
/* Close ours and then the remote peer's, which must have ended with @want. */
void channel_done(struct stage *s, ivc_channel *ch, int want_ours,
		  int want_remote);

#endif
