/* SPDX-License-Identifier: MIT */
/*
 * How a local channel comes to be.
 *
 *   offerer                          ivcd                         accepter
 *   makes its memory and a pair of
 *   sockets; greets on its own one
 *   CONNECT + other socket  -------> EV_OFFER + socket ---------> keeps it
 *                                                    accept: takes the greeting
 *                                    <-------------- ACCEPT
 *                                    reply: in the books -------> maps, greets
 *   takes the greeting, maps:  <------- on the socket itself --------
 *   established
 *
 * So the offerer needs no ivcd any more once its offer is delivered, and an
 * offer that an ivcd left behind when it went is as good as another.
 *
 * A socket that ends before the accepter has greeted was withdrawn, as seen
 * from there, or refused, as seen from here.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "../fd-closer.h"
#include "local.h"

#define LOCAL_RING_DEFAULT (1u << IVC_RING_DEFAULT_LOCAL_SHIFT)

/*
 * Our memory goes with the greeting; its descriptor is of no more use here.
 * -EAGAIN: the socket is full.
 */
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
 * Take the peer's greeting and map its memory, a ring of at most @most bytes.
 * -EAGAIN: not yet there. -EPIPE: the socket has ended. -EPROTO: it is wrong.
 * Any other error: the greeting was right, and this process lacks something
 * that it takes, a descriptor (-EMFILE) or memory.
 */
static int receive_greeting(struct local_channel *lc, int fd, uint32_t most)
{
	struct ivc_local_greeting g;
	struct ivc_packet fds;
	ssize_t n;
	int ret;

	n = ivc_packet_recv(fd, &g, sizeof(g), &fds);
	/*
	 * The peer has closed with doorbells unread: its greeting comes after
	 * the error.
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
	/* Judged: a memfd, which closes at once. */
	close(fds.fd[0]);
	if (!ret)
		lc->rx_size = g.ring;
	return ret;
}

/* With the peer's memory in no child: it is unmapped at the end, here alone. */
static int take_greeting(struct local_channel *lc, int fd, uint32_t most)
{
	int ret;

	local_fork_off();
	ret = receive_greeting(lc, fd, most);
	local_fork_on();
	return ret;
}

/*
 * Before the peer is told anything: a channel that the thread cannot watch
 * would only hear of its end when it asks, which who polls the ring never does.
 */
static int watch(struct local_channel *lc)
{
	int ret;

	pthread_mutex_lock(&local.lock);
	ret = local_watch(lc);
	pthread_mutex_unlock(&local.lock);
	return ret;
}

/* Both sides are mapped. With the lock. */
static void establish(struct local_channel *lc, enum ivc_chan_event ev)
{
	ivc_store_rel(&local_kctl(lc)->state, IVC_WIRE_OPEN);
	local_channel_step(lc, ev);
	/* The thread has seen the end already, and watches no more. */
	if (!lc->key)
		local_channel_ended(lc);
	/* Offered under an ivcd that has gone: the next one shall know. */
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

/* Both have mapped it, or nobody will. */
static void close_memory(struct local_channel *lc)
{
	local_fork_off();
	local_close_fd(&lc->memory);
	local_fork_on();
}

/* Never is one open and not in its place, where a fork() finds it. */
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

/* Whatever ivcd has not said in time it says to look(). */
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
	ret = local_call(&msg, lc->other, NULL, local_answer_by(deadline));
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

	/* For what the peer may greet with. */
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
	/* A new socket of ours: its buffer is too small for a packet. */
	if (ret == -EAGAIN)
		return -ENOMEM;
	if (ret)
		return ret;
	pthread_mutex_lock(&local.lock);
	ret = offer(lc, ctx, member, deadline);
	pthread_mutex_unlock(&local.lock);
	return ret;
}

