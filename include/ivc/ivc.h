/* SPDX-License-Identifier: MIT */
/*
 * libivc: processes of one job that run in different virtual machines of one
 * host exchange data through shared memory.
 *
 * The client of the paper (SC'07, Figure 5) with this library:
 *
 *	ctx = ivc_register(MAGIC_ID, CLIENT_ID);
 *	peers = ivc_get_hosts(ctx);
 *	channel = ivc_connect(ctx, peers[0]);
 *	bytes = ivc_write(channel, buffer, size);
 *	ivc_close(channel);
 *
 * This header says for each function what it does, what the caller owns, when
 * the call blocks and which errors are particular to it. The manual pages list
 * all errors and have example programs: libivc(7) is the first to read.
 *
 * Units. Sizes and lengths are bytes, timeouts milliseconds. A negative timeout
 * means no limit, 0 means not to wait.
 *
 * Errors. Functions that return int or ssize_t return 0 or more on success and
 * -errno on failure. Functions that return a pointer return NULL on failure and
 * set errno. The library prints nothing. Any call that is not on the data path
 * can return these errors, which the comments below do not repeat:
 *
 *   -EINVAL        an argument is invalid
 *   -ENODEV        this guest has no IVC device, or the device was detached;
 *                  local transport: ivcd is not running
 *   -ESTALE        the parent of this process made the context or channel
 *   -EMFILE        this process has no free descriptor, or a security module
 *                  rejected a descriptor that the peer had sent
 *   -ENFILE        the system, or ivcd, has no free descriptor
 *   -ENOMEM        no memory, or the process has reached its limit on address
 *                  space or on locked memory
 *   -EFBIG         the limit on file sizes (local transport: rings are memory
 *                  that counts as a file)
 *   -ETOOMANYREFS  too many descriptors of this user are in flight in UNIX
 *                  sockets
 *
 * The last five say that this process, its user or the system has reached a
 * limit. They concern only the call that returned them: the context stays in
 * its group, and other channels are not affected.
 *
 * Threads. Any number of threads may use one context. One thread may read from
 * a channel while another thread writes to it, without a lock: ivc_read(),
 * ivc_peek() and ivc_release() belong to the reader; ivc_write(), ivc_reserve()
 * and ivc_commit() belong to the writer. Both threads may be in ivc_wait() at
 * the same time, each for its own event. A channel that is being established
 * belongs to one thread until ivc_connected() has returned 0. A channel for
 * which ivc_arm() is used must have only one thread that waits, and only with
 * ivc_arm(). ivc_close() is the last call on a channel.
 *
 * Cancellation. No function is a cancellation point (pthread_cancel(3)): a
 * cancelled thread continues until it has left the library. A program that
 * wants to end a thread that waits uses timeouts or ivc_unregister(). The
 * callbacks of ivc_dispatch() may contain cancellation points.
 *
 * fork() is allowed at any time, whatever the other threads of the program do.
 * The child cannot use its parent's contexts and channels. In the child:
 *
 *   ivc_close(), ivc_unregister()     free the child's copy of the handle;
 *                                     neither the parent nor the peer notices
 *   ivc_peer_id(), ivc_peer_of(),     work
 *   ivc_set_spin()
 *   ivc_wait()                        returns as for a channel that has ended
 *   ivc_release()                     returns -EINVAL
 *   all others                        return -ESTALE
 *
 * The child can register a context of its own. After _Fork() or clone() the
 * same holds, but to read from, write to or wait for a channel of the parent is
 * an invalid memory access. Descriptors are closed on exec.
 *
 * Timeouts. A call that has a timeout keeps it. With the local transport this
 * holds even if ivcd hangs: a call that has to ask ivcd waits at least 200 ms
 * for the answer, also with a timeout of 0. After one answer that did not
 * arrive, calls do not wait that long again until ivcd has sent something. Over
 * Xen a call waits up to 5 s for a backend that hangs, whatever its timeout. A
 * call that lists the group's members waits up to 10 s. A call without a
 * timeout that asks ivcd or the backend something gives up after the same time.
 * ivc_accept() waits for a connection without a limit, ivc_connect() waits for
 * the peer for 30 s.
 *
 * Signals. Reading and writing make no system call except to wake a sleeping
 * peer. A call that waits returns -EINTR when a signal handler has run. The
 * library raises no signal.
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

/* The shared library exports all functions declared from here on, no others. */
#pragma GCC visibility push(default)

typedef struct ivc_context ivc_context;
typedef struct ivc_channel ivc_channel;

