/* SPDX-License-Identifier: MIT */
/*
 * The local transport: channels between processes of one machine, which ivcd,
 * the broker, connects. The messages between processes and ivcd are in
 * include/ivc/protocol/local.h.
 *
 * No kernel module takes part, so a thread of the library does the work of the
 * driver. There is one thread per process, from the first context or channel to
 * the last. The thread sleeps in epoll_wait() until ivcd sends something or the
 * socket of a channel hangs up. Then it stores the channel's status, where the
 * data path finds it. So a reader that polls the ring without system calls
 * learns of the peer's death within microseconds, as it would from a driver,
 * and the data path is the same code for both transports. Doorbells do not wake
 * the thread: it waits for hang-ups only, and a thread that sleeps for data
 * polls the socket itself.
 *
 * One lock, local.lock, guards everything here. No thread waits for another
 * process while it holds the lock, and the data path never takes it: a doorbell
 * and an ARM need the lock only when the channel has ended.
 *
 * The files, in layers: a file calls functions of the files above it only.
 *
 *   memfd.c, undelivered.c   rings in shared memory; what was not delivered
 *   watch.c                  the variables; the epoll set of the thread
 *   link.c                   the connection to ivcd: connect, send
 *   member.c                 registered contexts: number, offers, descriptors
 *   doorbell.c               a channel's doorbell, and its end
 *   outbox.c                 messages that the library sends by itself
 *   session.c                the state of the link; what ivcd sends
 *   request.c                requests that a caller waits for
 *   thread.c                 the thread: start, loop, end; fork()
 *   channel.c                a channel: made, mapped, closed
 *   connect.c                connect and accept
 *   context.c                contexts; the table of operations
 */
#ifndef IVC_LOCAL_PRIVATE_H
#define IVC_LOCAL_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>
#include <ivc/protocol/local.h>
#include <ivc/protocol/state.h>

#include "../../common/clock.h"
#include "../../common/unix-packet.h"
#include "../channel.h"
#include "../context.h"

/* How long ivcd may take to answer before the link is given up. */
#define LOCAL_REQUEST_NS (5 * IVC_SEC)
/* Between two attempts to connect to ivcd. */
#define LOCAL_RETRY_NS (10 * IVC_MS)

/* Whether the outbox has a message for a context or channel: see outbox.c. */
enum local_due {
	LOCAL_DUE_NOTHING,
	LOCAL_DUE_SEND,	 /* to be sent: in a list of local.due */
	LOCAL_DUE_REPLY, /* sent, not answered: in a list of local.asked */
};

/* An offer that waits for ivc_accept(). */
struct local_offer {
	TAILQ_ENTRY(local_offer) node;
	int fd;
	uint32_t conn; /* 0: the ivcd that sent the offer is gone */
	ivc_peer peer;
	uint32_t tx_size; /* size of the offerer's ring */
	uint32_t rx_size; /* size that it requests for the accepter's ring */
};

struct local_context {
	LIST_ENTRY(local_context) node;
	LIST_ENTRY(local_context) in_hash; /* while it has a member number */
	struct ivc_context *ctx;
	uint64_t member;    /* 0: not registered at present */
	bool registered;    /* to be registered again after a loss */
	bool events_polled; /* event_fd is in the set of ctx->fd */
	/* Registering again after a loss of the link: see outbox.c. */
	TAILQ_ENTRY(local_context) in_due;
	enum local_due due;
	uint64_t cookie;
	unsigned int tries;
	uint32_t generation;
	bool hosts_changed, detached, attached;
	int attach_status; /* not 0: registering again was refused */
	TAILQ_HEAD(, local_offer) offers;
	/*
	 * Not 0: an offer was refused because this process had no descriptor or
	 * no memory for it. The next accept returns this error.
	 */
	int lack;
	/* eventfds, readable while there is an offer, or an event. */
	int offer_fd, event_fd;
	bool offer_readable, event_readable;
};

