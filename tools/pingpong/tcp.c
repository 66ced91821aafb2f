/* SPDX-License-Identifier: MIT */
/* The transport TCP, with TCP_NODELAY: messages are not delayed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket.h"

#define CONNECT_MS 1000
#define ADDRESSES 8

union address_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t address_len(const union address_any *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

/* A numeric address, or the any address if @host is NULL. */
static int numeric(const char *host, uint16_t port, union address_any *a)
{
	memset(a, 0, sizeof(*a));
	if (!host || inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(port);
		return 1;
	}
	if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(port);
		return 1;
	}
	return 0;
}

#ifndef STATIC_BUILD
static int by_name(const char *host, uint16_t port, union address_any *list)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all, *i;
	int n = 0;

	if (getaddrinfo(host, NULL, &hints, &all))
		return 0;
	for (i = all; i && n < ADDRESSES; i = i->ai_next) {
		if (i->ai_addrlen > sizeof(*list))
			continue;
		memcpy(&list[n], i->ai_addr, i->ai_addrlen);
		/* sin_port and sin6_port have the same offset. */
		list[n++].in.sin_port = htons(port);
	}
	freeaddrinfo(all);
	return n;
}
#else
/* A static program cannot load glibc's modules for host names. */
static int by_name(const char *host, uint16_t port, union address_any *list)
{
	(void)host;
	(void)port;
	(void)list;
	return 0;
}
#endif

static int resolve(const struct transport *t, union address_any *list)
{
	uint16_t port = (uint16_t)atoi(t->addr.port);
	int n = numeric(t->addr.host, port, list);

	return n ? n : by_name(t->addr.host, port, list);
}

static int listen_at(struct sock *k, const union address_any *a)
{
	int one = 1, zero = 0, ret;
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* Accept IPv4 at the any address of IPv6, too. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, &a->sa, address_len(a)) || listen(fd, 8)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	k->listener = fd;
	return 0;
}

static int tcp_listen(struct transport *t)
{
	union address_any list[ADDRESSES];
	struct sock *k = sock_of(t);
	int ret = -EADDRNOTAVAIL, n;

	if (!k)
		return -ENOMEM;
	n = resolve(t, list);
	for (int i = 0; i < n && k->listener < 0; i++)
		ret = listen_at(k, &list[i]);
	/* The kernel may have no IPv6. */
	if (ret && ret != -EADDRINUSE && !t->addr.host) {
		numeric("0.0.0.0", (uint16_t)atoi(t->addr.port), list);
		ret = listen_at(k, list);
	}
	snprintf(k->peer, sizeof(k->peer), "TCP port %s", t->addr.port);
	return ret;
}

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int tcp_accept(struct transport *t)
{
	int ret = sock_accept(t);

	if (!ret)
		no_delay(((struct sock *)t->priv)->fd);
	return ret;
}

static int connect_within(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t errlen = sizeof(int);
	int err = 0;

	if (!connect(fd, sa, len))
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, CONNECT_MS) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &errlen))
		return -errno;
	return -err;
}

static int connect_to(struct sock *k, const union address_any *a)
{
	int ret;

	k->fd = socket(a->sa.sa_family,
		       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->fd < 0)
		return -errno;
	ret = connect_within(k->fd, &a->sa, address_len(a));
	if (ret) {
		close(k->fd);
		k->fd = -1;
		return ret;
	}
	fcntl(k->fd, F_SETFL, fcntl(k->fd, F_GETFL) & ~O_NONBLOCK);
	no_delay(k->fd);
	return 0;
}

static int tcp_connect(struct transport *t)
{
	union address_any list[ADDRESSES];
	struct sock *k = sock_of(t);
	int ret = -EADDRNOTAVAIL, n;

	if (!k)
		return -ENOMEM;
	n = resolve(t, list);
	for (int i = 0; i < n && ret; i++)
		ret = connect_to(k, &list[i]);
	snprintf(k->peer, sizeof(k->peer), "TCP to %s port %s", t->addr.host,
		 t->addr.port);
	return ret ? sock_not_yet(-ret) : 0;
}

static const char *tcp_advice(struct transport *t, int err)
{
	if (t->server)
		return err == EADDRINUSE ? "another program uses that port; "
					   "give another --tcp PORT"
					 : "the host of --tcp must be an "
					   "address of this machine";
	if (err == EADDRNOTAVAIL)
		return "the host is unknown here; give its address in numbers";
	return "start the server with --tcp and the same port, and check that "
	       "ping reaches the host";
}

const struct transport_ops tcp_transport = {
	.name = "tcp",
	.polls_per_clock = 1,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.connect = tcp_connect,
	.tune = sock_tune,
	.read = sock_read,
	.write = sock_write,
	.wait = sock_wait,
	.hangup = sock_hangup,
	.close = sock_close,
	.describe = sock_describe,
	.advice = tcp_advice,
};
