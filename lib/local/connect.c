/* SPDX-License-Identifier: MIT */
/*
 * Connect and accept.
 *
 *   offerer                          ivcd                         accepter
 *   makes its memory and a pair of
 *   sockets; greets on its own one
 *   CONNECT + other socket  -------> EV_OFFER + socket ---------> stores it
 *                                               accept: receives the greeting
 *                                    <-------------- ACCEPT
 *                                    reply: recorded -----------> maps, greets
 *   receives the greeting, maps: <------ on the socket itself -------
 *   established
 *
 * So once the offer is delivered the offerer needs no ivcd any more. An offer
 * of an ivcd that has ended since can still be accepted.
 *
 * If the socket ends before the accepter has greeted, the accepter takes the
 * offer for withdrawn, and the offerer takes it for refused.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "../fd-closer.h"
#include "local.h"

#define LOCAL_RING_DEFAULT (1u << IVC_RING_DEFAULT_LOCAL_SHIFT)

/* Send the greeting with the own memory. -EAGAIN: the socket is full. */
static int greet(int fd, uint32_t ring, int memory)
{
	struct ivc_local_greeting g = { .magic = IVC_LOCAL_GREETING,
					.version = IVC_LOCAL_VERSION,
					.ring = ring };

	return ivc_packet_send(fd, &g, sizeof(g), memory);
}

static bool greeting_ok(const struct ivc_local_greeting *g, uint32_t most)
{
	size_t i;

	for (i = 0; i < sizeof(g->reserved) / sizeof(g->reserved[0]); i++)
		if (g->reserved[i])
			return false;
	return g->magic == IVC_LOCAL_GREETING &&
	       g->version == IVC_LOCAL_VERSION && ivc_ring_size_ok(g->ring) &&
	       g->ring <= most;
}

/*
 * Receive the peer's greeting and map its memory, with a ring of at most @most
 * bytes. -EAGAIN: the greeting has not come yet. -EPIPE: the socket has ended.
 * -EPROTO: the greeting is wrong. Any other error: the greeting is right, but
 * this process lacks a descriptor (-EMFILE) or memory.
 */
static int receive_greeting(struct local_channel *lc, int fd, uint32_t most)
{
	struct ivc_local_greeting g;
	struct ivc_packet fds;
	ssize_t n;
	int ret;

	n = ivc_packet_recv(fd, &g, sizeof(g), &fds);
	/*
	 * The peer has closed the socket with doorbells unread. The greeting
	 * follows the error.
	 */
	if (n == -ECONNRESET)
		n = ivc_packet_recv(fd, &g, sizeof(g), &fds);
	if (n < 0)
		return n == -ECONNRESET ? -EPIPE : (int)n;
	if (n == 0 && !fds.some)
		return -EPIPE;
	if (n != sizeof(g) || fds.cut || fds.nr + fds.lack != 1 ||
	    !greeting_ok(&g, most))
		ret = -EPROTO;
	else if (fds.lack)
		ret = -EMFILE;
	else
		ret = local_memory_map(fds.fd[0], g.ring, &lc->peer);
	if (ret == -EPROTO || !fds.nr) {
		ivc_closer_add(&fds);
		return ret;
	}
	/* Checked: a memfd, whose close() does not block. */
	close(fds.fd[0]);
	if (!ret)
		lc->rx_size = g.ring;
	return ret;
}

/*
 * Without a fork() in between: for a moment the peer's memory is mapped, and
 * would be inherited by a child, which could never unmap it.
 */
static int take_greeting(struct local_channel *lc, int fd, uint32_t most)
{
	int ret;

	local_fork_off();
	ret = receive_greeting(lc, fd, most);
	local_fork_on();
	return ret;
}

/*
 * Called before the peer is told anything. If the thread cannot watch the
 * channel, a program that polls the ring would never learn of the end.
 */
static int watch(struct local_channel *lc)
{
	int ret;

	pthread_mutex_lock(&local.lock);
	ret = local_watch(lc);
	pthread_mutex_unlock(&local.lock);
	return ret;
}

/* Both ends are mapped. With the lock. */
static void establish(struct local_channel *lc, enum ivc_chan_event ev)
{
	ivc_store_rel(&local_kctl(lc)->state, IVC_WIRE_OPEN);
	local_channel_step(lc, ev);
	/* The thread has seen the end already, and does not watch any more. */
	if (!lc->key)
		local_channel_ended(lc);
	/* Offered through an ivcd that has ended: tell its successor. */
	if (!lc->conn) {
		local_due_channel(lc);
		local_poke();
	}
}

static int own_memory(struct local_channel *lc, uint32_t size)
{
	int ret;

	lc->tx_size = size;
	local_fork_off();
	ret = local_memory_make(size, &lc->own);
	if (ret >= 0)
		lc->memory = ret;
	local_fork_on();
	return ret < 0 ? ret : 0;
}

