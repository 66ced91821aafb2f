/* SPDX-License-Identifier: MIT */
/*
 * The communication coordinator (SC'07, section 5): messages between the
 * processes of a job, through IVC where two processes are on one host, else
 * over the network. A pair changes from one path to the other while the job
 * runs. Each message is delivered once, and the messages to a peer in the order
 * in which they were sent, whatever switches happen between. The protocol is
 * docs/reference/mpi-protocol.md. The coordinator knows nothing of MPI.
 *
 * Errors: -errno. Nothing is printed. Only coord_close(), coord_wait(), and
 * coord_progress() with sleep_after_us set ever wait.
 *
 * Threads. With the option `threads`, any thread may call any function at any
 * time, except that coord_peer_del() and coord_close() are the last calls on
 * the objects that they free. The thread in coord_progress() makes all
 * callbacks, one at a time. A callback may call everything but those two;
 * coord_progress() returns at once there. coord_send() makes no callback.
 *
 * Progress is made in coord_progress() only. A process without calls loses
 * nothing, and nobody waits for messages that were reported as sent: they have
 * left the process. Messages to such a process stay in the ring, or,
 * when its guest or its peer's guest is suspended, in the driver, which takes
 * them over; or in the network's buffers. The peer queues the rest.
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
#define COORD_ADDRESS_MAX 512u /* bytes; the longest address */
#define COORD_HEAD 8u	       /* bytes of a frame before the message */
#define COORD_MESSAGE_MAX (1u << 20)
#define COORD_PARTS 2

struct coordinator;
struct coord_peer;

/*
 * A message that may have to wait. The structure and the message's memory
 * belong to the coordinator from coord_send() until that returned anything but
 * 0 or sent() was called.
 */
struct coord_send {
	TAILQ_ENTRY(coord_send) entry;
	struct {
		const void *at;
		size_t len;
	} part[COORD_PARTS]; /* the message is the parts in order */
	uint64_t end;	     /* of the coordinator */
	uint8_t tag;
};

/*
 * The quotas of IVC that may be exceeded: of a user of this machine, or of this
 * guest.
 */
enum coord_quota {
	COORD_QUOTA_CONTEXTS, /* contexts: registered processes */
	COORD_QUOTA_CHANNELS, /* ends of channels */
	COORD_QUOTA_MEMORY,   /* memory of their rings */
};

struct coord_user {
	/* A message has come. @data is valid until the callback returns. */
	void (*deliver)(void *arg, struct coord_peer *p, uint8_t tag,
			const void *data, size_t len);
	/*
	 * A queued message has been sent, or never will be (@status -errno).
	 * Sent means that the message has left this process, through a channel
	 * or the network, and needs no more progress here unless that path
	 * breaks.
	 */
	void (*sent)(void *arg, struct coord_peer *p, struct coord_send *s,
		     int status);
	/* No path to @p is left. Called once for each peer. */
	void (*failed)(void *arg, struct coord_peer *p, int error);
	/*
	 * This process lacks descriptors or memory for connections, and others
	 * wait for it. @error is -EMFILE, -ENFILE, -ENOMEM or the like. Called
	 * once. May be NULL.
	 */
	void (*lacks)(void *arg, int error);
	/*
	 * A quota is exceeded, so some messages go over the network. Called
	 * once. May be NULL.
	 */
	void (*over_quota)(void *arg, enum coord_quota which);
	/*
	 * Process @name, which is no peer yet, connects. Returns
	 * coord_peer_add() for it, or NULL to refuse.
	 */
	struct coord_peer *(*stranger)(void *arg, uint64_t name);
	void *arg;
};

struct coord_options {
	uint64_t name;		/* of this process, unique in the job */
	uint64_t magic;		/* of the job, for ivc_register() */
	uint8_t key[COORD_KEY]; /* random; proves membership of the job */
	size_t message_max;
	/*
	 * Bytes of a channel's ring, each way. 0: the least that message_max
	 * needs; between processes of one machine up to 2 MiB, and less if the
	 * process has many channels.
	 */
	size_t ring;
	bool use_ivc;
	bool threads;
	/* us without a message until coord_progress() sleeps; 0: never */
	unsigned int sleep_after_us;
	unsigned int
		switch_ms; /* for tests: leave each channel within so many */
	bool sever; /* for tests: at times by closing it without a mark */
};

