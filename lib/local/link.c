/* SPDX-License-Identifier: MIT */
/* The connection to ivcd: to find its socket, to connect and to send. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/ivcd-path.h"
#include "../fd-closer.h"
#include "local.h"

/* -ENODEV for each error that means "no ivcd at this socket". */
static int no_link(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
	case EPROTOTYPE:
	case ENOTSOCK:
		return -ENODEV;
	default:
		return -err;
	}
}

static int connect_to(int fd, const struct sockaddr_un *addr)
{
	while (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		if (errno != EINTR)
			return no_link(errno);
	return 0;
}

static int link_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);

	return fd < 0 ? ivc_packet_error(errno) : fd;
}

/* The server is not to be trusted: make a new socket for the next place. */
static int reject(int *fd)
{
	int other = link_socket();

	if (other < 0)
		return other;
	ivc_closer_hangup(*fd);
	*fd = other;
	return -EACCES;
}

/*
 * Connect to the socket that IVC_SOCKET names, else to the first place with an
 * ivcd: the user's own, then the machine's. The error of an ivcd that refuses
 * is returned only if no other ivcd accepts.
 */
static int connect_any(int *fd)
{
	const char *path = secure_getenv("IVC_SOCKET");
	struct sockaddr_un addr;
	int place, why = -ENODEV, ret;

	if (path && *path) {
		ret = ivcd_path_named(path, &addr);
		return ret ? ret : connect_to(*fd, &addr);
	}
	for (place = 0; place < IVCD_PATHS; place++) {
		ret = ivcd_path_get(place, false, &addr);
		if (!ret)
			ret = connect_to(*fd, &addr);
		if (!ret && !ivcd_path_trusted(place, &addr, *fd))
			ret = reject(fd);
		/* EAGAIN: this ivcd runs, and its backlog is full. */
		if (!ret || ret == -EAGAIN)
			return ret;
		if (ret != -ENODEV)
			why = ret;
	}
	return why;
}

static int link_watch(int op)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLRDHUP | (local.full ? EPOLLOUT : 0),
		.data.u64 = LOCAL_KEY_LINK,
	};

	return epoll_ctl(local.epoll, op, local.link, &ev) ? -errno : 0;
}

uint64_t local_cookie(void)
{
	return ++local.next_cookie;
}

static int say_hello(void)
{
	struct ivc_local_hello hello = { .magic = IVC_LOCAL_MAGIC,
					 .lowest = IVC_LOCAL_VERSION,
					 .highest = IVC_LOCAL_VERSION };
	struct ivc_msg msg = { .op = IVC_LOCAL_HELLO,
			       .cookie = local_cookie() };

	memcpy(msg.raw, &hello, sizeof(hello));
	return ivc_packet_send(local.link, &msg, sizeof(msg), -1);
}

int local_link_open(void)
{
	int ret;

	ret = link_socket();
	if (ret < 0)
		return ret;
	local.link = ret;
	local.full = false;
	ret = connect_any(&local.link);
	if (ret)
		goto err_link;
	/* If ivcd has hung up already, its reason is there to be read. */
	ret = say_hello();
	if (ret && ret != -EPIPE && ret != -ECONNRESET)
		goto err_link;
	ret = link_watch(EPOLL_CTL_ADD);
	if (ret)
		goto err_link;
	local.state = LOCAL_HELLO;
	local.status = 0;
	local.retry_at = ivc_now() + LOCAL_REQUEST_NS;
	local_poke();
	return 0;

err_link:
	local_close_fd(&local.link);
	return ret;
}

void local_link_drained(void)
{
	local.full = false;
	link_watch(EPOLL_CTL_MOD);
}

void local_link_hangup(void)
{
	int fd = local.link;

	local.link = -1;
	ivc_closer_hangup(fd);
}

int local_link_send(const struct ivc_msg *msg, int fd)
{
	int ret;

	if (local.link < 0)
		return -ENODEV;
	if (local.full)
		return -EAGAIN;
	ret = ivc_packet_send(local.link, msg, sizeof(*msg), fd);
	if (!ret && msg->cookie && local.silent_at == IVC_NEVER)
		local.silent_at = ivc_now() + LOCAL_REQUEST_NS;
	if (ret == -EAGAIN) {
		local.full = true;
		link_watch(EPOLL_CTL_MOD);
	} else if (ret == -EPIPE || ret == -ECONNRESET) {
		/* The thread sees the end, too, when it has read the rest. */
		ret = -ENODEV;
	}
	return ret;
}
