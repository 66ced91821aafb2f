/* SPDX-License-Identifier: MIT */
/*
 * The communication coordinator (SC'07, section 5): messages between the
 * processes of a job, over IVC where the two are on one host, else over the
 * network, and from one to the other while the job runs. Each message is
 * delivered once, and those to one peer in the order in which they were sent,
 * whatever the switches between. docs/reference/mpi-protocol.md says how. It
 * knows nothing of MPI.
 *
 * Errors: -errno. Nothing is printed. Nothing waits, but coord_close(),
 * coord_wait(), and coord_progress() if it is asked to.
 *
 * Threads. If asked for, any thread may call anything at any time, except that
 * coord_peer_del() and coord_close() are the last calls on what they free.
 * Callbacks are made by the thread that is in coord_progress(), one at a time;
 * they may call all but those two and coord_progress(), which does nothing
 * then. coord_send() makes none.
 *
 * Progress is made by coord_progress() alone. A process that does not call it
 * loses nothing, and nobody waits for what it has sent: that was on its way
 * when it was told so. What was sent to it stays in the ring, or, when its
 * guest or its peer's leaves the host, where the driver keeps it; or in the
 * network's buffers; and its peer queues the rest.
 */
#ifndef COORD_COORDINATOR_H
#define COORD_COORDINATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "net.h"
#include "state.h"

#define COORD_KEY 16	       /* bytes */
#define COORD_ADDRESS_MAX 512u /* the longest address */
#define COORD_HEAD 8u	       /* of a frame, ahead of the message */
#define COORD_MESSAGE_MAX (1u << 20)
#define COORD_PARTS 2

struct coordinator;
struct coord_peer;

/*
 * A message that may have to wait. The caller's, and its memory as it was, from
 * coord_send() until that returned anything but 0 or sent() was called.
 */
struct coord_send {
	TAILQ_ENTRY(coord_send) entry;
	struct {
		const void *at;
		size_t len;
	} part[COORD_PARTS]; /* the message is one behind the other */
	uint64_t end;	     /* the coordinator's */
	uint8_t tag;
};

/* What of IVC's is used up: of this machine's user, or of this guest. */
enum coord_quota {
	COORD_QUOTA_CONTEXTS, /* registered processes */
	COORD_QUOTA_CHANNELS, /* ends of channels */
	COORD_QUOTA_MEMORY,   /* of their rings */
};

struct coord_user {
	/* A message has come. @data is valid until the return. */
	void (*deliver)(void *arg, struct coord_peer *p, uint8_t tag,
			const void *data, size_t len);
	/*
	 * A message that was queued has been sent, or never will be. Sent means
	 * that it is on its way: in a channel, or the network's to carry. It
	 * needs no more progress here, unless that way breaks.
	 */
	void (*sent)(void *arg, struct coord_peer *p, struct coord_send *s,
		     int status);
	/* There is no way to @p any more. Told once. */
	void (*failed)(void *arg, struct coord_peer *p, int error);
	/*
	 * This process cannot go on: it lacks what it needs to talk to others,
	 * who wait. @error is -EMFILE, -ENFILE, -ENOMEM or the like. Told once.
	 * May be NULL.
	 */
	void (*lacks)(void *arg, int error);
	/* So some messages go over the network. Told once. May be NULL. */
	void (*over_quota)(void *arg, enum coord_quota which);
	/* Process @name wants to talk: coord_peer_add() it, or NULL. */
	struct coord_peer *(*stranger)(void *arg, uint64_t name);
	void *arg;
};

struct coord_options {
	uint64_t name;		/* of this process, unique in the job */
	uint64_t magic;		/* of the job, for ivc_register() */
	uint8_t key[COORD_KEY]; /* random: proves that one is of the job */
	size_t message_max;
	/*
	 * Bytes each way. 0: what fits message_max; between processes of one
	 * machine up to 2 MiB, as long as a process has not too many of them.
	 */
	size_t ring;
	bool use_ivc;
	bool threads;
	/* coord_progress() sleeps after so long in vain, 10 ms; 0: never */
	unsigned int sleep_after_us;
	unsigned int switch_ms; /* tests: leave each channel after 0 to that */
	bool sever;		/* tests: at times by closing it, unannounced */
};