struct local_channel {
	LIST_ENTRY(local_channel) node;
	struct ivc_channel *ch;
	enum ivc_chan_state state;
	uint64_t key;	 /* in the thread's epoll set; 0: not there */
	uint64_t member; /* of the context that it was made from */
	uint32_t conn;	 /* the connection's number at ivcd; 0: none */
	bool closing;	 /* closed by the program; only CLOSE is still due */
	/* CONNECT, ADOPT, or CLOSE: see outbox.c. */
	TAILQ_ENTRY(local_channel) in_due;
	enum local_due due;
	uint64_t cookie;
	int refused;	     /* the error of a late answer to CONNECT */
	int failed;	     /* why the channel was not established */
	uint64_t reader_pos; /* the peer's, when the channel ended */

	int other;  /* the peer's socket, until it has been sent */
	int memory; /* of `own`, until the peer has been greeted */

	uint32_t tx_size, rx_size; /* rings; rx at first: the size requested */
	uint8_t *own;		   /* IVC_LOCAL_HEAD + tx_size bytes */
	const uint8_t *peer;

	/* The doorbell: for the reading and the writing thread. */
	uint32_t rung;	/* the peer's `want` at the last doorbell */
	bool ring_late; /* no memory for a doorbell: the thread sends it */
	uint64_t kicks, wakeups, spurious;
};

/* Contexts and channels, in the order in which their message became due. */
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
	/* For REGISTER: an offer to the member can follow the reply at once. */
	struct local_context *enrolls;
};

#define LOCAL_HASH 256u

/* The variables of this process. */
extern struct local {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a reply, a new state, room to send */

	/* watch.c and thread.c */
	unsigned int users; /* contexts and channels */
	bool stopping;
	pthread_t thread;
	int epoll;
	int poke; /* eventfd */
	uint32_t next_key;
	/* The channels in the epoll set, indexed by their descriptors. */
	struct local_channel **watched;
	size_t watched_room;

	/* link.c and session.c */
	enum local_state state;
	uint32_t losses; /* of the link; each voids all that ivcd said before */
	int status;	 /* why the last HELLO was refused */
	int link;
	bool full; /* the socket accepts no more at present */
	int64_t retry_at;
	int64_t retry_ns;
	uint64_t next_cookie;
	TAILQ_HEAD(, local_wait) waits;
	int64_t silent_at; /* without a word of ivcd until then, give it up */
	int64_t ring_at;   /* when to send the doorbells that are late */
	bool silent;	   /* ivcd has not answered a caller in time */

	/* outbox.c */
	struct local_dues due, asked;

	LIST_HEAD(, local_context) contexts;
	LIST_HEAD(, local_context) members[LOCAL_HASH]; /* by member number */
	LIST_HEAD(, local_channel) channels;
} local;

/* Keys in the epoll set. The keys of channels are greater. */
enum { LOCAL_KEY_POKE, LOCAL_KEY_LINK };

/*
 * memfd.c. make: memory for the own end, mapped at *@p and sealed; returns its
 * descriptor. map: the memory of a peer; -EPROTO if it is not as it must be.
 * Any other error of map means that the memory is right, and that this process
 * lacks something that mapping it needs.
 */
int local_memory_make(uint32_t ring, uint8_t **p);
int local_memory_map(int fd, uint32_t ring, const uint8_t **p);
void local_memory_unmap(const uint8_t *p, uint32_t ring);

/* undelivered.c */
int local_delivery(const struct ivc_channel *ch,
		   struct ivc_abi_delivery *delivery);
int local_undelivered(const struct ivc_channel *ch,
		      struct ivc_abi_undelivered *un);

/* watch.c, with the lock. poke: wake the library's thread. */
void local_poke(void);
int local_watch(struct local_channel *lc);
void local_unwatch(struct local_channel *lc);

/*
 * link.c, with the lock. open: connect to ivcd and send HELLO. drained: the
 * socket has room again. send: -EAGAIN if the socket is full.
 */
int local_link_open(void);
void local_link_drained(void);
void local_link_hangup(void);
int local_link_send(const struct ivc_msg *msg, int fd);
uint64_t local_cookie(void); /* for a request; never 0 */

/*
 * member.c, with the lock. signal: make the eventfds readable, or not, as there
 * is something to take. set_member: registered as @member; 0: not any more.
 * offer_drop: refuse @o with @reason.
 */