/* A member of the group at the time when the group was listed. A plain value.
 */
typedef struct ivc_peer {
	uint64_t member; /* names this registration; never 0, never reused */
	uint32_t id; /* process id in the group, as given to ivc_register() */
	uint16_t domid; /* number of the Xen domain the process runs in */
	uint16_t local; /* not 0: the process runs in this guest */
} ivc_peer;

/* Version of the library that the program runs with: major << 16 | minor. */
uint32_t ivc_version(void);

/*
 * Select the transport of contexts that are registered from now on.
 *
 *   "xen"    between guests of one Xen host, through /dev/ivc
 *   "local"  between processes of one machine, through ivcd
 *   NULL     the default: the transport that the environment names
 *            (IVC_TRANSPORT; otherwise IVC_DEVICE selects Xen and IVC_SOCKET
 *            selects local); otherwise Xen if this guest has an attached
 *            device; otherwise local
 *
 * Returns 0, or -EINVAL if there is no transport of that name.
 */
int ivc_set_transport(const char *name);

/*
 * Join the group of job @magic on this host under the process id @id, which
 * must be unique in the group. A magic id is a name, not a secret: Dom0 decides
 * which guests can communicate at all, by their realm.
 *
 * Blocks for one round trip to the backend. The caller owns the context until
 * ivc_unregister(). Values of errno on failure:
 *   EADDRINUSE     another member of the group has this id
 *   EDQUOT         the guest, or the user, has as many contexts as its quota
 *                  allows
 *   EACCES         the user is not in group `ivc`, or ivcd rejects the user
 *   ETIMEDOUT      the backend does not answer
 */
ivc_context *ivc_register(uint64_t magic, uint32_t id);

/*
 * Leave the group and free the context. Channels that were made from the
 * context stay usable and are closed separately. A NULL context is ignored.
 * Always succeeds.
 *
 * Other threads may be inside calls on the context. Calls that wait for
 * something (ivc_accept(), ivc_connect(), ivc_find(), ivc_next_event(),
 * ivc_dispatch() and their variants) return -ECANCELED. Calls that have sent a
 * request to the backend first receive its answer. ivc_unregister() returns
 * when all these calls have returned. No call on the context may begin after
 * ivc_unregister() has begun. A callback of ivc_dispatch() may unregister the
 * context for which it is called.
 */
void ivc_unregister(ivc_context *ctx);

/*
 * Return the other members of the group on this host, sorted by `member`. An
 * entry whose `member` is 0 ends the array. The context owns the array, which
 * is valid until the next ivc_get_hosts() or ivc_unregister() on the context; a
 * program in which several threads ask uses ivc_hosts().
 *
 * Blocks for one round trip to the backend per 256 members. Returns NULL and
 * sets errno on failure; a group without other members is not a failure.
 */
const ivc_peer *ivc_get_hosts(ivc_context *ctx);

/*
 * Like ivc_get_hosts(), but fill the caller's array @peers of @max entries.
 * Returns the number of other members, which may be larger than @max.
 */
int ivc_hosts(ivc_context *ctx, ivc_peer *peers, unsigned int max);

/*
 * Wait until the member with process id @id has joined, and store that member
 * in *@peer. Returns 0, or -ETIMEDOUT if the member has not joined in time.
 */
int ivc_find(ivc_context *ctx, uint32_t id, int timeout_ms, ivc_peer *peer);

/* Options of a new channel. All zero: the defaults, and no waiting. */
struct ivc_channel_options {
	/*
	 * Bytes of the ring in which this side sends: a power of two from 4 KiB
	 * to 16 MiB, or 0 for the transport's default.
	 */
	uint32_t tx_size;
	/*
	 * Bytes of the ring that the peer is asked to send in. The peer may use
	 * a smaller ring. ivc_accept_opt() ignores this field.
	 */
	uint32_t rx_size;
	int timeout_ms;
	uint32_t reserved[5]; /* must be 0 */
};

/*
 * Connect to @peer, a member of the context's group. The peer need not have
 * called ivc_accept() before.
 *
 * Blocks until the peer accepts, for at most 30 s. The caller owns the channel
 * until ivc_close(). Values of errno on failure:
 *   ETIMEDOUT      the peer did not accept in time
 *   ECONNREFUSED   the peer left the group without accepting, or lacks a
 *                  descriptor or memory
 *   ENOENT         no such member, or the member has left
 *   EDQUOT         this guest or the peer's has as many channels or pages as
 *                  its quota allows
 *   EBUSY          the peer has too many pending connections, or this guest
 *                  sends requests too fast: try again later
 */
