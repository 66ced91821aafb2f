/* SPDX-License-Identifier: GPL-2.0 */
/* The calls that fail, and the errors that each of them can have. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lists.h"

static const char *const call_names[] = {
#define X(call) #call,
	FAULT_CALLS
#undef X
};

void fault_name(const struct fault *f, char *buf, size_t size)
{
	snprintf(buf, size, "%s: %s", call_names[f->call],
		 f->error == FAULT_CUT ? "without its descriptor"
				       : strerrorname_np(f->error));
}

static const struct fault of_subject[] = {
	{ FAULT_socket, EMFILE, AS_IS },
	{ FAULT_socket, ENFILE, AS_IS },
	{ FAULT_socket, ENOBUFS, ENOMEM },
	{ FAULT_socket, ENOMEM, AS_IS },
	{ FAULT_connect, EAGAIN, WELL },
	{ FAULT_connect, EINTR, WELL },
	{ FAULT_connect, EACCES, AS_IS },
	{ FAULT_connect, ENOMEM, AS_IS },
	{ FAULT_connect, ECONNREFUSED, ENODEV },
	{ FAULT_socketpair, EMFILE, AS_IS },
	{ FAULT_socketpair, ENFILE, AS_IS },
	{ FAULT_socketpair, ENOBUFS, ENOMEM },
	{ FAULT_socketpair, ENOMEM, AS_IS },
	{ FAULT_sendmsg, EINTR, WELL },
	{ FAULT_sendmsg, EAGAIN, ENOMEM },
	{ FAULT_sendmsg, ENOBUFS, ENOMEM },
	{ FAULT_sendmsg, ENOMEM, AS_IS },
	{ FAULT_sendmsg, ETOOMANYREFS, AS_IS },
	{ FAULT_recvmsg, EINTR, WELL },
	{ FAULT_recvmsg, ENOBUFS, ENOMEM },
	{ FAULT_recvmsg, ENOMEM, AS_IS },
	{ FAULT_recvmsg, FAULT_CUT, EMFILE },
	{ FAULT_send, EINTR, WELL },
	{ FAULT_send, ENOBUFS, WELL },
	{ FAULT_send, ENOMEM, WELL },
	{ FAULT_epoll_create1, EMFILE, AS_IS },
	{ FAULT_epoll_create1, ENFILE, AS_IS },
	{ FAULT_epoll_create1, ENOMEM, AS_IS },
	{ FAULT_epoll_ctl, ENOMEM, AS_IS },
	{ FAULT_epoll_ctl, ENOSPC, AS_IS },
	{ FAULT_epoll_wait, EINTR, WELL },
	{ FAULT_eventfd, EMFILE, AS_IS },
	{ FAULT_eventfd, ENFILE, AS_IS },
	{ FAULT_eventfd, ENOMEM, AS_IS },
	{ FAULT_read, EINTR, WELL },
	{ FAULT_write, EINTR, WELL },
	{ FAULT_poll, EINTR, WELL },
	{ FAULT_poll, ENOMEM, WELL },
	{ FAULT_ppoll, EINTR, AS_IS },
	{ FAULT_ppoll, ENOMEM, AS_IS },
	{ FAULT_mmap, ENOMEM, AS_IS },
	{ FAULT_mmap, EAGAIN, ENOMEM },
	{ FAULT_madvise, ENOMEM, AS_IS },
	{ FAULT_madvise, EAGAIN, ENOMEM },
	{ FAULT_memfd_create, EMFILE, AS_IS },
	{ FAULT_memfd_create, ENFILE, AS_IS },
	{ FAULT_memfd_create, ENOMEM, AS_IS },
	{ FAULT_fallocate, EFBIG, AS_IS },
	{ FAULT_fallocate, EINTR, WELL },
	{ FAULT_fallocate, ENOMEM, AS_IS },
	{ FAULT_fallocate, ENOSPC, ENOMEM },
	{ FAULT_pthread_create, EAGAIN, AS_IS },
	{ FAULT_malloc, ENOMEM, AS_IS },
	{ FAULT_calloc, ENOMEM, AS_IS },
	{ FAULT_realloc, ENOMEM, AS_IS },
	{ FAULT_reallocarray, ENOMEM, AS_IS },
	{ FAULT_aligned_alloc, ENOMEM, AS_IS },
};

/* The driver chooses its own errors; mmap() of its pages is libivc's call. */
static const struct fault of_device[] = {
	{ FAULT_open, EMFILE, AS_IS },
	{ FAULT_open, ENFILE, AS_IS },
	{ FAULT_open, ENOMEM, AS_IS },
	{ FAULT_open, EACCES, AS_IS },
	{ FAULT_open, ENOENT, ENODEV },
	{ FAULT_open, ENXIO, ENODEV },
	{ FAULT_ioctl, EMFILE, AS_IS },
	{ FAULT_ioctl, ENFILE, AS_IS },
	{ FAULT_ioctl, ENOMEM, AS_IS },
	{ FAULT_ioctl, ENOSPC, AS_IS },
	{ FAULT_ioctl, EDQUOT, AS_IS },
	{ FAULT_ioctl, ETIMEDOUT, AS_IS },
	{ FAULT_ioctl, ENODEV, AS_IS },
	{ FAULT_mmap, ENOMEM, AS_IS },
	{ FAULT_mmap, EAGAIN, ENOMEM },
	{ FAULT_calloc, ENOMEM, AS_IS },
	{ FAULT_reallocarray, ENOMEM, AS_IS },
	{ FAULT_aligned_alloc, ENOMEM, AS_IS },
};

