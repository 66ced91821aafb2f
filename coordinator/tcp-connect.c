/* SPDX-License-Identifier: MIT */
/*
 * How two processes make a connection, and another when it has broken.
 *
 * Either process may connect, and both may at once. Connections of a pair are
 * numbered. The connecting process uses a number higher than that of the last
 * known connection; the other process accepts a number higher than all known
 * ones. If both attempt the same number, the attempt of the process with the
 * lower name counts: that process refuses the other's, and the other drops its
 * own attempt when the connection comes.
 *
 * The greeting's position in the stream is checked: a peer cannot ask for bytes
 * that were never sent, or were acknowledged.
 *
 * A process that accepts a connection and does not greet may be computing,
 * without a call for a long time. Its system holds the connection in the
 * backlog. So this is no failure, only a reason to try another address, too.
 */
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/tcp-self-connect.h"
#include "tcp-internal.h"

/*
 * A waiting peer tries again within that time; a longer pause begins a new
 * lack.
 */
#define LACK_GAP (4 * TCP_BACKOFF_MAX)

static int greet(const struct net_link *l, bool reply)
{
	struct tcp_greeting g = {
		.magic = htole32(GREETING_MAGIC),
		.version = htole32(GREETING_VERSION),
		.from = htole64(l->net->name),
		.to = htole64(l->name),
		.got = htole64(l->rx_got),
		.epoch = htole32(reply ? l->epoch : l->attempt),
		.reply = htole32(reply),
	};
	ssize_t n;

	memcpy(g.key, l->at.key, sizeof(g.key));
	n = send(l->watch.fd, &g, sizeof(g), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	/* A new socket has room for a greeting. */
	return n == sizeof(g) ? 0 : -EIO;
}

/*
 * Whether the greeting is for this process and of this job. Converts its
 * numbers to the byte order of the machine.
 */
static bool greeting_ok(const struct net *n, struct tcp_greeting *g, bool reply)
{
	uint8_t differ = 0;

	g->from = le64toh(g->from);
	g->got = le64toh(g->got);
	g->epoch = le32toh(g->epoch);
	/*
	 * Compares the whole key, so that the duration tells nothing about the
	 * key.
	 */
	for (size_t i = 0; i < sizeof(g->key); i++)
		differ |= g->key[i] ^ n->self.key[i];
	return g->magic == htole32(GREETING_MAGIC) &&
	       g->version == htole32(GREETING_VERSION) &&
	       g->to == htole64(n->name) && g->reply == htole32(reply) &&
	       !differ && !g->reserved;
}

static void set_options(const struct net *n, int fd)
{
	int on = 1, idle = 10, interval = 5;
	unsigned int timeout = n->o.timeout_s * 1000;

	/* Improvements only: connections work without them. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
		   sizeof(timeout));
}

static socklen_t socket_address(const struct tcp_place *p,
				struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *four = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (p->family == 4) {
		four->sin_family = AF_INET;
		four->sin_port = p->port;
		memcpy(&four->sin_addr, p->addr, 4);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = p->port;
	memcpy(&six->sin6_addr, p->addr, 16);
	return sizeof(*six);
}

static void connected(struct net_link *l)
{
	/* TCP connects a port to itself where nobody listens. */
	int ret = ivc_tcp_self_connected(l->watch.fd) ? -ECONNREFUSED
						      : greet(l, false);

	if (ret) {
		tcp_broken(l, ret);
		return;
	}
	l->state = LINK_GREETING;
	l->greeted = 0;
	l->since = l->net->now;
	tcp_watch(l->net, &l->watch, false);
}

static void attempt(struct net_link *l)
{
	const struct tcp_place *p = &l->at.place[l->tries % l->at.count];
	struct sockaddr_storage ss;
	socklen_t len = socket_address(p, &ss);
	int ret = tcp_link_buffers(l);

	if (ret) {
		tcp_retry_later(l, ret);
		return;
	}
	l->watch.fd = socket(ss.ss_family,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->watch.fd < 0) {
		tcp_retry_later(l, -errno);
		return;
	}
	set_options(l->net, l->watch.fd);
	l->attempt = l->epoch + 1;
	l->since = l->net->now;
	l->state = LINK_CONNECTING;
	if (!connect(l->watch.fd, (struct sockaddr *)&ss, len))
		connected(l);
	else if (errno == EINPROGRESS)
		tcp_watch(l->net, &l->watch, true);
	else
		tcp_broken(l, -errno);
}

/*
 * The connection is the one that counts, for the other side too: goes on with
 * the stream.
 */
static int up(struct net_link *l, const struct tcp_greeting *g)
{
	if (g->got < l->tx_acked || g->got > l->tx_end)
		return -EPROTO;
	l->tx_acked = l->tx_sent = g->got;
	l->ack_said = l->rx_got;
	l->epoch = g->epoch;
	l->attempt = 0;
	l->tries = 0;
	l->deadline = 0;
	l->state = LINK_UP;
	return tcp_watch(l->net, &l->watch, false);
}

/* Reads the answer to the greeting, or a part of it. */
static void greeting_event(struct net_link *l)
{
	ssize_t n = recv(l->watch.fd, (uint8_t *)&l->greeting + l->greeted,
			 sizeof(l->greeting) - l->greeted, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* Refused, which is normal if the peer connects to us. */
		tcp_broken(l, n ? -errno : -ECONNREFUSED);
		return;
	}
	l->greeted += (size_t)n;
	if (l->greeted < sizeof(l->greeting))
		return;
	if (!greeting_ok(l->net, &l->greeting, true) ||
	    l->greeting.from != l->name || l->greeting.epoch != l->attempt ||
	    up(l, &l->greeting))
		tcp_broken(l, -EPROTO);
	else
		tcp_flush(l);
}

void tcp_connect_event(struct net_link *l, uint32_t events)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (l->state == LINK_GREETING) {
		greeting_event(l);
		return;
	}
	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	if (getsockopt(l->watch.fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err)
		tcp_broken(l, -err);
	else
		connected(l);
}

void tcp_visitor_drop(struct net *n, struct tcp_visitor *g)
{
	if (g->watch.fd >= 0)
		close(g->watch.fd);
	LIST_REMOVE(g, entry);
	n->n_visitors--;
	free(g);
}

static bool is_lack(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM ||
	       error == -ENOBUFS || error == -ENOSPC;
}

/*
 * A connection cannot be accepted. The connecting process sees nothing of this,
 * or is refused and tries again. So this process has to report a lack that does
 * not end.
 */
static void lacks(struct net *n, int error)
{
	if (!is_lack(error))
		return;
	if (!n->lack_since || n->now - n->lacked > LACK_GAP)
		n->lack_since = n->now;
	n->lacked = n->now;
	/* Before the refused processes give up: they cannot know why. */
	if (n->now - n->lack_since >= n->o.timeout_s * SECOND / 2 &&
	    n->user.lacks)
		n->user.lacks(n->user.arg, error);
}

void tcp_accept(struct net *n, struct tcp_watch *listener)
{
	struct tcp_visitor *g;
	int fd, ret;

	for (;;) {
		fd = accept4(listener->fd, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			lacks(n, -errno);
			return;
		}
		g = n->n_visitors < TCP_VISITORS ? calloc(1, sizeof(*g)) : NULL;
		if (!g) {
			close(fd);
			if (n->n_visitors < TCP_VISITORS)
				lacks(n, -ENOMEM);
			continue;
		}
		set_options(n, fd);
		g->watch = (struct tcp_watch){ WATCH_VISITOR, fd };
		g->until = n->now + TCP_VISITOR_S * SECOND;
		LIST_INSERT_HEAD(&n->visitors, g, entry);
		n->n_visitors++;
		tcp_wake(n, TCP_TICK + 1);
		ret = tcp_watch(n, &g->watch, false);
		if (ret) {
			tcp_visitor_drop(n, g);
			lacks(n, ret);
		}
	}
}

static struct net_link *find(struct net *n, uint64_t name)
{
	struct net_link *l;

	LIST_FOREACH (l, &n->link, entry)
		if (l->name == name)
			return l;
	return NULL;
}

/* Whether the peer's connection is preferred to the present one. */
static bool welcome(const struct net_link *l, uint32_t epoch)
{
	uint32_t ours = l->attempt ? l->attempt : l->epoch;

	if (l->state == LINK_ENDED || l->bye_heard)
		return false;
	if (epoch != ours)
		return epoch > ours;
	return l->attempt && l->name < l->net->name;
}

static int adopt(struct net_link *l, struct tcp_visitor *g)
{
	int ret = tcp_link_buffers(l);

	if (ret)
		return ret;
	if (g->greeting.got < l->tx_acked || g->greeting.got > l->tx_end)
		return -EPROTO;
	if (l->watch.fd >= 0)
		close(l->watch.fd);
	l->watch.fd = g->watch.fd;
	g->watch.fd = -1;
	l->watching_out = false;
	ret = up(l, &g->greeting);
	if (!ret)
		ret = greet(l, true);
	if (ret)
		tcp_broken(l, ret);
	else
		tcp_flush(l);
	return 0;
}

static void visitor_known(struct net *n, struct tcp_visitor *g)
{
	struct net_link *l;
	int ret = 0;

	if (!greeting_ok(n, &g->greeting, false))
		return;
	l = find(n, g->greeting.from);
	if (!l && !n->closing)
		l = n->user.stranger(n->user.arg, g->greeting.from);
	if (!l)
		return;
	tcp_lock(l);
	if (welcome(l, g->greeting.epoch))
		ret = adopt(l, g);
	tcp_unlock(l);
	lacks(n, ret);
}

void tcp_visitor_event(struct net *n, struct tcp_visitor *g)
{
	ssize_t ret = recv(g->watch.fd, (uint8_t *)&g->greeting + g->got,
			   sizeof(g->greeting) - g->got, MSG_DONTWAIT);

	if (ret < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (ret > 0) {
		g->got += (size_t)ret;
		if (g->got < sizeof(g->greeting))
			return;
		visitor_known(n, g);
	}
	tcp_visitor_drop(n, g);
}

static bool link_tick(struct net_link *l)
{
	struct net *n = l->net;

	switch (l->state) {
	case LINK_CONNECTING:
		if (n->now - l->since > TCP_CONNECT_S * SECOND)
			tcp_broken(l, -ETIMEDOUT);
		break;
	case LINK_GREETING:
		if (n->now - l->since > TCP_GREETING_S * SECOND) {
			/* The peer lives, or TCP would report an error. */
			l->deadline = 0;
			tcp_broken(l, -ETIMEDOUT);
		}
		break;
	case LINK_WAITING:
		if (!l->deadline)
			l->deadline = n->now + n->o.timeout_s * SECOND;
		if (n->now >= l->deadline) {
			l->state = LINK_ENDED;
			n->user.ready(n->user.arg, l->owner);
		} else if (n->now >= l->retry_at) {
			attempt(l);
		}
		break;
	default:
		return false;
	}
	return true;
}

bool tcp_tick(struct net *n)
{
	struct tcp_visitor *g, *next;
	struct net_link *l;
	bool timed = false;

	for (g = LIST_FIRST(&n->visitors); g; g = next) {
		next = LIST_NEXT(g, entry);
		if (n->now >= g->until)
			tcp_visitor_drop(n, g);
	}
	LIST_FOREACH (l, &n->link, entry) {
		tcp_lock(l);
		timed |= link_tick(l);
		tcp_unlock(l);
	}
	return timed || !LIST_EMPTY(&n->visitors);
}
