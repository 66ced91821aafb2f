/* SPDX-License-Identifier: MIT */
/* The TCP connection of the two sides. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../common/tcp-self-connect.h"
#include "roam.h"

#define RETRY_MS 200
#define ATTEMPT_MS 3000

void tcp_tune(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* Retransmit sooner after the other side was frozen for a while. */
	setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &one,
		   sizeof(one));
}

static int listen_at(const struct sockaddr *sa, socklen_t len)
{
	int one = 1, zero = 0, err;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* Accept IPv4 at the any address of IPv6, too. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!bind(fd, sa, len) && !listen(fd, 8))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static uint16_t port_of(const char *s)
{
	unsigned int port = 0;

	sscanf(s, "%u", &port);
	return htons((uint16_t)port);
}

int tcp_listen(const char *port, int *fd)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_addr = in6addr_any,
				    .sin6_port = port_of(port) };
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = port_of(port) };

	*fd = listen_at((struct sockaddr *)&six, sizeof(six));
	/* The kernel may have no IPv6. */
	if (*fd < 0 && *fd != -EADDRINUSE)
		*fd = listen_at((struct sockaddr *)&four, sizeof(four));
	if (*fd >= 0)
		return 0;
	complain("cannot listen on port %s: %s", port, strerror(-*fd));
	return EXIT_LOST;
}

static bool numeric(const char *host, uint16_t port,
		    struct sockaddr_storage *sa, socklen_t *len)
{
	struct sockaddr_in *four = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)sa;

	memset(sa, 0, sizeof(*sa));
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = port;
		*len = sizeof(*four);
		return true;
	}
	if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = port;
		*len = sizeof(*six);
		return true;
	}
	return false;
}

static bool by_name(const struct options *o, struct sockaddr_storage *sa,
		    socklen_t *len)
{
#ifdef STATIC_BUILD
	/* A static program cannot load glibc's modules for host names. */
	(void)o;
	(void)sa;
	(void)len;
	return false;
#else
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all;

	if (getaddrinfo(o->host, o->port, &hints, &all))
		return false;
	memcpy(sa, all->ai_addr, all->ai_addrlen);
	*len = all->ai_addrlen;
	freeaddrinfo(all);
	return true;
#endif
}

static int attempt(const struct sockaddr_storage *sa, socklen_t len)
{
	struct pollfd p = { .events = POLLOUT };
	socklen_t errlen = sizeof(int);
	int err = 0;

	p.fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
	if (p.fd < 0)
		return -errno;
	if (connect(p.fd, (const struct sockaddr *)sa, len))
		err = errno;
	if (err == EINPROGRESS) {
		err = ETIMEDOUT;
		if (poll(&p, 1, ATTEMPT_MS) > 0 &&
		    getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &err, &errlen))
			err = errno;
	}
	if (!err && ivc_tcp_self_connected(p.fd))
		err = ECONNREFUSED;
	if (!err)
		return p.fd;
	close(p.fd);
	return -err;
}

int tcp_connect(const struct options *o, int *fd)
{
	uint64_t until = clock_ns() + o->timeout_s * (uint64_t)SECOND;
	struct sockaddr_storage sa;
	socklen_t len = 0;

	if (!numeric(o->host, port_of(o->port), &sa, &len) &&
	    !by_name(o, &sa, &len)) {
		complain("host '%s' is unknown here; give its address in "
			 "numbers",
			 o->host);
		return EXIT_LOST;
	}
	for (;;) {
		*fd = attempt(&sa, len);
		if (*fd >= 0)
			break;
		if (interrupted)
			return EXIT_SIGNAL;
		if (o->timeout_s && clock_ns() > until) {
			complain("nobody at %s port %s: %s; start the other "
				 "side with --listen %s",
				 o->host, o->port, strerror(-*fd), o->port);
			return EXIT_LOST;
		}
		poll(NULL, 0, RETRY_MS);
	}
	tcp_tune(*fd);
	return 0;
}
