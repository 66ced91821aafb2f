/* SPDX-License-Identifier: MIT */
/*
 * The local transport: members are processes of one machine, brought together
 * by ivcd; see include/ivc/protocol/local.h for what they say to each other.
 *
 *   context.c       contexts, and the table of operations
 *   thread.c        the library's thread, its start and end, fork()
 *   link.c          the connection to ivcd
 *   request.c       requests over it, and what comes unasked
 *   outbox.c        what the library tells ivcd by itself
 *   connect.c       how a channel comes to be
 *   channel.c       its doorbell and its end
 *   memfd.c         the rings' memory, made and judged
 *   undelivered.c   what of the writes was not delivered
 *
 * There is no kernel to play the driver's part, so a thread of the library
 * does, one per process, from the first context to the last channel. It sleeps
 * in epoll_wait() until ivcd says something or a channel's socket ends; then it
 * stores the channel's status where the data path looks for it anyway. So a
 * reader that polls without system calls learns of a peer's death as it would
 * from a driver, within microseconds, and the data path is the same code for
 * both transports. Doorbells do not wake the thread: it listens for hang-ups
 * alone, and who sleeps polls for himself.
 *
 * One lock, local.lock, for all that is here. It is never held while waiting
 * for anybody, and never taken on the data path: a ring at the doorbell and an
 * ARM need it only once the channel has ended.
 */
#ifndef IVC_LOCAL_PRIVATE_H
#define IVC_LOCAL_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>
#include <ivc/protocol/local.h>
#include <ivc/protocol/state.h>

#include "../../common/unix-packet.h"
#include "../channel.h"
#include "../context.h"

/* What the library has to tell ivcd of a context or a channel by itself. */
enum local_due {
	LOCAL_DUE_NOTHING,
	LOCAL_DUE_SEND,	 /* it is to be sent: in a list of local.due */
	LOCAL_DUE_REPLY, /* and has been: in a list of local.asked */
};

/* An offer that waits for accept. */
struct local_offer {
	TAILQ_ENTRY(local_offer) node;
	int fd;
	uint32_t conn; /* 0: of an ivcd that has gone */
	ivc_peer peer;
	uint32_t tx_size; /* the offerer's ring */
	uint32_t rx_size; /* what it asks of ours */
};

struct local_context {
	LIST_ENTRY(local_context) node;
	LIST_ENTRY(local_context) in_hash; /* while it has a member */
	struct ivc_context *ctx;
	uint64_t member; /* 0: not registered now */
	bool registered; /* has been, and shall be again */
	bool shown;	 /* events count for the context's descriptor */
	/* To register again after a loss: see outbox.c. */
	TAILQ_ENTRY(local_context) in_due;
	enum local_due due;
	uint64_t cookie;
	unsigned int tries;
	uint32_t generation;
	bool hosts_changed, detached, attached;
	int attach_status; /* not 0: not to be had back, either */
	TAILQ_HEAD(, local_offer) offers;
	/*
	 * Why an offer was refused before it was in the list: this process had
	 * no descriptor or no memory for it. The next accept returns that. 0:
	 * none was.
	 */
	int lack;
	/* eventfds, readable while there is an offer, an event. */
	int offer_fd, event_fd;
	bool offer_lit, event_lit;
};

struct local_channel {
	LIST_ENTRY(local_channel) node;
	struct ivc_channel *ch;
	enum ivc_chan_state state;
	uint64_t key;	 /* in the thread's epoll set; 0: not there */
	uint64_t member; /* the context it was made from */
	uint32_t conn;	 /* 0: not in ivcd's books */
	bool closing;	 /* no channel any more: only CLOSE is to be sent */
	/* CONNECT, ADOPT, or CLOSE: see outbox.c. */
	TAILQ_ENTRY(local_channel) in_due;
	enum local_due due;
	uint64_t cookie;
	int refused; /* the late answer to CONNECT, if it was an error */
	int failed;  /* why it did not come to be */
	uint64_t reader_pos; /* where the peer had come to when the channel
				ended */

