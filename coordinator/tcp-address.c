/* SPDX-License-Identifier: MIT */
/*
 * Finds the interfaces that the options choose, listens there, and makes the
 * address of this process.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp-internal.h"

static const uint8_t *bytes_of(const struct sockaddr *sa, size_t *len)
{
	if (sa->sa_family == AF_INET) {
		*len = 4;
		return (const uint8_t *)&((const struct sockaddr_in *)sa)
			->sin_addr;
	}
	*len = 16;
	return (const uint8_t *)&((const struct sockaddr_in6 *)sa)->sin6_addr;
}

static bool same_network(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return !memcmp(a, b, whole) &&
	       (!rest || !((a[whole] ^ b[whole]) & mask));
}

/*
 * Whether @addr is in a prefix like "10.1.0.0/16" or "fd00::/8". -EINVAL: no
 * prefix.
 */
static int in_prefix(const char *text, const uint8_t *addr, size_t len)
{
	char copy[INET6_ADDRSTRLEN + 4], *slash, *end;
	uint8_t net[16];
	unsigned long bits;
	int family;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	*slash = '\0';
	family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	bits = strtoul(slash + 1, &end, 10);
	if (*end || end == slash + 1 || inet_pton(family, copy, net) != 1 ||
	    bits > (family == AF_INET ? 32 : 128))
		return -EINVAL;
	if (len != (family == AF_INET ? 4u : 16u))
		return 0;
	return same_network(net, addr, (unsigned int)bits);
}

/* Whether @list names the interface. Returns 1, 0, or -EINVAL. */
static int listed(const char *list, const struct ifaddrs *ifa)
{
	char *copy = strdup(list), *save = NULL, *word;
	const uint8_t *addr;
	size_t len;
	int ret = 0;

	if (!copy)
		return -ENOMEM;
	addr = bytes_of(ifa->ifa_addr, &len);
	for (word = strtok_r(copy, ", ", &save); word && !ret;
	     word = strtok_r(NULL, ", ", &save))
		ret = strchr(word, '/') ? in_prefix(word, addr, len)
					: !strcmp(word, ifa->ifa_name);
	free(copy);
	return ret;
}

/* Whether the options choose the interface. Returns 1, 0, or -errno. */
static int wanted(const struct net *n, const struct ifaddrs *ifa, bool loopback)
{
	const struct sockaddr *sa = ifa->ifa_addr;
	int ret;

	if (!sa || !(ifa->ifa_flags & IFF_UP) ||
	    (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return 0;
	if (n->o.family && sa->sa_family != n->o.family)
		return 0;
	/*
	 * A link-local address needs the name of an interface of the other
	 * side.
	 */
	if (sa->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LINKLOCAL(
		    &((const struct sockaddr_in6 *)sa)->sin6_addr))
		return 0;
	if (n->o.include)
		return listed(n->o.include, ifa);
	if (n->o.exclude) {
		ret = listed(n->o.exclude, ifa);
		return ret < 0 ? ret : !ret;
	}
	return loopback == !!(ifa->ifa_flags & IFF_LOOPBACK);
}

static unsigned int prefix_of(const struct ifaddrs *ifa)
{
	const uint8_t *mask;
	unsigned int bits = 0;
	size_t len;

	if (!ifa->ifa_netmask)
		return 0;
	bytes_of(ifa->ifa_addr, &len);
	/* The family of a netmask is not always set. */
	mask = len == 4 ? (const uint8_t *)&(
				  (struct sockaddr_in *)ifa->ifa_netmask)
				  ->sin_addr
			: (const uint8_t *)&(
				  (struct sockaddr_in6 *)ifa->ifa_netmask)
				  ->sin6_addr;
	while (bits < len * 8 && mask[bits / 8] & (0x80 >> bits % 8))
		bits++;
	return bits;
}

/* Puts the addresses of all chosen interfaces into `self`. */
static int gather(struct net *n, const struct ifaddrs *all, bool loopback)
{
	struct tcp_address *self = &n->self;
	const uint8_t *addr;
	size_t len;
	int ret;

	for (; all && self->count < TCP_ADDRESSES; all = all->ifa_next) {
		struct tcp_place *p = &self->place[self->count];

		ret = wanted(n, all, loopback);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		addr = bytes_of(all->ifa_addr, &len);
		p->family = len == 4 ? 4 : 6;
		p->prefix = (uint8_t)prefix_of(all);
		memcpy(p->addr, addr, len);
		self->count++;
	}
	return 0;
}

static int bind_to(int fd, int family, unsigned int port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)port),
				    .sin6_addr = in6addr_any };
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port) };

	if (family == AF_INET)
		return bind(fd, (struct sockaddr *)&four, sizeof(four));
	return bind(fd, (struct sockaddr *)&six, sizeof(six));
}

