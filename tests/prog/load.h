/* SPDX-License-Identifier: GPL-2.0 */
/*
 * load: one process of many, each of which keeps channels to all the others and
 * answers those of the others, and joins and leaves at random.
 *
 *   load.c         the process: who is there, joining and leaving, waiting
 *   load-lane.c    channels we have opened: messages, and their answers awaited
 *   load-guest.c   channels others have opened: everything is sent back
 *
 * The first 8 bytes of a channel are a number from which both ends compute what
 * follows, so that each byte is checked for its place twice. A lane is closed
 * only when its last message has been answered: of such a channel nothing may
 * be lost. One that ends under us may have lost what ivc_undelivered() says.
 */
#ifndef LOAD_H
#define LOAD_H

#include "apitest.h"

#define LOAD_MAX 16384 /* bytes of a message */

struct load {
	uint64_t messages, bytes; /* answered, and right */
	uint64_t opened, closed;  /* lanes: by us, in order */
	uint64_t ended;		  /* by the other, or with it */
	uint64_t refused;	  /* never came to be */
	uint64_t served;	  /* channels of others, to their ends */
	uint64_t undelivered;	  /* bytes, of those that have ended */
	uint64_t joins;
	uint64_t took[512]; /* round trips: eighths of a power of two of us */
};

extern struct load load;
extern struct rng load_rng;

/* How a channel may end when its peer leaves, or is killed, or its guest. */
void load_must_be_end(const char *what, int err);

/* load-lane.c */
void lanes_make(const struct options *opt, unsigned int n);
/* Do something about each. @peers: who is there. True if anything moved. */
bool lanes_step(ivc_context *ctx, const struct options *opt,
		const ivc_peer *peers, unsigned int n_peers, bool leaving);
/* Nothing is under way any more. */
bool lanes_quiet(void);
void lanes_close(void);

/* load-guest.c */
bool guests_step(ivc_context *ctx, const struct options *opt);
void guests_close(void);

/* Descriptors to be waited for: arm what is open. -1: something is there. */
struct pollfd;
int lanes_arm(struct pollfd *fds, int room);
int guests_arm(struct pollfd *fds, int room);

#endif