	int other;  /* the peer's socket, until it has been passed on */
	int memory; /* of `own`, until the peer has been greeted */

	uint32_t tx_size, rx_size; /* rings; rx at first: what was asked */
	uint8_t *own;		   /* IVC_LOCAL_HEAD + tx_size bytes */
	const uint8_t *peer;

	/* The doorbell: shared by the reading and the writing thread. */
	uint32_t rung;	/* value of the peer's `want` it was rung for */
	bool ring_late; /* there was no memory to ring: the thread does */
	uint64_t kicks, wakeups, spurious;
};

/* Contexts and channels in the order in which they came to be due. */
struct local_dues {
	TAILQ_HEAD(, local_context) contexts;
	TAILQ_HEAD(, local_channel) channels;
};

enum local_state { LOCAL_DOWN, LOCAL_HELLO, LOCAL_UP };

/* A thread that waits for a reply. */
struct local_wait {
	TAILQ_ENTRY(local_wait) node;
	uint64_t cookie;
	bool done;
	struct ivc_msg *reply;
	struct ivc_host *table; /* of IVC_TABLE_HOSTS, or NULL */
	/* Of REGISTER: offers for the member can be right behind the reply. */
	struct local_context *enrolls;
};

#define LOCAL_HASH 256u

/* What the process has of it. */
extern struct local {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a reply, a new state, room to send */

	/* thread.c */
	unsigned int users; /* contexts and channels */
	bool stopping;
	pthread_t thread;
	int epoll;
	int poke; /* eventfd */
	uint32_t next_key;
	/* Channels in the epoll set, by their descriptors. */
	struct local_channel **watched;
	size_t watched_room;

	/* link.c */
	enum local_state state;
	uint32_t losses; /* of the link: what ivcd said before is void */
	int status;	 /* why the last HELLO was refused */
	int link;
	bool full; /* the link takes no more just now */
	int64_t retry_at;
	int64_t retry_ns;
	uint64_t next_cookie;
	TAILQ_HEAD(, local_wait) waits;
	int64_t silent_at; /* ivcd is given up if it says nothing until then */
	int64_t ring_at;   /* when to try again what there was no memory for */
	bool silent; /* a caller's time is over, and ivcd has not answered */

	/* outbox.c */
	struct local_dues due, asked;

	LIST_HEAD(, local_context) contexts;
	LIST_HEAD(, local_context) members[LOCAL_HASH]; /* by their number */
	LIST_HEAD(, local_channel) channels;
} local;

/* Keys in the epoll set; a channel's are higher. */
enum { LOCAL_KEY_POKE, LOCAL_KEY_LINK };

/*
 * thread.c: the thread runs from the first get to the last put, which
 * are called without the lock; the rest with it.
 */
int local_get(void);
void local_put(void);
void local_fork(enum ivc_fork what);
/*
 * No fork() in between: what cannot be made with the lock held, and is for a
 * moment where a child would not find it. Then local.lock may be taken, but not
 * ivc_process_lock().
 */
void local_fork_off(void);
void local_fork_on(void);
void local_poke(void);
int local_watch(struct local_channel *lc);
void local_unwatch(struct local_channel *lc);

/* link.c, with the lock. */
int local_link_need(void); /* wait until it is there: 0 or -errno */
void local_link_down(void);
void local_link_hangup(void);
void local_link_event(uint32_t events);
int64_t local_link_tick(void); /* returns when to call it again */
int local_link_send(const struct ivc_msg *msg, int fd); /* -EAGAIN: full */
void local_link_welcome(const struct ivc_msg *msg);

/*
 * request.c, with the lock. call: send and wait for the reply, which
 * replaces *@msg; returns its status, or -ENODEV, or -ETIMEDOUT: it could not
 * be sent, or the link has been given up. -EINPROGRESS: it has been sent, and
 * nothing came @until then; an answer will be found by the cookie in *@msg.
 * answer_by: until when to wait for somebody who has until @deadline. surely:
 * what ivcd is told takes effect even if there is no memory to tell it.
 */
