/* SPDX-License-Identifier: MIT */
/*
 * The contenders of the kernel: a UNIX stream socket, two pipes, TCP over
 * loopback. Calls do not block and are repeated until they succeed, as with all
 * contenders; the sizes of buffers are the system's.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contenders.h"
#include "stream.h"

/* The descriptors of client and server, until each process takes its own. */
struct fd_pair {
	struct fds ends[2];
};

static inline ssize_t fd_put(struct end *e, const void *buf, size_t len)
{
	ssize_t n = write(((struct fds *)e->priv)->wr, buf, len);

	return n >= 0 ? n : errno == EAGAIN ? 0 : -errno;
}

static inline ssize_t fd_get(struct end *e, void *buf, size_t len)
{
	ssize_t n = read(((struct fds *)e->priv)->rd, buf, len);

	return n > 0 ? n : !n ? -EPIPE : errno == EAGAIN ? 0 : -errno;
}

int fd_send(struct end *e, const void *buf, size_t len)
{
	return stream_send(e, fd_put, buf, len);
}

int fd_recv(struct end *e, void *buf, size_t len)
{
	return stream_recv(e, fd_get, buf, len);
}

static int fd_burst(struct end *e, size_t len, unsigned int out,
		    unsigned int in)
{
	return stream_burst(e, fd_put, fd_get, len, out, in);
}

static int keep(struct end *e, struct fds client, struct fds server)
{
	struct fd_pair *pair = malloc(sizeof(*pair));

	if (!pair)
		return -ENOMEM;
	pair->ends[0] = client;
	pair->ends[1] = server;
	e->priv = pair;
	return 0;
}

/* Close the peer's descriptors, so that the end of the peer is noticed. */
int fd_open(struct end *e)
{
	struct fd_pair *pair = e->priv;
	struct fds other = pair->ends[!e->server];
	struct fds *own = &pair->ends[0];

	*own = pair->ends[e->server];
	close(other.rd);
	if (other.wr != other.rd)
		close(other.wr);
	if (fcntl(own->rd, F_SETFL, O_NONBLOCK) ||
	    fcntl(own->wr, F_SETFL, O_NONBLOCK))
		return -errno;
	return 0;
}

void fd_close(struct end *e)
{
	struct fds *own = e->priv;

	if (!own)
		return;
	close(own->rd);
	if (own->wr != own->rd)
		close(own->wr);
	free(own);
	e->priv = NULL;
}

int unix_prepare(struct end *e)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s))
		return -errno;
	return keep(e, (struct fds){ s[0], s[0] }, (struct fds){ s[1], s[1] });
}

static int pipe_prepare(struct end *e)
{
	int there[2], back[2];

	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		return -errno;
	return keep(e, (struct fds){ back[0], there[1] },
		    (struct fds){ there[0], back[1] });
}

static int no_delay(int s)
{
	int one = 1;

	return setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int tcp_prepare(struct end *e)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(addr);
	int l, c, s = -1;

	l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l >= 0 && c >= 0 &&
	    !bind(l, (struct sockaddr *)&addr, sizeof(addr)) && !listen(l, 1) &&
	    !getsockname(l, (struct sockaddr *)&addr, &len) &&
	    !connect(c, (struct sockaddr *)&addr, len))
		s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	if (s < 0 || no_delay(c) || no_delay(s))
		return -errno;
	close(l);
	return keep(e, (struct fds){ c, c }, (struct fds){ s, s });
}

/* clang-format off */
#define FD_KIND(n) {                                                           \
	.name = #n, .can = CAN_ALL,                                            \
	.prepare = n##_prepare, .open = fd_open, .close = fd_close,            \
	.send = fd_send, .recv = fd_recv, .burst = fd_burst,                   \
}
/* clang-format on */

const struct contender unix_contender = FD_KIND(unix);
const struct contender pipe_contender = FD_KIND(pipe);
const struct contender tcp_contender = FD_KIND(tcp);