/* Tell ivcd, with @reason, unless it has told us. The socket tells the peer. */
void local_offer_drop(struct local_context *lc, struct local_offer *o,
		      int reason)
{
	struct ivc_msg msg = { .op = IVC_MSG_CLOSE,
			       .member = lc->member,
			       .close = { .conn = o->conn, .reason = reason } };

	if (o->conn && lc->member)
		(void)local_link_send(&msg, -1);
	TAILQ_REMOVE(&lc->offers, o, node);
	ivc_closer_hangup(o->fd);
	free(o);
	local_context_lit(lc);
}

static bool hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, 0) > 0;
}

/*
 * In ivcd's books, if it is there to keep any. It hears of the end of what it
 * could not say yes to in time, after the ACCEPT, so its books stay right.
 */
static int book(struct local_channel *lc, const struct local_offer *o,
		int64_t deadline)
{
	struct ivc_msg msg = { .op = IVC_MSG_ACCEPT, .member = lc->member };
	uint32_t losses;
	int ret = 0;

	pthread_mutex_lock(&local.lock);
	losses = local.losses;
	if (o->conn && lc->conn == o->conn) {
		msg.accept.conn = o->conn;
		msg.accept.tx_shift = (__u8)__builtin_ctz(lc->tx_size);
		ret = local_call(&msg, -1, NULL, local_answer_by(deadline));
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
 * The greeting of @o. What the offerer did wrong, or did not wait for, is no
 * error of the accepter's: -ECONNABORTED. What this process lacks is.
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
		 * -EAGAIN, too: the greeting goes ahead of the offer. And
		 * whatever a socket can say that is not connected: a listening
		 * one -ENOTCONN.
		 */
		return -ECONNABORTED;
	}
}

/* Take @o, which is ours. -ECONNABORTED: it is no good, or not any more. */
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
		ret = book(lc, o, deadline);
	if (!ret)
		ret = greet(o->fd, size, lc->memory);
	/* Full: the offerer has made it, and has filled it himself. */
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

/* The next offer for @lc, with its socket. NULL: there is none. */
static struct local_offer *next_offer(struct local_context *from,
				      struct local_channel *lc)
{
	struct local_offer *o;

	pthread_mutex_lock(&local.lock);
	o = TAILQ_FIRST(&from->offers);
	if (o) {
		TAILQ_REMOVE(&from->offers, o, node);
		local_context_lit(from);
		lc->ch->fd = o->fd;
		lc->ch->peer = o->peer;
		lc->member = from->member;
		lc->conn = o->conn;
	}
	pthread_mutex_unlock(&local.lock);
	return o;
}

/* 0: there is something to accept. */
static int any_offer(struct local_context *from)
{
	int ret = 0;

	pthread_mutex_lock(&local.lock);
	/*
	 * While ivcd is away a server waits for it as for offers; but not once
	 * it is there and does not take us back.
	 */
	if (TAILQ_EMPTY(&from->offers))
		ret = from->attach_status ? -ENODEV : -EAGAIN;
	/*
	 * An offer can bring descriptors: it waits, too, until there is room.
	 */
	else if (!ivc_closer_room(IVC_PACKET_FDS))
		ret = -EAGAIN;
	/* Told once: of the offers that wait some may need less. */
	if (from->lack) {
		ret = from->lack;
		from->lack = 0;
		local_context_lit(from);
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
	/*
	 * On failure: the socket is closed, ivcd told; the next may be better.
	 */
	if (ret == -ECONNABORTED || ret == -EAGAIN)
		local_close(ch);
	return ret;
}

static void failed(struct local_channel *lc, int why)
{
	lc->failed = why;
	local_channel_step(lc, IVC_CHAN_FAIL);
}

/* Has the accepter greeted? One thread's, until it is established. */
static void look(struct local_channel *lc)
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
		/* While it is asked, ivcd's answer, why, is on its way. */
		failed(lc, lc->refused ? lc->refused : -ECONNREFUSED);
	}
	pthread_mutex_unlock(&local.lock);
}

int local_info(const struct ivc_channel *ch, struct ivc_abi_info *info)
{
	struct local_channel *lc = ch->priv;

	if (ivc_load(&lc->state) == IVC_CHAN_OFFERED)
		look(lc);
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