/* Listens at the first free port. Returns the port, big-endian. */
static int listen_family(struct net *n, struct tcp_watch *w, int family)
{
	unsigned int port = n->o.port, last = port + n->o.ports;
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	int on = 1, ret;

	w->kind = WATCH_LISTENER;
	w->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return -errno;
	if (family == AF_INET6)
		setsockopt(w->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	do
		ret = bind_to(w->fd, family, port) ? -errno : 0;
	while (ret == -EADDRINUSE && n->o.port && ++port < last);
	if (ret)
		return ret;
	if (listen(w->fd, SOMAXCONN) ||
	    getsockname(w->fd, (struct sockaddr *)&ss, &len))
		return -errno;
	ret = tcp_watch(n, w, false);
	if (ret)
		return ret;
	return family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
				 : ((struct sockaddr_in6 *)&ss)->sin6_port;
}

int tcp_listen(struct net *n)
{
	struct ifaddrs *all;
	int ret, port[2] = { 0, 0 };

	if (getifaddrs(&all))
		return -errno;
	ret = gather(n, all, false);
	/* A machine without a network: loopback. */
	if (!ret && !n->self.count && !n->o.include)
		ret = gather(n, all, true);
	freeifaddrs(all);
	if (ret)
		return ret;
	if (!n->self.count)
		return -EADDRNOTAVAIL;
	for (uint32_t i = 0; i < n->self.count; i++) {
		struct tcp_place *p = &n->self.place[i];
		int six = p->family == 6;

		if (!port[six])
			port[six] = listen_family(n, &n->listener[six],
						  six ? AF_INET6 : AF_INET);
		if (port[six] < 0)
			return port[six];
		p->port = (uint16_t)port[six];
	}
	return 0;
}

int tcp_address_check(const void *blob, size_t len, struct tcp_address *a)
{
	if (len != sizeof(*a))
		return -EINVAL;
	memcpy(a, blob, sizeof(*a));
	if (le32toh(a->version) != 1)
		return -EPROTONOSUPPORT;
	a->count = le32toh(a->count);
	if (!a->count || a->count > TCP_ADDRESSES)
		return -EINVAL;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct tcp_place *p = &a->place[i];

		if ((p->family != 4 && p->family != 6) || !p->port ||
		    p->prefix > (p->family == 4 ? 32 : 128))
			return -EINVAL;
	}
	return 0;
}

static bool near(const struct net *n, const struct tcp_place *p)
{
	for (uint32_t i = 0; i < n->self.count; i++) {
		const struct tcp_place *q = &n->self.place[i];

		if (p->family == q->family &&
		    same_network(p->addr, q->addr, q->prefix))
			return true;
	}
	return false;
}

void tcp_address_sort(const struct net *n, struct tcp_address *a)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < a->count; i++) {
		struct tcp_place p = a->place[i];

		if (!near(n, &p))
			continue;
		memmove(&a->place[done + 1], &a->place[done],
			(i - done) * sizeof(p));
		a->place[done++] = p;
	}
}