/* If ivcd lacks a resource, only the requester gets the error. */
static const struct fault of_ivcd[] = {
	{ FAULT_accept4, EMFILE, WELL },
	{ FAULT_accept4, ENFILE, WELL },
	{ FAULT_accept4, ENOBUFS, WELL },
	{ FAULT_accept4, ENOMEM, WELL },
	{ FAULT_accept4, EINTR, WELL },
	{ FAULT_accept4, EAGAIN, WELL },
	{ FAULT_accept4, ECONNABORTED, WELL },
	{ FAULT_recvmsg, EINTR, WELL },
	{ FAULT_recvmsg, EAGAIN, WELL },
	{ FAULT_recvmsg, ENOBUFS, WELL },
	{ FAULT_recvmsg, ENOMEM, WELL },
	{ FAULT_recvmsg, FAULT_CUT, ENFILE },
	{ FAULT_sendmsg, EINTR, WELL },
	{ FAULT_sendmsg, EAGAIN, WELL },
	{ FAULT_sendmsg, ENOBUFS, WELL },
	{ FAULT_sendmsg, ENOMEM, WELL },
	{ FAULT_sendmsg, ETOOMANYREFS, ECONNREFUSED },
	{ FAULT_epoll_ctl, ENOMEM, AS_IS },
	{ FAULT_epoll_ctl, ENOSPC, AS_IS },
	{ FAULT_epoll_wait, EINTR, WELL },
	{ FAULT_pthread_create, EAGAIN, WELL },
	{ FAULT_malloc, ENOMEM, WELL },
	{ FAULT_calloc, ENOMEM, AS_IS },
	{ FAULT_realloc, ENOMEM, AS_IS },
	{ FAULT_reallocarray, ENOMEM, AS_IS },
};

/* For an ivcd that starts: it exits with a message, or it continues. */
static const struct fault of_start[] = {
	{ FAULT_socket, EMFILE, AS_IS },
	{ FAULT_socket, ENOMEM, AS_IS },
	{ FAULT_bind, EACCES, AS_IS },
	{ FAULT_bind, ENOSPC, AS_IS },
	{ FAULT_bind, ENOMEM, AS_IS },
	{ FAULT_listen, ENOMEM, AS_IS },
	{ FAULT_open, EMFILE, AS_IS },
	{ FAULT_open, EACCES, AS_IS },
	{ FAULT_open, ENOSPC, AS_IS },
	{ FAULT_flock, EINTR, WELL },
	{ FAULT_flock, ENOLCK, AS_IS },
	{ FAULT_epoll_create1, EMFILE, AS_IS },
	{ FAULT_epoll_create1, ENOMEM, AS_IS },
	{ FAULT_signalfd, EMFILE, AS_IS },
	{ FAULT_signalfd, ENOMEM, AS_IS },
	{ FAULT_epoll_ctl, ENOMEM, AS_IS },
	{ FAULT_epoll_ctl, ENOSPC, AS_IS },
	{ FAULT_getrandom, EINTR, WELL },
	{ FAULT_calloc, ENOMEM, AS_IS },
	{ FAULT_malloc, ENOMEM, AS_IS },
};

#define LIST(of)                                                               \
	{                                                                      \
		of, sizeof(of) / sizeof((of)[0])                               \
	}

const struct faults faults_of_subject = LIST(of_subject);
const struct faults faults_of_device = LIST(of_device);
const struct faults faults_of_ivcd = LIST(of_ivcd);
const struct faults faults_of_start = LIST(of_start);
