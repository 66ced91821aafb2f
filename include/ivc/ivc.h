/* SPDX-License-Identifier: MIT */
/*
 * libivc: processes of one job in different virtual machines of one host
 * exchange data through shared memory.
 *
 * The client of the paper (SC'07, Figure 5), as it reads here:
 *
 *	ctx = ivc_register(MAGIC_ID, CLIENT_ID);
 *	peers = ivc_get_hosts(ctx);
 *	channel = ivc_connect(ctx, peers[0]);
 *	bytes = ivc_write(channel, buffer, size);
 *	ivc_close(channel);
 *
 * Errors. Functions that return int or ssize_t return -errno; functions that
 * return a pointer return NULL and set errno. The library prints nothing.
 * Named at a call are the errors particular to it; -EINVAL for arguments that
 * make no sense, -ENOMEM and -ENODEV (no IVC device, or it was detached) can
 * come from any call that is not on the data path. So can what says that this
 * process, or the system, has reached a limit: -EMFILE (no free descriptor, or
 * a security module denied one), -ENFILE (the system or ivcd has none), -ENOMEM
 * (also the limits on address space and on locked memory), -EFBIG (the limit on
 * file sizes; local transport), -ETOOMANYREFS (too many descriptors of this
 * user are on their way in UNIX sockets). Such an error is of that one call:
 * the context stays in its group, and other channels are not affected.
 *
 * Threads. A context may be used by any number of threads. A channel may be
 * used by one reading and one writing thread at a time without any lock:
 * ivc_read, ivc_peek and ivc_release are the reader's, ivc_write, ivc_reserve
 * and ivc_commit the writer's; ivc_wait may be called by both at once, each
 * for its own event. ivc_close must be the last call on a channel. A channel
 * still being established is one thread's until ivc_connected() returned 0; one
 * for which ivc_arm is used has one thread that waits, and that way only.
 *
 * Cancellation. No function is a cancellation point (pthread_cancel(3)): a
 * thread for which it is requested goes on until it is out of the library. To
 * end a thread that waits, use timeouts or ivc_unregister(). The callbacks of
 * ivc_dispatch() may be cancelled.
 *
 * fork(), at any moment, of a program with any number of threads. In the
 * child, ivc_close() and ivc_unregister() of its parent's handles free the
 * child's copy and disturb nobody; ivc_peer_id(), ivc_peer_of() and
 * ivc_set_spin() work; ivc_wait() says that the channel has ended;
 * ivc_release() returns -EINVAL, and every other call on such a handle -ESTALE.
 * The child can register for itself. After _Fork() or clone() the same holds,
 * but reading from or writing to a parent's channel is an invalid access.
 * Descriptors are closed on exec.
 *
 * Timeouts. A call that is given one keeps it. With the local transport that is
 * so even if ivcd hangs: where the call has to ask ivcd, it waits at least
 * 200 ms for the answer, also with timeout 0; after an answer that did not come
 * it does not wait that long again, until ivcd has said something. Over Xen a
 * call waits up to 5 s for a backend that hangs, whatever its timeout; one that
 * lists the group's members, up to 10 s. A call that has no timeout and asks
 * ivcd or the backend something gives up after the same time. ivc_accept()
 * waits for an offer without a limit, ivc_connect() for the peer 30 s.
 *
 * Signals. ivc_read, ivc_write and their kin make no system call except to
 * wake a sleeping peer. Calls that wait return -EINTR when interrupted.
 */
#ifndef IVC_IVC_H
#define IVC_IVC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <ivc/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is declared here is what the shared library exports. */
#pragma GCC visibility push(default)

typedef struct ivc_context ivc_context;
typedef struct ivc_channel ivc_channel;

/* A member of the group, as seen when it was listed. Passed by value. */
typedef struct ivc_peer {
	uint64_t member; /* names this registration; never 0, never reused */
	uint32_t id;	 /* as it gave to ivc_register() */
	uint16_t domid;	 /* Xen domain it runs in */
	uint16_t local;	 /* not 0: in this guest */
} ivc_peer;

/* Version of the library at run time: major << 16 | minor. */
uint32_t ivc_version(void);

/*
 * What carries the channels of contexts registered from now on: "xen", between
 * guests of one Xen host, by /dev/ivc; "local", between processes of one
 * machine, by ivcd; or NULL, as at the start: what the environment says
 * (IVC_TRANSPORT; or IVC_DEVICE or IVC_SOCKET, which name the way to one of
 * them), else Xen if this guest has a device that is attached, else local.
 * 0, or -EINVAL: no such transport.
 */
int ivc_set_transport(const char *name);