void local_context_signal(struct local_context *lc);
void local_context_set_member(struct local_context *lc, uint64_t member);
struct local_context *local_context_of(uint64_t member);
void local_offer_drop(struct local_context *lc, struct local_offer *o,
		      int reason);

/*
 * doorbell.c. step, ended, ring_tick: with the lock. ring_tick sends the late
 * doorbells and returns the time at which to call it again.
 */
void local_channel_step(struct local_channel *lc, enum ivc_chan_event ev);
void local_channel_ended(struct local_channel *lc);
int local_kick(const struct ivc_channel *ch);
int local_arm(const struct ivc_channel *ch);
int64_t local_ring_tick(void);

/*
 * outbox.c, with the lock. A message becomes due for a context (REGISTER) or a
 * channel (ADOPT, or CLOSE if it is closing). asked: the answer to a CONNECT is
 * still to come. send: send what the link accepts. reply: a reply to such a
 * message.
 */
void local_outbox_init(void);
void local_due_context(struct local_context *lc);
void local_due_channel(struct local_channel *lc);
void local_due_no_context(struct local_context *lc);
void local_due_no_channel(struct local_channel *lc);
void local_due_asked(struct local_channel *lc, uint64_t cookie);
void local_outbox_send(void);
void local_outbox_reply(const struct ivc_msg *msg);

/*
 * session.c, with the lock. need: wait until the link is up, 0 or -errno. down:
 * give the link up. heard: ivcd has said something. event: events of the link's
 * socket; 0: receive. tick: do the work that is due; returns the time at which
 * to call it again.
 */
int local_session_need(void);
void local_session_down(void);
void local_session_heard(void);
void local_session_event(uint32_t events);
int64_t local_session_tick(void);

/*
 * request.c, with the lock. request: send and wait for the reply, which
 * replaces *@msg. Returns the status in the reply, or one of three errors.
 * -ENODEV: the link is down. -ETIMEDOUT: the message could not be sent, or the
 * link has been given up. -EINPROGRESS: the message has been sent, and no
 * answer came until @until; the cookie in *@msg identifies a later answer.
 * surely: if there is no memory for the message, give the link up, which has
 * the same effect. until: how long to wait for a caller with @deadline.
 */
int local_request(struct ivc_msg *msg, int fd, struct ivc_host *table,
		  int64_t until);
void local_request_surely(struct ivc_msg *msg);
int local_request_register(struct local_context *lc);
int64_t local_request_until(int64_t deadline);

/*
 * thread.c, without the lock. The thread runs from the first get to the last
 * put.
 */
int local_get(void);
void local_put(void);
void local_fork(enum ivc_fork what);
/*
 * No fork() happens between the two. They are for a descriptor or mapping that
 * cannot be made under the lock, and that a child could not find for a moment.
 * local.lock may be taken meanwhile, but not ivc_process_lock().
 */
void local_fork_off(void);
void local_fork_on(void);

/* channel.c, without the lock. */
int local_channel_new(struct ivc_channel *ch, struct local_channel **lcp);
int local_map(struct ivc_channel *ch, const struct ivc_abi_info *info);
void local_close(struct ivc_channel *ch);
void local_orphan_channel(struct ivc_channel *ch);

/* connect.c, without the lock. */
int local_connect(struct ivc_context *ctx, struct ivc_channel *ch,
		  uint64_t member, uint32_t tx_size, uint32_t rx_size,
		  int64_t deadline);
int local_accept(struct ivc_context *ctx, struct ivc_channel *ch,
		 uint32_t tx_max, int64_t deadline);
int local_info(const struct ivc_channel *ch, struct ivc_abi_info *info);

static inline struct ivc_kctl *local_kctl(const struct local_channel *lc)
{
	return (struct ivc_kctl *)lc->own;
}

static inline const struct ivc_kctl *
local_peer_kctl(const struct local_channel *lc)
{
	return (const struct ivc_kctl *)lc->peer;
}

/*
 * Close *@fd. The variable is changed first, so that a child which is forked
 * meanwhile does not close a descriptor that has another use by then.
 */
static inline void local_close_fd(int *fd)
{
	int old = *fd;

	*fd = -1;
	if (old >= 0)
		close(old);
}

#endif /* IVC_LOCAL_PRIVATE_H */
