/* SPDX-License-Identifier: MIT */
/*
 * Packets with descriptors over UNIX sockets, for libivc and ivcd.
 *
 * The sender may be hostile. Nothing here blocks, whatever flags the sender has
 * set on a socket that it passed to this process: MSG_DONTWAIT acts on the one
 * call. The caller gets every descriptor received, wanted or not. If the buffer
 * had no room for a descriptor, the kernel would close it on behalf of this
 * process, which can take as long as the maker of its file likes
 * (lib/fd-closer.h). So the buffer has room for as many descriptors as a packet
 * can carry. The kernel keeps one back only if this process cannot have it: the
 * process has no free descriptor, or a security module denies the file. Linux
 * does not distinguish the two. The packet itself is complete in that case.
 *
 * The socket itself may come from the sender, too: an offerer makes the socket
 * of an offer and can keep a copy. So the sender can change its options at any
 * time, and with them what the kernel adds to a packet: times, a security
 * label, credentials, and a descriptor of the sender's process (SCM_PIDFD),
 * which is closed here. Closing a pidfd does not block, since the file is the
 * kernel's own.
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
/* The longest control message that the kernel adds is a label of 256 bytes. */
#define IVC_PACKET_ADDED 1024
#define IVC_PACKET_CONTROL                                                     \
	(CMSG_SPACE(IVC_PACKET_FDS * sizeof(int)) + IVC_PACKET_ADDED)

#define IVC_SCM_PIDFD 4 /* SCM_PIDFD of Linux 6.5, which old headers lack */

struct ivc_packet {
	int fd[IVC_PACKET_FDS];
	unsigned int nr;
	bool some; /* the packet came with descriptors, even if taken by now */
	bool cut;  /* the packet was longer than the buffer */
	bool lack; /* the kernel kept back descriptors */
	bool signed_by; /* came with credentials: a packet, not the end */
};

/* Sockets say ENOBUFS for lack of memory. */
static inline int ivc_packet_error(int err)
{
	return err == ENOBUFS ? -ENOMEM : -err;
}

/*
 * Send @len bytes as one packet, with a copy of @fd unless that is negative.
 * Returns 0 or -errno.
 */
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
	/* Negative: the kernel had no descriptor for it. */
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
 * Does the next packet have descriptors? The packet stays in the socket. A
 * sender who has a copy of @sock can falsify the answer.
 */
static inline bool ivc_packet_has_fds(int sock)
{
	struct msghdr msg = { 0 };

	if (recvmsg(sock, &msg, MSG_PEEK | MSG_DONTWAIT) < 0)
		return false;
	return msg.msg_flags & MSG_CTRUNC;
}

/* Is @fd a socket of the kind that channels use? */
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