/*
 * Join the group of job @magic on this host as process @id, unique in the
 * group. A magic id names a job; it is no secret: which guests may meet at
 * all is decided by Dom0 (their realm).
 * Blocks for one round trip to the backend. errno: EADDRINUSE (@id is taken),
 * EDQUOT (the guest's contexts are used up), ENODEV, EACCES (not in group
 * `ivc`), ETIMEDOUT (the backend does not answer).
 * The context is the caller's until ivc_unregister().
 */
ivc_context *ivc_register(uint64_t magic, uint32_t id);

/*
 * Leave the group and free the context. Channels made from it stay usable
 * and are closed by themselves. NULL is fine. Always succeeds.
 *
 * Calls on the context that other threads are in return -ECANCELED if they wait
 * for something: ivc_accept(), ivc_connect(), ivc_find(), ivc_next_event(),
 * ivc_dispatch() and their kin. Those that have asked the backend something get
 * its answer first. ivc_unregister() returns when all are out. No call may
 * begin after it. A callback of ivc_dispatch() may unregister the context that
 * it is called for.
 */
void ivc_unregister(ivc_context *ctx);

/*
 * The other members of the group on this host, by ascending member, ended by
 * an entry whose `member` is 0. The array belongs to the context and is valid
 * until the next ivc_get_hosts() or ivc_unregister() on it; use ivc_hosts()
 * where several threads ask. NULL with errno on failure; no peers is not a
 * failure. One round trip per 256 members.
 */
const ivc_peer *ivc_get_hosts(ivc_context *ctx);

/*
 * The same into the caller's array of @max entries. Returns how many members
 * there are in all, which may be more than @max.
 */
int ivc_hosts(ivc_context *ctx, ivc_peer *peers, unsigned int max);

/*
 * Wait until the member with process id @id is there and store it in @peer.
 * @timeout_ms < 0: for ever, 0: look once. -ETIMEDOUT when it did not come.
 */
int ivc_find(ivc_context *ctx, uint32_t id, int timeout_ms, ivc_peer *peer);

/* What a new channel shall be like. Zeroed: all defaults, and not waiting. */
struct ivc_channel_options {
	uint32_t tx_size; /* own ring, bytes, power of two 4 KiB - 16 MiB */
	uint32_t rx_size; /* connect: asked of the peer. accept: unused */
	int timeout_ms;	  /* connect and accept: < 0 for ever, 0 not at all */
	uint32_t reserved[5];
};

/*
 * Connect to @peer, which has registered but need not have called accept yet.
 * Blocks until it accepts, for at most 30 s. errno: ETIMEDOUT (no accept),
 * ECONNREFUSED, ENOENT (no such member, or it has left), EDQUOT, EBUSY.
 */
ivc_channel *ivc_connect(ivc_context *ctx, ivc_peer peer);

/*
 * The same with options; @opt NULL for defaults (then the timeout is 30 s).
 * With timeout 0 it returns 0 at once with a channel that is being
 * established: ivc_connected() tells; reads and writes return 0 until then.
 * An error of the backend, such as -ENOENT, is returned by this call or, if the
 * backend takes its time, by ivc_connected().
 * On failure *@ch is NULL.
 */
int ivc_connect_opt(ivc_context *ctx, ivc_peer peer,
		    const struct ivc_channel_options *opt, ivc_channel **ch);

/*
 * Is the channel established? Waits @timeout_ms for it (< 0 for ever).
 * 0: yes. -ETIMEDOUT: not yet, and it goes on trying. Else it has failed, as
 * for ivc_connect(), and is to be closed.
 */
int ivc_connected(ivc_channel *ch, int timeout_ms);

/*
 * Take the next connection offered to this context; blocks until there is
 * one. The channel is the caller's until ivc_close(). If this process lacks a
 * descriptor or memory for it, that offer is refused (the peer's ivc_connect()
 * says ECONNREFUSED) and errno says what is lacking; the next call takes the
 * next offer.
 */
ivc_channel *ivc_accept(ivc_context *ctx);

/* The same with a timeout: -ETIMEDOUT. @opt->tx_size caps the own ring. */
int ivc_accept_opt(ivc_context *ctx, const struct ivc_channel_options *opt,
		   ivc_channel **ch);

/* Who is at the other end. */
uint32_t ivc_peer_id(const ivc_channel *ch);
void ivc_peer_of(const ivc_channel *ch, ivc_peer *peer);

