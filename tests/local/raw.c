/* SPDX-License-Identifier: GPL-2.0 */
/* See raw.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "raw.h"

int raw_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = getenv("IVC_SOCKET");
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (!path || fd < 0)
		die("no socket");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect: %s", strerror(errno));
	return fd;
}

int raw_hello(void)
{
	struct ivc_local_hello hello = { IVC_LOCAL_MAGIC, IVC_LOCAL_VERSION,
					 IVC_LOCAL_VERSION };
	struct ivc_msg msg = { .op = IVC_LOCAL_HELLO };
	int fd = raw_connect(), ret;

	memcpy(msg.raw, &hello, sizeof(hello));
	ret = raw_call(fd, &msg, NULL, 0);
	if (ret)
		die("hello: %s", strerror(-ret));
	return fd;
}

int raw_send(int fd, const void *buf, size_t len, const int *fds, int n)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(RAW_FDS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (n) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int raw_recv(int fd, void *buf, size_t len, int *got, int ms)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct cmsghdr *c;
	ssize_t n;

	if (got)
		*got = -1;
	if (poll(&pfd, 1, ms) != 1)
		return -EAGAIN;
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS) {
		int first;

		memcpy(&first, CMSG_DATA(c), sizeof(int));
		if (got)
			*got = first;
		else
			close(first);
	}
	return (int)n;
}

bool raw_ended(int fd, int ms)
{
	char buf[8192];
	int n;

	do
		n = raw_recv(fd, buf, sizeof(buf), NULL, ms);
	while (n > 0);
	return n == 0;
}

int raw_call(int fd, struct ivc_msg *msg, const int *fds, int n)
{
	static uint64_t cookie;
	struct ivc_msg reply;
	int ret;

	msg->cookie = ++cookie;
	ret = raw_send(fd, msg, sizeof(*msg), fds, n);
	if (ret)
		return ret;
	do {
		ret = raw_recv(fd, &reply, sizeof(reply), NULL, SOON_MS);
		if (ret <= 0)
			return ret ? ret : -EPIPE;
	} while (reply.op != IVC_MSG_REPLY || reply.cookie != msg->cookie);
	*msg = reply;
	return reply.status;
}

uint64_t raw_register(int fd, uint64_t magic, uint32_t id)
{
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER,
			       .reg = { .magic = magic, .id = id } };
	int ret = raw_call(fd, &msg, NULL, 0);

	if (ret)
		die("register %u: %s", id, strerror(-ret));
	return msg.reged.member;
}

uint64_t raw_find(int fd, uint64_t member, uint32_t id)
{
	struct {
		struct ivc_msg msg;
		struct ivc_host host[IVC_TABLE_HOSTS];
	} in = { 0 };
	struct timespec nap = { 0, 10000000 };
	int tries;
	uint32_t i;

	for (tries = 0; tries < SOON_MS / 10; tries++) {
		struct ivc_msg msg = { .op = IVC_MSG_HOSTS,
				       .cookie = 0xffff0000u,
				       .member = member };

		if (raw_send(fd, &msg, sizeof(msg), NULL, 0))
			break;
		do {
			if (raw_recv(fd, &in, sizeof(in), NULL, SOON_MS) <= 0)
				die("hosts: no answer");
		} while (in.msg.cookie != msg.cookie);
		for (i = 0; i < in.msg.hosted.count; i++)
			if (in.host[i].id == id)
				return in.host[i].member;
		nanosleep(&nap, NULL);
	}
	die("no member with id %u", id);
}

void raw_pair(int sv[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		die("socketpair: %s", strerror(errno));
}

int raw_lingering(int *fd)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger linger = { 1, RAW_LINGER_S };
	static char junk[1 << 20];
	socklen_t len = sizeof(in);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), other;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(l, (void *)&in, sizeof(in)) || listen(l, 1) ||
	    getsockname(l, (void *)&in, &len) ||
	    connect(*fd, (void *)&in, sizeof(in)))
		return -1;
	other = accept(l, NULL, NULL);
	close(l);
	while (send(*fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return other;
}

int raw_memory(size_t size, int seals, uint8_t **map)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *p;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		die("memfd: %s", strerror(errno));
	p = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	if (p == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (size >= sizeof(struct ivc_kctl)) {
		struct ivc_kctl *kctl = (struct ivc_kctl *)p;

		kctl->magic = IVC_KCTL_MAGIC;
		kctl->version = IVC_PROTOCOL_VERSION;
		kctl->state = IVC_WIRE_OPEN;
	}
	if (seals && fcntl(fd, F_ADD_SEALS, seals))
		die("seals: %s", strerror(errno));
	if (map)
		*map = p;
	else
		munmap(p, size ? size : 1);
	return fd;
}

struct ivc_local_greeting raw_greeting(uint32_t ring)
{
	return (struct ivc_local_greeting){ .magic = IVC_LOCAL_GREETING,
					    .version = IVC_LOCAL_VERSION,
					    .ring = ring };
}
