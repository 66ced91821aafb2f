/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults on order: one call of a process fails with one error.
 *
 * inject.c, preloaded (LD_PRELOAD), stands before the calls of libc that libivc
 * and ivcd make. It maps the file $IVC_FAULTS, which holds a struct
 * fault_order; who tests writes the order there, and arms it last.
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
	uint32_t nth;	/* of these, from 1 */
	int32_t error;	/* errno, or FAULT_CUT */
	uint32_t armed; /* written last */
	uint32_t seen;	/* such calls since then */
	uint32_t hit;	/* the nth came */
};

#endif
