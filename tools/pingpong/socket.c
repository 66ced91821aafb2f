/* SPDX-License-Identifier: MIT */
/* The parts that TCP and UNIX sockets share. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket.h"

#define ACCEPT_MS 500

struct sock *sock_of(struct transport *t)
{
	if (!t->priv) {
		struct sock *k = calloc(1, sizeof(*k));

		if (!k)
			return NULL;
		k->listener = k->fd = -1;
		t->priv = k;
	}
	return t->priv;
}

static bool blocks(const struct transport *t)
{
	return t->may_block && t->wait == WAIT_SLEEP;
}

static int moved(ssize_t n)
{
	if (n < 0 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	return n < 0 ? -errno : (int)n;
}

/* At most this at once: moved() returns an int. */
static size_t clip(size_t len)
{
	return len > (64u << 20) ? 64u << 20 : len;
}

ssize_t sock_read(struct transport *t, void *buf, size_t len)
{
	struct sock *k = t->priv;
	ssize_t n = recv(k->fd, buf, clip(len), blocks(t) ? 0 : MSG_DONTWAIT);

	return n == 0 ? -EPIPE : moved(n);
}

ssize_t sock_write(struct transport *t, const void *buf, size_t len)
{
	struct sock *k = t->priv;

	return moved(send(k->fd, buf, clip(len),
			  MSG_NOSIGNAL | (blocks(t) ? 0 : MSG_DONTWAIT)));
}

int sock_wait(struct transport *t, int events, int timeout_ms)
{
	struct sock *k = t->priv;
	struct pollfd p = {
		.fd = k->fd,
		.events = (events & CAN_READ ? POLLIN : 0) |
			  (events & CAN_WRITE ? POLLOUT : 0),
	};
	int n = poll(&p, 1, timeout_ms);

	return n < 0 ? -errno : n;
}

/* With timeouts, so that a blocking recv() notices a signal or a silent peer.
 */
void sock_tune(struct transport *t)
{
	struct sock *k = t->priv;
	struct timeval tv = { .tv_usec = 500000 };

	setsockopt(k->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(k->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

int sock_accept(struct transport *t)
{
	struct sock *k = t->priv;
	struct pollfd p = { .fd = k->listener, .events = POLLIN };
	int n = poll(&p, 1, ACCEPT_MS);

	if (n <= 0)
		return n < 0 && errno != EINTR ? -errno : -EAGAIN;
	k->fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC);
	if (k->fd < 0)
		return errno == ECONNABORTED || errno == EINTR ? -EAGAIN
							       : -errno;
	return 0;
}

void sock_hangup(struct transport *t)
{
	struct sock *k = t->priv;

	if (k && k->fd >= 0) {
		close(k->fd);
		k->fd = -1;
	}
}

void sock_close(struct transport *t)
{
	struct sock *k = t->priv;

	if (!k)
		return;
	sock_hangup(t);
	if (k->listener >= 0)
		close(k->listener);
	free(k);
	t->priv = NULL;
}

void sock_describe(struct transport *t, char *buf, size_t len)
{
	struct sock *k = t->priv;

	snprintf(buf, len, "%s", k->peer);
}

/* -EAGAIN for an error that a server which starts later would cure. */
int sock_not_yet(int err)
{
	switch (err) {
	case ECONNREFUSED:
	case ENOENT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ETIMEDOUT:
	case EINPROGRESS:
	case EINTR:
		return -EAGAIN;
	}
	return -err;
}
