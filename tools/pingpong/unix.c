/* SPDX-License-Identifier: MIT */
/* The transport UNIX: stream sockets. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "socket.h"

static int unix_address(const struct transport *t, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(t->addr.path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	strcpy(sun->sun_path, t->addr.path);
	return 0;
}

/* Remove the socket file of a server that died: nothing listens there. */
static void remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd;

	if (lstat(sun->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) &&
	    errno == ECONNREFUSED)
		unlink(sun->sun_path);
	close(fd);
}

static int unix_listen(struct transport *t)
{
	struct sock *k = sock_of(t);
	struct sockaddr_un sun;
	int fd, ret = k ? unix_address(t, &sun) : -ENOMEM;

	if (ret)
		return ret;
	remove_stale(&sun);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, 8)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	k->listener = fd;
	snprintf(k->peer, sizeof(k->peer), "AF_UNIX %s", t->addr.path);
	return 0;
}

static int unix_connect(struct transport *t)
{
	struct sock *k = sock_of(t);
	struct sockaddr_un sun;
	int ret = k ? unix_address(t, &sun) : -ENOMEM;

	if (ret)
		return ret;
	k->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (k->fd < 0)
		return -errno;
	if (connect(k->fd, (struct sockaddr *)&sun, sizeof(sun))) {
		ret = -errno;
		sock_hangup(t);
		return sock_not_yet(-ret);
	}
	snprintf(k->peer, sizeof(k->peer), "AF_UNIX %s", t->addr.path);
	return 0;
}

static void unix_close(struct transport *t)
{
	struct sock *k = t->priv;

	if (k && k->listener >= 0)
		unlink(t->addr.path);
	sock_close(t);
}

static const char *unix_advice(struct transport *t, int err)
{
	if (t->server && err == EADDRINUSE)
		return "another server uses that path; give another --unix "
		       "PATH";
	if (t->server)
		return "the directory of --unix PATH must exist and be "
		       "writable";
	return "start the server with the same --unix PATH";
}

const struct transport_ops unix_transport = {
	.name = "unix",
	.polls_per_clock = 1,
	.listen = unix_listen,
	.accept = sock_accept,
	.connect = unix_connect,
	.tune = sock_tune,
	.read = sock_read,
	.write = sock_write,
	.wait = sock_wait,
	.hangup = sock_hangup,
	.close = unix_close,
	.describe = sock_describe,
	.advice = unix_advice,
};
