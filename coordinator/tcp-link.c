/* SPDX-License-Identifier: MIT */
/*
 * A link: a stream of bytes each way that outlives its connections.
 *
 * Bytes that were sent stay in `tx` until the other side has acknowledged them.
 * A new connection goes on with the byte for which the other side asks in its
 * greeting. Received bytes stay in `rx` until take(). So a unit that the end of
 * a connection has cut in two becomes whole again.
 *
 *       tx_acked        tx_sent         tx_end
 *   tx  |  sent, kept   |  to be sent   |  room
 *       rx_taken        rx_got
 *   rx  |  to be read   |  room
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tcp-internal.h"

#define READ_MAX (256u * 1024u)

static size_t unit_size(size_t len)
{
	return sizeof(struct tcp_unit) + ((len + 7) & ~(size_t)7);
}

int tcp_link_buffers(struct net_link *l)
{
	int ret;

	if (l->tx.base)
		return 0;
	ret = mirror_init(&l->tx, l->net->o.buffer);
	if (ret)
		return ret;
	ret = mirror_init(&l->rx, l->net->o.buffer);
	if (ret)
		mirror_free(&l->tx);
	return ret;
}

void tcp_flush(struct net_link *l)
{
	while (l->state == LINK_UP && l->tx_sent != l->tx_end) {
		ssize_t n = send(l->watch.fd, mirror_at(&l->tx, l->tx_sent),
				 l->tx_end - l->tx_sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		/*
		 * The connection is broken, and epoll reports this, too. Only
		 * the polling thread may close the socket: it may be reading
		 * from the socket at this moment.
		 */
		if (n < 0 && errno != EAGAIN)
			return;
		if (n < 0)
			break;
		l->tx_sent += (uint64_t)n;
	}
	if (l->state == LINK_UP && (l->tx_sent != l->tx_end) != l->watching_out)
		tcp_watch(l->net, &l->watch, l->tx_sent != l->tx_end);
}

/* Returns the address for the data of a unit of @len bytes, or NULL. */
static void *room_for(struct net_link *l, size_t len, bool urgent, int *err)
{
	size_t limit;

	*err = l->state == LINK_ENDED ? l->error : 0;
	if (*err)
		return NULL;
	if (l->bye_said) {
		*err = -ESHUTDOWN;
		return NULL;
	}
	tcp_need(l);
	if (!l->tx.base)
		*err = tcp_link_buffers(l);
	if (*err)
		return NULL;
	limit = urgent ? l->tx.size : l->tx.size - TCP_URGENT;
	if (l->tx_end - l->tx_acked + unit_size(len) > limit) {
		l->starved = true;
		return NULL;
	}
	return mirror_at(&l->tx, l->tx_end) + sizeof(struct tcp_unit);
}

static void commit(struct net_link *l, enum tcp_kind kind, size_t len)
{
	struct tcp_unit u = { .len = htole32((uint32_t)len),
			      .kind = htole32(kind) };
	uint8_t *at = mirror_at(&l->tx, l->tx_end);

	memcpy(at, &u, sizeof(u));
	memset(at + sizeof(u) + len, 0, unit_size(len) - sizeof(u) - len);
	l->tx_end += unit_size(len);
}

void *tcp_post(struct net_link *l, size_t len, bool urgent, int *err)
{
	void *at = room_for(l, len, urgent, err);

	l->posted = at;
	return at;
}

static bool say_ack(struct net_link *l, uint64_t got)
{
	int err;
	void *at = room_for(l, sizeof(got), true, &err);

	if (!at)
		return false;
	got = htole64(got);
	memcpy(at, &got, sizeof(got));
	commit(l, UNIT_ACK, sizeof(got));
	return true;
}

uint64_t tcp_commit(struct net_link *l, size_t len)
{
	uint64_t end;

	commit(l, UNIT_MESSAGE, len);
	end = l->tx_end;
	l->posted = false;
	if (l->ack_late && say_ack(l, l->ack_late))
		l->ack_late = 0;
	return end;
}

void tcp_push(struct net_link *l)
{
	tcp_flush(l);
}

/*
 * Without a connection only acknowledged bytes are certain. A peer that has
 * said goodbye does not acknowledge any more.
 */
uint64_t tcp_gone(const struct net_link *l)
{
	return l->state == LINK_UP || l->bye_heard ? l->tx_sent : l->tx_acked;
}