ivc_channel *ivc_connect(ivc_context *ctx, ivc_peer peer);

/*
 * Like ivc_connect(), with options; NULL for the defaults and a timeout of 30
 * s. Stores the channel in *@ch, or NULL on failure, and returns 0 or -errno.
 *
 * With a timeout of 0 the call returns 0 at once with a channel that is being
 * established: reads and writes return 0 until ivc_connected() has returned 0.
 * An error of the backend, such as -ENOENT, is returned by this call if the
 * backend answers in time, otherwise by ivc_connected().
 */
int ivc_connect_opt(ivc_context *ctx, ivc_peer peer,
		    const struct ivc_channel_options *opt, ivc_channel **ch);

/*
 * Wait until the channel is established. Returns 0 when it is, and -ETIMEDOUT
 * if it is not yet; the attempt then goes on. Any other error, as for
 * ivc_connect(), is final: the caller must close the channel.
 */
int ivc_connected(ivc_channel *ch, int timeout_ms);

/*
 * Accept the next connection that a peer offers to the context. Blocks until a
 * peer offers one. The caller owns the channel until ivc_close().
 *
 * If this process lacks a descriptor or memory for the channel, the call
 * refuses that one connection (the peer's ivc_connect() fails with
 * ECONNREFUSED) and errno says what is lacking. The next call accepts the next
 * connection.
 */
ivc_channel *ivc_accept(ivc_context *ctx);

/*
 * Like ivc_accept(), with options; NULL for the defaults and no time limit.
 * The peer asks for the size of this side's ring, and opt->tx_size, if not 0,
 * is an upper bound for it. Returns 0 and stores the channel in *@ch, or
 * returns -errno and stores NULL: -ETIMEDOUT if no peer offered a connection in
 * time.
 */
int ivc_accept_opt(ivc_context *ctx, const struct ivc_channel_options *opt,
		   ivc_channel **ch);

/* Process id of the peer in the group; the peer's description into *@peer. */
uint32_t ivc_peer_id(const ivc_channel *ch);
void ivc_peer_of(const ivc_channel *ch, ivc_peer *peer);

/*
 * Write up to @len bytes. Never blocks. Returns the number of bytes accepted, 0
 * if the ring is full; the caller writes the rest later. Every accepted byte is
 * delivered in order and exactly once, or counted by ivc_undelivered().
 *
 * An error means that the channel has ended:
 *   -EPIPE         the peer has closed the channel
 *   -ECONNRESET    the process or the guest of the peer has died
 *   -EPROTO        the peer violated the ring protocol; the error affects this
 *                  direction only and is permanent
 *   -ENODEV        the device of this guest was detached
 *   -EREMCHG       this guest or the peer's guest leaves its host, see
 *                  ivc_next_event(); while the two ends hand the channel over,
 *                  writes and reads return 0
 *   -ECONNREFUSED  the peer had offered this channel, but lacks a descriptor or
 *                  memory for it
 */
ssize_t ivc_write(ivc_channel *ch, const void *buf, size_t len);

/*
 * Read up to @len bytes. Never blocks. Returns the number of bytes read, 0 if
 * there is no data now. The errors are those of ivc_write(); they come only
 * after all data that was written before the channel ended has been read.
 */
ssize_t ivc_read(ivc_channel *ch, void *buf, size_t len);

/*
 * Write or read all @len bytes, waiting as ivc_wait() does, for at most
 * @timeout_ms from the first time that the call has to wait. Returns @len, or
 * -ETIMEDOUT, or another error. If @done is not NULL, *@done receives the
 * number of bytes transferred, also on failure.
 */
ssize_t ivc_write_all(ivc_channel *ch, const void *buf, size_t len,
		      int timeout_ms, size_t *done);
ssize_t ivc_read_all(ivc_channel *ch, void *buf, size_t len, int timeout_ms,
		     size_t *done);

/*
 * Write without a copy. ivc_reserve() reserves between @min and @max contiguous
 * bytes in the ring in which this side sends, stores their address in *@p and
 * returns their number, or 0 if there is no room now. It returns -EMSGSIZE if
 * @min is more than a quarter of the ring less 8 bytes, and otherwise the
 * errors of ivc_write().
 *
 * The caller fills the bytes, and ivc_commit() sends the first @len of them; 0
 * cancels the reservation. Another ivc_reserve() or a write also cancels it.
 * ivc_commit() returns 0, -EAGAIN if nothing was sent because a guest leaves
 * its host, or -EINVAL if @len is more than was reserved.
 */