int local_call(struct ivc_msg *msg, int fd, struct ivc_host *table,
	       int64_t until);
int64_t local_answer_by(int64_t deadline);
void local_call_surely(struct ivc_msg *msg);
int local_call_register(struct local_context *lc);
void local_call_heard(void); /* ivcd has said something */
void local_call_lost(void);
uint64_t local_cookie(void); /* of a request: not 0 */
void local_dispatch(const struct ivc_msg *msg, const struct ivc_host *table,
		    size_t hosts, struct ivc_packet *fds);

/*
 * outbox.c, with the lock. Something is due of a context (REGISTER) or a
 * channel (ADOPT, or CLOSE of one that is closing); local_flush() sends what
 * the link takes. asked: the answer to a CONNECT is still to come.
 */
void local_due_init(void);
void local_due_context(struct local_context *lc);
void local_due_channel(struct local_channel *lc);
void local_due_no_context(struct local_context *lc);
void local_due_no_channel(struct local_channel *lc);
void local_due_reply(const struct ivc_msg *msg);
void local_due_asked(struct local_channel *lc, uint64_t cookie);
void local_flush(void);

/* context.c, with the lock. named: registered as @member, 0: not any more. */
void local_context_lit(struct local_context *lc);
void local_context_named(struct local_context *lc, uint64_t member);
struct local_context *local_context_of(uint64_t member);

/* connect.c. offer_drop: with the lock. */
int local_connect(struct ivc_context *ctx, struct ivc_channel *ch,
		  uint64_t member, uint32_t tx_size, uint32_t rx_size,
		  int64_t deadline);
int local_accept(struct ivc_context *ctx, struct ivc_channel *ch,
		 uint32_t tx_max, int64_t deadline);
int local_info(const struct ivc_channel *ch, struct ivc_abi_info *info);
void local_offer_drop(struct local_context *lc, struct local_offer *o,
		      int reason);

/* channel.c. step, ended, tell_closed: with the lock. */
int local_channel_new(struct ivc_channel *ch, struct local_channel **lcp);
void local_channel_step(struct local_channel *lc, enum ivc_chan_event ev);
void local_channel_ended(struct local_channel *lc);
int local_map(struct ivc_channel *ch, const struct ivc_abi_info *info);
int local_kick(const struct ivc_channel *ch);
int64_t
local_ring_tick(void); /* with the lock; returns when to call it again */
int local_arm(const struct ivc_channel *ch);
int local_delivery(const struct ivc_channel *ch,
		   struct ivc_abi_delivery *delivery);
int local_undelivered(const struct ivc_channel *ch,
		      struct ivc_abi_undelivered *un);
void local_close(struct ivc_channel *ch);
void local_orphan_channel(struct ivc_channel *ch);

/*
 * memfd.c. make: the own end's memory, mapped at *@p, sealed; returns
 * its descriptor. map: a peer's, if it is what it must be; -EPROTO if not. Any
 * other error of map says that it is, and what this process lacks to map it.
 */
int local_memory_make(uint32_t ring, uint8_t **p);
int local_memory_map(int fd, uint32_t ring, const uint8_t **p);
void local_memory_unmap(const uint8_t *p, uint32_t ring);

static inline struct ivc_kctl *local_kctl(const struct local_channel *lc)
{
	return (struct ivc_kctl *)lc->own;
}

static inline const struct ivc_kctl *
local_peer_kctl(const struct local_channel *lc)
{
	return (const struct ivc_kctl *)lc->peer;
}

/* Never in its place when it is closed: a child may come to be just then. */
static inline void local_close_fd(int *fd)
{
	int old = *fd;

	*fd = -1;
	if (old >= 0)
		close(old);
}

#endif /* IVC_LOCAL_PRIVATE_H */
