/* SPDX-License-Identifier: GPL-2.0 */
/*
 * load: one process of many. Each has channels to all the others, answers their
 * messages, and joins and leaves at random.
 *
 *   load.c         the process: members, joining and leaving, waiting
 *   load-lane.c    channels this process has opened: messages and answers
 *   load-guest.c   channels other processes have opened: an echo
 *
 * The first 8 bytes on a channel are a number from which both ends compute all
 * later bytes, so that each byte is checked twice. A lane is closed only when
 * its last message is answered: such a channel must not lose data. A lane that
 * ends otherwise may lose as much as ivc_undelivered() says.
 */
#ifndef LOAD_H
#define LOAD_H

#include "apitest.h"

#define LOAD_MAX 16384 /* bytes of a message */

struct load {
	uint64_t messages, bytes; /* answered, and right */
	uint64_t opened, closed;  /* lanes closed by this process, in order */
	uint64_t ended;		  /* ended by the peer, or with it */
	uint64_t refused;	  /* never established */
	uint64_t served;      /* channels of other processes that have ended */
	uint64_t undelivered; /* bytes of those that have ended */
	uint64_t joins;
	uint64_t took[512]; /* round-trip times, in eighths of a power of two of
			       us */
};

extern struct load load;
extern struct rng load_rng;

/*
 * The errors with which a channel may end when its peer leaves, is killed, or
 * loses its guest.
 */
void load_must_be_end(const char *what, int err);

/* load-lane.c */
void lanes_make(const struct options *opt, unsigned int n);
/*
 * Make progress on each. @peers: the members. Returns true if anything moved.
 */
bool lanes_step(ivc_context *ctx, const struct options *opt,
		const ivc_peer *peers, unsigned int n_peers, bool leaving);
/* No message is under way any more. */
bool lanes_quiet(void);
void lanes_close(void);

/* load-guest.c */
bool guests_step(ivc_context *ctx, const struct options *opt);
void guests_close(void);

/* The descriptors to poll; arms open channels. -1: data is there already. */
struct pollfd;
int lanes_arm(struct pollfd *fds, int room);
int guests_arm(struct pollfd *fds, int room);

#endif