/*
 * Write up to @len bytes. Never blocks. Returns how many were taken, 0 when
 * the ring is full; the rest is the caller's to retry. What was taken is
 * delivered in order, exactly once.
 * -EPIPE: the peer has closed; -ECONNRESET: its process or guest has died;
 * -EPROTO: it broke the ring; -ENODEV: this guest's device was detached;
 * -EREMCHG: this guest or the peer's leaves the host (see ivc_next_event());
 * -ECONNREFUSED: the peer, which had connected, could not take the channel for
 * lack of a descriptor or memory. While a guest leaves and the two ends hand
 * over, 0.
 */
ssize_t ivc_write(ivc_channel *ch, const void *buf, size_t len);

/*
 * Read up to @len bytes. Never blocks. Returns how many came, 0 when there is
 * nothing now. The errors of ivc_write() come only after everything that had
 * been written has been read.
 */
ssize_t ivc_read(ivc_channel *ch, void *buf, size_t len);

/*
 * All of it, waiting as ivc_wait() does, at most @timeout_ms (< 0 for ever).
 * Return @len, or -ETIMEDOUT or another error; then *@done (if not NULL) has
 * how many bytes were moved.
 */
ssize_t ivc_write_all(ivc_channel *ch, const void *buf, size_t len,
		      int timeout_ms, size_t *done);
ssize_t ivc_read_all(ivc_channel *ch, void *buf, size_t len, int timeout_ms,
		     size_t *done);

/*
 * Write without a copy: room for @min to @max contiguous bytes at *@p, filled
 * by the caller and sent by ivc_commit(ch, n), n of them from the start.
 * Returns the room, 0 when there is none now, -EMSGSIZE when @min is over a
 * quarter of the ring, or an error as ivc_write(). commit with 0 gives the
 * room back; -EAGAIN: a guest leaves, nothing was sent.
 */
ssize_t ivc_reserve(ivc_channel *ch, size_t min, size_t max, void **p);
int ivc_commit(ivc_channel *ch, size_t len);

/*
 * Read without a copy: the next contiguous bytes at *@p, how many is
 * returned (0: nothing now); they stay until ivc_release(ch, n) frees the
 * first n. The peer can still change them: check what you have copied, not
 * what you peeked.
 */
ssize_t ivc_peek(ivc_channel *ch, const void **p);
int ivc_release(ivc_channel *ch, size_t len);

/*
 * Write the @n parts, one behind the other: all of it, or nothing. Returns how
 * many bytes that were, 0 when there is no room for them now, -EMSGSIZE when
 * they are more than a quarter of the ring, less 8 bytes, -EINVAL when they are
 * none, or an error as ivc_write(). For a part without a base there is room of
 * its length, with whatever this side had written there before.
 *
 * What was written by one call of this, or sent by one ivc_commit(), one
 * ivc_peek() has as a whole, alone, if the reader releases no other number of
 * bytes than it has been given so.
 */
ssize_t ivc_write_record(ivc_channel *ch, const struct iovec *parts, int n);

#define IVC_READABLE 1 /* something to read, or the channel has ended */
#define IVC_WRITABLE 2 /* room to write, or the channel has ended */

/*
 * Wait until one of @events is true: spin first, then sleep. Returns those
 * that are (> 0), or 0 after @timeout_ms (< 0: for ever), or -EINTR.
 */
int ivc_wait(ivc_channel *ch, int events, int timeout_ms);

/*
 * How long ivc_wait() spins before it sleeps, in nanoseconds. Default 50,000;
 * 0 to sleep at once; negative: for ever.
 */
void ivc_set_spin(ivc_channel *ch, int64_t nanoseconds);

/*
 * For poll() and epoll: ivc_arm() asks for a wake-up for @events and returns
 * those already true (then do not poll), or 0: poll ivc_channel_fd() for
 * POLLIN, and when it comes, ivc_read() or ivc_write() and arm again. The
 * descriptor belongs to the channel.
 */
int ivc_arm(ivc_channel *ch, int events);
int ivc_channel_fd(const ivc_channel *ch);

/*
 * POLLIN on it: ivc_accept has something. POLLPRI: ivc_next_event has; with the
 * local transport that is POLLIN, too, from the first ivc_next_event() on. So a
 * program that takes events polls for both, and then asks for both.
 */
int ivc_context_fd(const ivc_context *ctx);

