/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults on order: one call of a process fails with one error.
 *
 * inject.c is preloaded (LD_PRELOAD) and replaces the functions of libc that
 * libivc and ivcd call. It maps the file $IVC_FAULTS, which holds a struct
 * fault_order. The test writes the order into that file, and sets `armed` last.
 */
#ifndef FAULTS_INJECT_H
#define FAULTS_INJECT_H

#include <stdint.h>

#define FAULT_CALLS                                                            \
	X(socket)                                                              \
	X(socketpair)                                                          \
	X(connect)                                                             \
	X(accept4)                                                             \
	X(bind)                                                                \
	X(listen)                                                              \
	X(sendmsg)                                                             \
	X(recvmsg)                                                             \
	X(send)                                                                \
	X(epoll_create1)                                                       \
	X(epoll_ctl)                                                           \
	X(epoll_wait)                                                          \
	X(eventfd)                                                             \
	X(signalfd)                                                            \
	X(read)                                                                \
	X(write)                                                               \
	X(poll)                                                                \
	X(ppoll)                                                               \
	X(mmap)                                                                \
	X(madvise)                                                             \
	X(memfd_create)                                                        \
	X(fallocate)                                                           \
	X(open)                                                                \
	X(flock)                                                               \
	X(ioctl)                                                               \
	X(getrandom)                                                           \
	X(pthread_create)                                                      \
	X(malloc)                                                              \
	X(calloc)                                                              \
	X(realloc)                                                             \
	X(reallocarray)                                                        \
	X(aligned_alloc)

enum fault_call {
#define X(call) FAULT_##call,
	FAULT_CALLS
#undef X
};

/* Instead of an errno: recvmsg() succeeds, but without the descriptors. */
#define FAULT_CUT 4095

struct fault_order {
	uint32_t call;	/* enum fault_call */
	uint32_t nth;	/* which of these calls, from 1 */
	int32_t error;	/* errno, or FAULT_CUT */
	uint32_t armed; /* written last */
	uint32_t seen;	/* such calls since the order */
	uint32_t hit;	/* the nth came */
};

#endif