/* The peer has its own descriptor by now, or will never map the memory. */
static void close_memory(struct local_channel *lc)
{
	local_fork_off();
	local_close_fd(&lc->memory);
	local_fork_on();
}

/* Under the lock, so that a child finds both descriptors. */
static int socket_pair(struct local_channel *lc)
{
	int sv[2], ret = 0;

	pthread_mutex_lock(&local.lock);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, sv)) {
		ret = ivc_packet_error(errno);
	} else {
		lc->ch->fd = sv[0];
		lc->other = sv[1];
	}
	pthread_mutex_unlock(&local.lock);
	return ret;
}

/* Send the offer. An answer that comes too late is for check_greeting(). */
static int offer(struct local_channel *lc, struct ivc_context *ctx,
		 uint64_t member, int64_t deadline)
{
	struct ivc_msg msg = { .op = IVC_MSG_CONNECT };
	struct local_context *from = ctx->priv;
	uint32_t losses = local.losses;
	int ret;

	if (!from->member)
		return -ENODEV;
	lc->member = msg.member = from->member;
	msg.offer.peer = member;
	msg.offer.tx_shift = (__u8)__builtin_ctz(lc->tx_size);
	msg.offer.rx_shift = (__u8)__builtin_ctz(lc->rx_size);
	ret = local_request(&msg, lc->other, NULL,
			    local_request_until(deadline));
	local_close_fd(&lc->other);
	if (ret == -EINPROGRESS)
		local_due_asked(lc, msg.cookie);
	else if (ret)
		return ret;
	else if (losses == local.losses)
		lc->conn = msg.offer.conn;
	local_channel_step(lc, IVC_CHAN_OFFER);
	return 0;
}

int local_connect(struct ivc_context *ctx, struct ivc_channel *ch,
		  uint64_t member, uint32_t tx_size, uint32_t rx_size,
		  int64_t deadline)
{
	struct local_channel *lc;
	int ret;

	/* Room for the descriptors that a greeting may bring. */
	if (!ivc_closer_room(IVC_PACKET_FDS))
		return -EMFILE;
	ret = local_channel_new(ch, &lc);
	if (ret)
		return ret;
	/* From here on local_close() undoes it. */
	lc->rx_size = rx_size ? rx_size : LOCAL_RING_DEFAULT;
	ret = own_memory(lc, tx_size ? tx_size : LOCAL_RING_DEFAULT);
	if (ret)
		return ret;
	ret = socket_pair(lc);
	if (!ret)
		ret = watch(lc);
	if (!ret)
		ret = greet(ch->fd, lc->tx_size, lc->memory);
	close_memory(lc);
	/* The new socket is empty: its buffer is too small for a packet. */
	if (ret == -EAGAIN)
		return -ENOMEM;
	if (ret)
		return ret;
	pthread_mutex_lock(&local.lock);
	ret = offer(lc, ctx, member, deadline);
	pthread_mutex_unlock(&local.lock);
	return ret;
}

static bool hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, 0) > 0;
}

/*
 * Tell ivcd of the accept, if ivcd is there. If its answer does not come in
 * time, the channel is used nevertheless; ivcd gets the CLOSE after the ACCEPT,
 * so its records stay right.
 */
static int accept_at_broker(struct local_channel *lc,
			    const struct local_offer *o, int64_t deadline)
{
	struct ivc_msg msg = { .op = IVC_MSG_ACCEPT, .member = lc->member };
	uint32_t losses;
	int ret = 0;

	pthread_mutex_lock(&local.lock);
	losses = local.losses;
	if (o->conn && lc->conn == o->conn) {
		msg.accept.conn = o->conn;
		msg.accept.tx_shift = (__u8)__builtin_ctz(lc->tx_size);
		ret = local_request(&msg, -1, NULL,
				    local_request_until(deadline));
	}
	if (losses != local.losses || ret == -ENODEV) {
		lc->conn = 0;
		ret = 0;
	}
	if (ret == -EINPROGRESS || ret == -ETIMEDOUT)
		ret = 0;
	pthread_mutex_unlock(&local.lock);
	return ret;
}

/*
 * Receive the greeting of offer @o. -ECONNABORTED: the offerer has made an
 * error or has not waited, which is not the accepter's error. Other errors:
 * this process lacks a resource.
 */
static int offer_greeting(struct local_channel *lc, const struct local_offer *o)
{
	int ret =
		hung_up(o->fd) ? -EPIPE : take_greeting(lc, o->fd, o->tx_size);

	switch (ret) {
	case 0:
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return ret;
	default:
		/*
		 * Also for -EAGAIN, since an honest offerer greets before it
		 * offers; and for every error of a socket that is no end of a
		 * pair, such as -ENOTCONN of a listening one.
		 */
		return -ECONNABORTED;
	}
}