/* Counters of all peers together. */
struct coord_stats {
	uint64_t to_ivc, to_net; /* number of switches: events OPEN and LEAVE */
	uint64_t refused;
	uint64_t resent;  /* messages that a channel did not deliver */
	uint64_t skipped; /* of those, messages that the peer had read */
	uint64_t ivc_sent, net_sent;
	uint64_t queued;
	uint64_t slept;
};

/*
 * @open_net makes the network from what the coordinator gives it, so another
 * network than TCP is another function of this type. Returns -EINVAL for
 * options that make no sense. *@c belongs to the caller until coord_close().
 */
typedef int (*coord_net_open)(void *arg, const struct net_user *user,
			      uint64_t name, const uint8_t key[COORD_KEY],
			      size_t frame_max, struct net **n);

int coord_open(const struct coord_options *o, const struct coord_user *u,
	       const struct net_ops *ops, coord_net_open open_net,
	       void *open_arg, struct coordinator **c);

/*
 * Sends queued messages, says goodbye and waits for the other processes to do
 * the same, at most @timeout_ms; then frees everything, peers too. NULL is
 * fine. Makes no callback but sent(). Messages that come meanwhile are read and
 * discarded, so that their senders can end, too.
 */
void coord_close(struct coordinator *c, int timeout_ms);

/* Whether this process is a member of the job's group on this host. */
bool coord_has_ivc(const struct coordinator *c);

/*
 * Whether the process with this coord_address() is in the job's group on this
 * host, so that a channel to it can be made, as far as this host knows at the
 * moment.
 */
bool coord_is_here(struct coordinator *c, const void *addr, size_t len);

/*
 * Writes the address that another process needs for coord_peer_add(). Returns
 * its length.
 */
int coord_address(const struct coordinator *c, void *buf, size_t max);

/*
 * Adds a process, by its name and its coord_address(). @user belongs to the
 * caller. A peer that was added before is returned unchanged. Returns NULL with
 * errno EINVAL, EPROTONOSUPPORT (another version of the protocol) or ENOMEM.
 */
struct coord_peer *coord_peer_add(struct coordinator *c, uint64_t name,
				  const void *addr, size_t len, void *user);
/* Frees @p. sent() is called with -ECANCELED for each queued message. */
void coord_peer_del(struct coord_peer *p);

void *coord_peer_user(const struct coord_peer *p);
uint64_t coord_peer_name(const struct coord_peer *p);
enum coord_state coord_peer_state(const struct coord_peer *p);

/*
 * Sends @s, or queues it. Returns 1: sent, @s is free again; 0: queued, sent()
 * will be called; -EMSGSIZE; -EINVAL for an empty message; or the error of the
 * failed pair.
 */
int coord_send(struct coord_peer *p, struct coord_send *s);

/*
 * The same for a short message in two parts, either of which may be empty, and
 * without a queue. Returns 1: sent, or 0: not possible at the moment, nothing
 * was done. While messages go over the network the result is always 0: the
 * network could take half a message.
 */
int coord_send_now(struct coord_peer *p, uint8_t tag, const void *head,
		   size_t head_len, const void *data, size_t len);

/* Makes progress. Returns the number of messages that came or left. */
int coord_progress(struct coordinator *c);

/*
 * Sleeps until coord_progress() may have something to do, at most @ms. Returns
 * at once if it has already, or if another thread makes progress. A sleep costs
 * some 20 us for each channel in use, and each peer that sends meanwhile a
 * doorbell.
 */
void coord_wait(struct coordinator *c, int ms);

/* Whether all messages of this process have been sent. */
bool coord_idle(const struct coordinator *c);

void coord_get_stats(const struct coordinator *c, struct coord_stats *st);

/*
 * For tests: leave the channel. With @sever, close it without a mark, if this
 * process has the lower name.
 */
void coord_force(struct coord_peer *p, bool sever);
/* For tests: break the network's connection to @p. */
void coord_break_net(struct coord_peer *p);

#endif /* COORD_COORDINATOR_H */