/*
 * Acknowledges received bytes, when there are enough of them. A message that
 * another thread has posted and not committed would be overwritten; then
 * commit() sends the acknowledgement behind the message.
 */
static void acknowledge(struct net_link *l)
{
	if (l->rx_got - l->ack_said < l->rx.size / 4 || l->state != LINK_UP)
		return;
	tcp_lock(l);
	if (l->posted)
		l->ack_late = l->rx_got;
	if (l->posted || say_ack(l, l->rx_got))
		l->ack_said = l->rx_got;
	tcp_flush(l);
	tcp_unlock(l);
}

/*
 * Frees the bytes that the other side has acknowledged. Returns -EPROTO if they
 * were not sent.
 */
static int acknowledged(struct net_link *l, const void *data)
{
	uint64_t got;
	bool starved;

	memcpy(&got, data, sizeof(got));
	got = le64toh(got);
	tcp_lock(l);
	if (got > l->tx_sent) {
		tcp_unlock(l);
		return -EPROTO;
	}
	/* A greeting may have acknowledged more meanwhile. */
	if (got > l->tx_acked)
		l->tx_acked = got;
	starved = l->starved;
	l->starved = false;
	tcp_unlock(l);
	if (starved)
		l->net->user.ready(l->net->user.arg, l->owner);
	return 0;
}

int tcp_take_in(struct net_link *l)
{
	size_t room = l->rx.size - (l->rx_got - l->rx_taken);
	ssize_t n;

	if (!room)
		return 0;
	n = recv(l->watch.fd, mirror_at(&l->rx, l->rx_got),
		 room < READ_MAX ? room : READ_MAX, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -ECONNRESET;
	l->rx_got += (uint64_t)n;
	acknowledge(l);
	return 1;
}

/* Handles a unit that is no message. */
static int unit_other(struct net_link *l, const struct tcp_unit *u,
		      const uint8_t *data)
{
	switch (u->kind) {
	case UNIT_ACK:
		return acknowledged(l, data);
	case UNIT_BYE:
		l->bye_heard = true;
		return 0;
	}
	return -EPROTO;
}

/*
 * Whether the header of a unit is valid. If not, the peer is broken or hostile,
 * and the link ends.
 */
static bool unit_ok(const struct net_link *l, const struct tcp_unit *u)
{
	switch (u->kind) {
	case UNIT_MESSAGE:
		return u->len && u->len <= l->net->o.message_max;
	case UNIT_ACK:
		return u->len == sizeof(uint64_t);
	case UNIT_BYE:
		return !u->len;
	}
	return false;
}

static void give_up(struct net_link *l, int error)
{
	tcp_lock(l);
	tcp_broken(l, error);
	l->state = LINK_ENDED;
	l->error = error;
	tcp_unlock(l);
}

int tcp_front(struct net_link *l, const void **msg, size_t *len)
{
	int error;

	while (l->rx_got - l->rx_taken >= sizeof(struct tcp_unit)) {
		const uint8_t *at = mirror_at(&l->rx, l->rx_taken);
		struct tcp_unit u;

		memcpy(&u, at, sizeof(u));
		u.len = le32toh(u.len);
		u.kind = le32toh(u.kind);
		if (l->bye_heard || !unit_ok(l, &u)) {
			give_up(l, -EPROTO);
			return -EPROTO;
		}
		if (l->rx_got - l->rx_taken < unit_size(u.len))
			break;
		if (u.kind == UNIT_MESSAGE) {
			*msg = at + sizeof(u);
			*len = u.len;
			return 1;
		}
		if (unit_other(l, &u, at + sizeof(u))) {
			give_up(l, -EPROTO);
			return -EPROTO;
		}
		l->rx_taken += unit_size(u.len);
	}
	if (l->bye_heard)
		return -EPIPE;
	tcp_lock(l);
	error = l->state == LINK_ENDED ? l->error : 0;
	tcp_unlock(l);
	return error;
}

void tcp_take(struct net_link *l)
{
	struct tcp_unit u;

	memcpy(&u, mirror_at(&l->rx, l->rx_taken), sizeof(u));
	l->rx_taken += unit_size(le32toh(u.len));
}

void tcp_say_bye(struct net_link *l)
{
	int err;

	if (l->state == LINK_IDLE || l->bye_said)
		return;
	if (room_for(l, 0, true, &err))
		commit(l, UNIT_BYE, 0);
	l->bye_said = true;
	tcp_flush(l);
}