/* Accept @o. -ECONNABORTED: the offer is not valid, or not any more. */
static int take_offer(struct local_channel *lc, const struct local_offer *o,
		      uint32_t tx_max, int64_t deadline)
{
	uint32_t size = tx_max && tx_max < o->rx_size ? tx_max : o->rx_size;
	int ret;

	ret = offer_greeting(lc, o);
	if (ret)
		return ret;
	ret = own_memory(lc, size);
	if (ret)
		return ret;
	ret = watch(lc);
	if (!ret)
		ret = accept_at_broker(lc, o, deadline);
	if (!ret)
		ret = greet(o->fd, size, lc->memory);
	/* -EAGAIN: the offerer has filled the socket itself. */
	if (ret == -ENOENT || ret == -EPIPE || ret == -ECONNRESET ||
	    ret == -EAGAIN)
		ret = -ECONNABORTED;
	close_memory(lc);
	if (ret)
		return ret;
	pthread_mutex_lock(&local.lock);
	establish(lc, IVC_CHAN_TAKEN);
	pthread_mutex_unlock(&local.lock);
	return 0;
}

/* Move the next offer, with its socket, to @lc. NULL: there is none. */
static struct local_offer *next_offer(struct local_context *from,
				      struct local_channel *lc)
{
	struct local_offer *o;

	pthread_mutex_lock(&local.lock);
	o = TAILQ_FIRST(&from->offers);
	if (o) {
		TAILQ_REMOVE(&from->offers, o, node);
		local_context_signal(from);
		lc->ch->fd = o->fd;
		lc->ch->peer = o->peer;
		lc->member = from->member;
		lc->conn = o->conn;
	}
	pthread_mutex_unlock(&local.lock);
	return o;
}

/* Returns 0 if there is an offer to accept. */
static int any_offer(struct local_context *from)
{
	int ret = 0;

	pthread_mutex_lock(&local.lock);
	/*
	 * While ivcd does not run, a server waits for ivcd as it waits for
	 * offers; but not after ivcd has refused to register it again.
	 */
	if (TAILQ_EMPTY(&from->offers))
		ret = from->attach_status ? -ENODEV : -EAGAIN;
	/* An offer can bring descriptors: it waits until there is room. */
	else if (!ivc_closer_room(IVC_PACKET_FDS))
		ret = -EAGAIN;
	/* Returned once: another offer that waits may need less. */
	if (from->lack) {
		ret = from->lack;
		from->lack = 0;
		local_context_signal(from);
	}
	pthread_mutex_unlock(&local.lock);
	return ret;
}

int local_accept(struct ivc_context *ctx, struct ivc_channel *ch,
		 uint32_t tx_max, int64_t deadline)
{
	struct local_context *from = ctx->priv;
	struct local_channel *lc;
	struct local_offer *o;
	int ret = any_offer(from);

	if (ret)
		return ret;
	ret = local_channel_new(ch, &lc);
	if (ret)
		return ret;
	o = next_offer(from, lc);
	ret = o ? take_offer(lc, o, tx_max, deadline) : -EAGAIN;
	free(o);
	/* Close the socket and tell ivcd, before the next offer is tried. */
	if (ret == -ECONNABORTED || ret == -EAGAIN)
		local_close(ch);
	return ret;
}

static void failed(struct local_channel *lc, int why)
{
	lc->failed = why;
	local_channel_step(lc, IVC_CHAN_FAIL);
}

/*
 * Has the accepter greeted? Only the thread that waits for the connection calls
 * this.
 */
static void check_greeting(struct local_channel *lc)
{
	int ret = take_greeting(lc, lc->ch->fd, lc->rx_size);

	if (ret == -EAGAIN)
		return;
	pthread_mutex_lock(&local.lock);
	if (!ret) {
		establish(lc, IVC_CHAN_ACCEPTED);
	} else if (ret != -EPIPE) {
		failed(lc, ret);
	} else if (lc->due != LOCAL_DUE_REPLY) {
		/* In REPLY, ivcd's answer, which has the reason, is to come. */
		failed(lc, lc->refused ? lc->refused : -ECONNREFUSED);
	}
	pthread_mutex_unlock(&local.lock);
}

int local_info(const struct ivc_channel *ch, struct ivc_abi_info *info)
{
	struct local_channel *lc = ch->priv;

	if (ivc_load(&lc->state) == IVC_CHAN_OFFERED)
		check_greeting(lc);
	memset(info, 0, sizeof(*info));
	info->tx_size = lc->tx_size;
	if (lc->peer)
		info->rx_size = lc->rx_size;
	info->kicks = ivc_load(&lc->kicks);
	info->wakeups = ivc_load(&lc->wakeups);
	info->spurious = ivc_load(&lc->spurious);
	switch (ivc_load(&lc->state)) {
	case IVC_CHAN_OFFERED:
		info->state = IVC_ABI_CONNECTING;
		break;
	case IVC_CHAN_OPEN:
		info->state = IVC_ABI_OPEN;
		break;
	default:
		info->state = IVC_ABI_CLOSED;
		info->status = lc->failed ? lc->failed
					  : ivc_load(&local_kctl(lc)->status);
	}
	return 0;
}