/* What it has done, of all peers together. */
struct coord_stats {
	uint64_t to_ivc, to_net; /* switches: OPEN, LEAVE */
	uint64_t refused;
	uint64_t resent;  /* messages that came back from a channel */
	uint64_t skipped; /* and of those, which the peer had after all */
	uint64_t ivc_sent, net_sent;
	uint64_t queued;
	uint64_t slept;
};

/*
 * @open_net makes the network, with what it is given of the coordinator's; so
 * another one than TCP is a function of this kind. -EINVAL: options that make
 * no sense. *@c is the caller's until coord_close().
 */
typedef int (*coord_net_open)(void *arg, const struct net_user *user,
			      uint64_t name, const uint8_t key[COORD_KEY],
			      size_t frame_max, struct net **n);

int coord_open(const struct coord_options *o, const struct coord_user *u,
	       const struct net_ops *ops, coord_net_open open_net,
	       void *open_arg, struct coordinator **c);

/*
 * Send what is queued, say goodbye and wait for the others to do the same, at
 * most @timeout_ms; then free everything, peers too. NULL is fine. No callback
 * but sent(): what comes meanwhile is taken, so that others can end, too, and
 * dropped.
 */
void coord_close(struct coordinator *c, int timeout_ms);

/* Has it joined the job's group on this host? */
bool coord_has_ivc(const struct coordinator *c);

/*
 * Is the process with this coord_address() in the job's group on this host, so
 * that a channel to it can be made? As far as can be known at this moment.
 */
bool coord_is_here(struct coordinator *c, const void *addr, size_t len);

/* What another process needs for coord_peer_add(). Returns its length. */
int coord_address(const struct coordinator *c, void *buf, size_t max);

/*
 * A process, by its name and its coord_address(). @user is the caller's. If it
 * is there already it is returned, unchanged. NULL with errno: EINVAL,
 * EPROTONOSUPPORT (it speaks another version), ENOMEM.
 */
struct coord_peer *coord_peer_add(struct coordinator *c, uint64_t name,
				  const void *addr, size_t len, void *user);
/* Forget it, and what is queued for it: sent() is called with -ECANCELED. */
void coord_peer_del(struct coord_peer *p);

void *coord_peer_user(const struct coord_peer *p);
uint64_t coord_peer_name(const struct coord_peer *p);
enum coord_state coord_peer_state(const struct coord_peer *p);

/*
 * 1: sent, and @s is not needed any more. 0: queued, sent() will be called.
 * -EMSGSIZE; -EINVAL: nothing to send; or why there is no way to @p.
 */
int coord_send(struct coord_peer *p, struct coord_send *s);

/*
 * The same for a short message in two parts, either of which may be empty, but
 * with nothing to wait for: 1 sent, or 0: not at this moment, nothing was done.
 * It is always 0 while messages go over the network, which can take the first
 * half of a message and no more.
 */
int coord_send_now(struct coord_peer *p, uint8_t tag, const void *head,
		   size_t head_len, const void *data, size_t len);

/* How many messages came or went. */
int coord_progress(struct coordinator *c);

/*
 * Sleep until there may be something for coord_progress(), for @ms at most; or
 * not at all, if there is, or another thread makes progress. It costs some 20
 * us for each channel in use, and the peers that send something meanwhile a
 * doorbell each.
 */
void coord_wait(struct coordinator *c, int ms);

/* Is there nothing left that this process has sent and not got rid of? */
bool coord_idle(const struct coordinator *c);

void coord_get_stats(const struct coordinator *c, struct coord_stats *st);

/*
 * For tests: go over to the network; @sever: by closing the channel at once, if
 * this is the process with the lower name.
 */
void coord_force(struct coord_peer *p, bool sever);
/* For tests: the same with the network's connection. */
void coord_break_net(struct coord_peer *p);

#endif /* COORD_COORDINATOR_H */