ssize_t ivc_reserve(ivc_channel *ch, size_t min, size_t max, void **p);
int ivc_commit(ivc_channel *ch, size_t len);

/*
 * Read without a copy. ivc_peek() returns the number of contiguous unread bytes
 * and stores their address in *@p; 0 if there is no data now. The bytes stay
 * there until ivc_release() frees the first @len of them; -EINVAL if that is
 * more than the last peek returned.
 *
 * The bytes are in the peer's ring, and the peer can modify them at any time: a
 * program must check a copy of a value, never the value in the ring.
 */
ssize_t ivc_peek(ivc_channel *ch, const void **p);
int ivc_release(ivc_channel *ch, size_t len);

/*
 * Write the @n parts one after the other: all of them, or nothing. Returns the
 * number of bytes, 0 if there is no room for them now, -EMSGSIZE if they are
 * more than a quarter of the ring less 8 bytes, -EINVAL if they are empty, or
 * an error of ivc_write(). If iov_base is NULL, iov_len bytes are reserved but
 * not filled; the reader sees stale data from an earlier write by this process.
 *
 * Record boundaries. Data written by one ivc_write_record() or one ivc_commit()
 * is returned by exactly one ivc_peek(), provided that the reader always
 * releases exactly the number of bytes that the last peek returned.
 */
ssize_t ivc_write_record(ivc_channel *ch, const struct iovec *parts, int n);

#define IVC_READABLE 1 /* there is data to read, or the channel has ended */
#define IVC_WRITABLE 2 /* there is room to write, or the channel has ended */

/*
 * Wait until one of @events is true: poll the ring first, then sleep until the
 * peer rings the doorbell. Returns the events that are true, 0 after
 * @timeout_ms, or -EINTR.
 *
 * After a write or reserve that returned 0, IVC_WRITABLE means that the same
 * call would now succeed.
 */
int ivc_wait(ivc_channel *ch, int events, int timeout_ms);

/*
 * Set for how many nanoseconds ivc_wait() polls before it sleeps. Default:
 * 50,000, or 0 if only one CPU is online. 0: sleep at once. Negative: poll
 * without a limit; signals then do not interrupt ivc_wait().
 */
void ivc_set_spin(ivc_channel *ch, int64_t nanoseconds);

/*
 * Wait for a channel with poll(2) or epoll(7). ivc_arm() asks the peer to ring
 * the doorbell for @events and returns those that are already true. If it
 * returns more than 0, no wake-up will follow: read or write. If it returns 0,
 * poll the descriptor of ivc_channel_fd() for POLLIN; when the descriptor is
 * readable, read or write until the call returns 0, then arm again. A wake-up
 * is a hint: the next read or write may still return 0.
 *
 * The channel owns the descriptor: the program must not read or close it, and
 * must remove it from an epoll set before ivc_close().
 */
int ivc_arm(ivc_channel *ch, int events);
int ivc_channel_fd(const ivc_channel *ch);

/*
 * Return a descriptor for poll(2), which the context owns. POLLIN: a connection
 * is pending (ivc_accept()). POLLPRI: an event is pending (ivc_next_event()).
 * The local transport reports both as POLLIN, and reports events from the first
 * ivc_next_event() on. Portable programs poll for POLLIN | POLLPRI and then
 * call both functions.
 */
int ivc_context_fd(const ivc_context *ctx);

enum ivc_event_type {
	IVC_EVENT_JOIN = 1,  /* `peer` has joined the group */
	IVC_EVENT_LEAVE = 2, /* `peer` has left the group */
	/*
	 * Over Xen: the device of this guest was detached, and all channels
	 * have ended. Local transport: the connection to ivcd is lost, and
	 * channels are not affected. Every member leaves.
	 */
	IVC_EVENT_DETACHED = 3,
	/*
	 * The device, or ivcd, is back. `status` is 0 if the context has been
	 * registered again, otherwise the error of that registration. The
	 * members that are present join.
	 */
	IVC_EVENT_ATTACHED = 4,
	/*
	 * This guest leaves its host, because it is migrated, saved or copied.
	 * Channels between processes of this guest stay open.
	 */
	IVC_EVENT_GOING = 5,
	/*
	 * This guest runs on its new host, or continues on the old one.
	 * `status` as in ATTACHED.
	 */
	IVC_EVENT_ARRIVED = 6,
	/*
	 * This guest or the peer's leaves its host, and `channel` between the
	 * two has ended with -EREMCHG. The data that the peer wrote can
	 * still be read. The program closes the channel, and connects to `peer`
	 * again after the peer's next JOIN event.
	 */
	IVC_EVENT_SUSPENDED = 7,
};