enum ivc_event_type {
	IVC_EVENT_JOIN = 1,	/* `peer` has joined the group */
	IVC_EVENT_LEAVE = 2,	/* `peer` has left */
	IVC_EVENT_DETACHED = 3, /* the device is gone; channels have ended. Or
				 * ivcd is gone; channels go on */
	IVC_EVENT_ATTACHED = 4, /* and is back; `status` 0: registered again */
	/*
	 * A guest leaves its host, to be moved, saved or copied. SUSPENDED, on
	 * both sides, for each channel between it and another: `channel` has
	 * ended with -EREMCHG, what had been written is there to be read, and
	 * `peer` is to be connected to again when it has joined again. In the
	 * guest that leaves: GOING, and when it has arrived (or was not moved
	 * after all) and registered there, ARRIVED; `status` 0, or why it could
	 * not register. Channels within a guest stay.
	 */
	IVC_EVENT_GOING = 5,
	IVC_EVENT_ARRIVED = 6,
	IVC_EVENT_SUSPENDED = 7,
};

struct ivc_event {
	enum ivc_event_type type;
	int status;
	ivc_peer peer;
	ivc_channel *channel; /* SUSPENDED: still the program's to close */
	uint32_t reserved[2];
};

/*
 * The next event of the context. Waits @timeout_ms (< 0 for ever). Returns 1,
 * or 0 when there was none. The first call reports the members already there
 * as joined. After DETACHED every member leaves; after ATTACHED those that are
 * there then join: JOIN and LEAVE alone always tell who is in the group. The
 * same with GOING and ARRIVED, which stand in their places. A program that uses
 * this from one thread and closes channels from another must not use `channel`
 * of an event after that close.
 */
int ivc_next_event(ivc_context *ctx, struct ivc_event *ev, int timeout_ms);

/*
 * The same as callbacks (the paper's Figure 6): take the events there are, wait
 * for the first as ivc_next_event() does, and call what is set for each. Those
 * that are NULL are skipped. `suspended` is handed what ivc_unread() has, for
 * the time of the call: to be used, or to be read by ivc_read() as ever, not
 * both. Returns how many events there were, or -errno.
 */
struct ivc_callbacks {
	void (*join)(ivc_context *ctx, const ivc_peer *peer, void *arg);
	void (*leave)(ivc_context *ctx, const ivc_peer *peer, void *arg);
	void (*detached)(ivc_context *ctx, void *arg);
	void (*attached)(ivc_context *ctx, int status, void *arg);
	void (*going)(ivc_context *ctx, void *arg);
	void (*arrived)(ivc_context *ctx, int status, void *arg);
	void (*suspended)(ivc_context *ctx, ivc_channel *ch, const void *unread,
			  size_t len, void *arg);
	void (*reserved[5])(void);
};

int ivc_dispatch(ivc_context *ctx, const struct ivc_callbacks *cb, void *arg,
		 int timeout_ms);

/*
 * Of a channel that has ended, for whatever reason: how many of the bytes that
 * ivc_write() took the peer has neither read nor can still read. The number is
 * exact, to the byte: of a record that the peer has read in part the rest is
 * counted, and what it was shown by ivc_peek() and has not released is not
 * read. 0 or more; -EAGAIN while the channel is alive or being handed over;
 * -EPROTO when the peer lied about it. The writer's.
 */
ssize_t ivc_undelivered(ivc_channel *ch);

/*
 * Those bytes, the last that were written: up to @len of them, from the
 * @skip-th on, to be sent by another way. They begin in the middle of a record
 * if the peer had read a part of it. Returns how many. Errors as above.
 */
ssize_t ivc_recall(ivc_channel *ch, void *buf, size_t len, size_t skip);

/*
 * A copy of all that ivc_read() would still give of a channel that has ended;
 * it is not read by that. *@buf is the caller's to free(), or NULL when there
 * is nothing. Returns how many bytes; -EAGAIN while the channel is alive;
 * -EPROTO when the peer goes on writing all the same. The reader's.
 */
ssize_t ivc_unread(ivc_channel *ch, void **buf);

struct ivc_stats {
	uint64_t tx_bytes, tx_calls, tx_full;  /* tx_full: writes that took 0 */
	uint64_t rx_bytes, rx_calls, rx_empty; /* rx_empty: reads that got 0 */
	uint64_t sleeps;		       /* waits that went to sleep */
	uint64_t kicks;			       /* doorbells rung */
	uint64_t wakeups;		       /* doorbells heard */
	uint64_t spurious;		       /* events nobody asked for */
	uint32_t tx_size, rx_size;	       /* rings, bytes */
	uint64_t kept;			       /* bytes kept from a peer gone */
	uint64_t reserved[4];
};

int ivc_get_stats(const ivc_channel *ch, struct ivc_stats *st);

/*
 * Close: the peer reads what was written and then gets -EPIPE. Frees the
 * channel: no other thread may be in a call on it, ivc_wait() included. NULL is
 * fine. 0, or the error the channel had ended with.
 */
int ivc_close(ivc_channel *ch);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* IVC_IVC_H */
