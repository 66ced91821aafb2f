/* SPDX-License-Identifier: MIT */
/*
 * Packets with descriptors over UNIX sockets, for libivc and ivcd.
 *
 * Who sends may be an enemy. Nothing here blocks, whatever flags the sender
 * set on a socket it has passed to us: MSG_DONTWAIT counts for the call.
 * Every descriptor received is in the caller's hands, wanted or not: one for
 * which there is no room the kernel would close in our name, and that can take
 * as long as its maker likes (lib/fd-closer.h). So there is room for as many as
 * a packet can have, and the kernel keeps one back only where this process may
 * not have it: no descriptor is free, or a security module denies it. Linux
 * does not tell these apart. The packet itself is whole then.
 *
 * The socket itself may be the sender's, too: an offer is one that he has made
 * and can keep a copy of. So its options are his to set at any time, and with
 * them what the kernel adds to a packet: times, a security label, the sender's
 * credentials, and a descriptor of his process (SCM_PIDFD), which is closed
 * here. That is the kernel's own file: closing it waits for nobody.
 */
#ifndef IVC_UNIX_PACKET_H
#define IVC_UNIX_PACKET_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define IVC_PACKET_FDS 253 /* SCM_MAX_FD */
/* Of what the kernel can add, labels are the longest: 256 bytes, as they are.
 */
#define IVC_PACKET_ADDED 1024
#define IVC_PACKET_CONTROL                                                     \
	(CMSG_SPACE(IVC_PACKET_FDS * sizeof(int)) + IVC_PACKET_ADDED)

#define IVC_SCM_PIDFD 4 /* SCM_PIDFD of Linux 6.5, which old headers lack */

struct ivc_packet {
	int fd[IVC_PACKET_FDS];
	unsigned int nr;
	bool some; /* there were any, though the caller may have taken them */
	bool cut;  /* bytes have been lost: it was longer than the buffer */
	bool lack; /* descriptors have been lost that we could not have */
	bool signed_by; /* the kernel says who sent it: it is a packet */
};

/* ENOBUFS is what sockets say where everybody else says ENOMEM. */
static inline int ivc_packet_error(int err)
{
	return err == ENOBUFS ? -ENOMEM : -err;
}

/* @fd < 0: none. 0 or -errno; @len bytes go or nothing does. */
static inline int ivc_packet_send(int sock, const void *buf, size_t len, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	while (sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return ivc_packet_error(errno);
	return 0;
}

static inline void ivc_packet_close_pidfd(struct cmsghdr *c)
{
	int fd;

	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	/* Negative: there was none to be had. */
	if (fd >= 0)
		close(fd);
}

static inline void ivc_packet_fds(struct ivc_packet *p, struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t n;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		p->signed_by |= c->cmsg_type == SCM_CREDENTIALS;
		if (c->cmsg_type == IVC_SCM_PIDFD)
			ivc_packet_close_pidfd(c);
		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(p->fd + p->nr, CMSG_DATA(c), n * sizeof(int));
		p->nr += (unsigned int)n;
	}
}

/* Returns the bytes received, 0 at the end (or an empty packet), or -errno. */
static inline ssize_t ivc_packet_recv(int sock, void *buf, size_t len,
				      struct ivc_packet *p)
{
	_Alignas(struct cmsghdr) char control[IVC_PACKET_CONTROL];
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;

	p->nr = 0;
	p->some = false;
	p->cut = false;
	p->lack = false;
	p->signed_by = false;
	do
		n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ivc_packet_error(errno);
	ivc_packet_fds(p, &msg);
	p->cut = msg.msg_flags & MSG_TRUNC;
	p->lack = msg.msg_flags & MSG_CTRUNC;
	p->some = p->nr || p->lack;
	return n;
}

/*
 * Has the next packet descriptors with it? They stay there, and so does it. A
 * sender who has a copy of @sock can make this wrong.
 */
static inline bool ivc_packet_has_fds(int sock)
{
	struct msghdr msg = { 0 };

	if (recvmsg(sock, &msg, MSG_PEEK | MSG_DONTWAIT) < 0)
		return false;
	return msg.msg_flags & MSG_CTRUNC;
}

/* Is @fd the kind of socket a channel has? */
static inline bool ivc_packet_is_socket(int fd)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);
	struct stat st;

	if (fstat(fd, &st) || !S_ISSOCK(st.st_mode))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len))
		return false;
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return false;
	return domain == AF_UNIX && type == SOCK_SEQPACKET;
}

#endif /* IVC_UNIX_PACKET_H */