struct ivc_event {
	enum ivc_event_type type;
	int status;
	ivc_peer peer;
	ivc_channel *channel; /* SUSPENDED; the program still has to close it */
	uint32_t reserved[2];
};

/*
 * Store the next event of the context in *@ev. Waits for an event for at most
 * @timeout_ms. Returns 1 with an event, 0 without one, or -errno.
 *
 * JOIN and LEAVE alone always tell who is in the group. The first calls report
 * the members that are already there as JOIN events. Every member leaves after
 * DETACHED, and those present join after ATTACHED. GOING and ARRIVED replace
 * DETACHED and ATTACHED when the guest migrates: every member leaves after
 * GOING and those present join after ARRIVED.
 *
 * If one thread receives events and another thread closes channels, the first
 * must not use `channel` of an event after the second has closed it.
 */
int ivc_next_event(ivc_context *ctx, struct ivc_event *ev, int timeout_ms);

/*
 * Events as callbacks (the paper's Figure 6). ivc_dispatch() takes all pending
 * events, waits for the first of them as ivc_next_event() does, and calls the
 * function of @cb for each. A NULL function is skipped. Returns the number of
 * events, or -errno if it handled none.
 *
 * `suspended` receives a copy of the channel's unread data, valid until the
 * callback returns. ivc_read() still returns the same data: a program uses one
 * or the other.
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
 * Return the number of bytes accepted by ivc_write() that the peer neither read
 * nor can still read, for a channel that has ended for whatever reason. The
 * count is exact, to the byte: of a record that the peer has read in part the
 * rest is counted, and bytes that ivc_peek() has returned to the peer and the
 * peer has not released are not read.
 *
 * Only the writer may call this function. -EAGAIN: the channel has not ended,
 * or is still being handed over. -EPROTO: the peer reported an invalid ring
 * position, so the amount delivered cannot be determined.
 */
ssize_t ivc_undelivered(ivc_channel *ch);

/*
 * Copy up to @len of the undelivered bytes to @buf, starting with byte number
 * @skip of them, so that the program can send them in another way. They are the
 * bytes that were written last, and start in the middle of a record if the peer
 * has read a part of it. Returns the number of bytes copied. Callers and errors
 * as for ivc_undelivered().
 */
ssize_t ivc_recall(ivc_channel *ch, void *buf, size_t len, size_t skip);

/*
 * Store in *@buf a copy of the unread data of a channel that has ended, or NULL
 * if there is none. Does not consume the data: ivc_read() still returns it. The
 * caller releases the copy with free(). Returns the number of bytes.
 *
 * Only the reader may call this function. -EAGAIN: the channel has not ended.
 * -EPROTO: the peer continues to write, so the unread data has no end.
 */
ssize_t ivc_unread(ivc_channel *ch, void **buf);

/*
 * Counters of a channel. A reserve and its commit count as one call, and so do
 * a peek and its release.
 */
struct ivc_stats {
	uint64_t tx_bytes, tx_calls; /* writes of this side ... */
	uint64_t tx_full;	     /* ... that transferred nothing */
	uint64_t rx_bytes, rx_calls; /* reads of this side ... */
	uint64_t rx_empty;	     /* ... that transferred nothing */
	uint64_t sleeps;	     /* waits that slept */
	uint64_t kicks;		     /* doorbells rung for the peer */
	uint64_t wakeups;	     /* doorbells of the peer heard */
	uint64_t spurious;	     /* doorbells nobody had asked for */
	uint32_t tx_size, rx_size;   /* bytes of either side's ring */
	uint64_t kept; /* unread bytes copied when the peer ended */
	uint64_t reserved[4];
};

/*
 * Store the counters of the channel in *@st. Any thread may call this function;
 * counters that another thread changes at the same time may be one call old.
 */
int ivc_get_stats(const ivc_channel *ch, struct ivc_stats *st);

/*
 * Close the channel, in any state, and free it. No other thread may be inside a
 * call on the channel, ivc_wait() included. The peer reads all data that was
 * written before and then gets -EPIPE. A NULL channel is ignored. Returns 0, or
 * the error with which the channel had ended.
 */
int ivc_close(ivc_channel *ch);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* IVC_IVC_H */
