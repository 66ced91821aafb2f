/* SPDX-License-Identifier: GPL-2.0 */
/* See inject.h. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject.h"

/* dlsym() itself may call these, so libc is reached by its own names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static struct fault_order *order;

/* A child is another process, and gets no faults. */
static void no_order(void)
{
	order = NULL;
}

__attribute__((constructor)) static void find_order(void)
{
	const char *path = getenv("IVC_FAULTS");
	long fd, p;

	if (!path)
		return;
	/* Not with the functions below, which replace libc's. */
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	p = syscall(SYS_mmap, NULL, sizeof(*order), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (p < 0 && p > -4096)
		abort();
	pthread_atfork(NULL, NULL, no_order);
	__atomic_store_n(&order, (struct fault_order *)p, __ATOMIC_RELEASE);
}

/* The errno with which this call shall fail, or 0. */
static int ordered(enum fault_call call)
{
	struct fault_order *o = __atomic_load_n(&order, __ATOMIC_ACQUIRE);

	/*
	 * Acquire pairs with the release of the test: the rest of the order is
	 * visible.
	 */
	if (!o || !__atomic_load_n(&o->armed, __ATOMIC_ACQUIRE) ||
	    o->call != call)
		return 0;
	if (__atomic_add_fetch(&o->seen, 1, __ATOMIC_RELAXED) != o->nth)
		return 0;
	__atomic_store_n(&o->hit, 1, __ATOMIC_RELEASE);
	return o->error;
}

static bool fails(enum fault_call call)
{
	int err = ordered(call);

	if (err)
		errno = err;
	return err;
}

/* The next function of that name, which is libc's. */
#define REAL(call)                                                             \
	static __typeof__(call) *real;                                         \
	if (!real)                                                             \
	real = (__typeof__(call) *)dlsym(RTLD_NEXT, #call)

#define STAND_BEFORE(type, call, params, args)                                 \
	type call params                                                       \
	{                                                                      \
		REAL(call);                                                    \
		if (fails(FAULT_##call))                                       \
			return (type)-1;                                       \
		return real args;                                              \
	}

STAND_BEFORE(int, socket, (int d, int t, int p), (d, t, p))
STAND_BEFORE(int, socketpair, (int d, int t, int p, int sv[2]), (d, t, p, sv))
STAND_BEFORE(int, connect, (int fd, const struct sockaddr *a, socklen_t n),
	     (fd, a, n))
STAND_BEFORE(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f),
	     (fd, a, n, f))
STAND_BEFORE(int, bind, (int fd, const struct sockaddr *a, socklen_t n),
	     (fd, a, n))
STAND_BEFORE(int, listen, (int fd, int n), (fd, n))
STAND_BEFORE(ssize_t, send, (int fd, const void *p, size_t n, int f),
	     (fd, p, n, f))
STAND_BEFORE(int, epoll_create1, (int f), (f))
STAND_BEFORE(int, epoll_wait, (int fd, struct epoll_event *ev, int n, int ms),
	     (fd, ev, n, ms))
STAND_BEFORE(int, eventfd, (unsigned int n, int f), (n, f))
STAND_BEFORE(int, signalfd, (int fd, const sigset_t *s, int f), (fd, s, f))
STAND_BEFORE(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
STAND_BEFORE(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
STAND_BEFORE(int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
STAND_BEFORE(int, ppoll,
	     (struct pollfd * p, nfds_t n, const struct timespec *t,
	      const sigset_t *s),
	     (p, n, t, s))
STAND_BEFORE(void *, mmap, (void *p, size_t n, int pr, int f, int fd, off_t o),
	     (p, n, pr, f, fd, o))
STAND_BEFORE(int, madvise, (void *p, size_t n, int a), (p, n, a))
STAND_BEFORE(int, memfd_create, (const char *name, unsigned int f), (name, f))
STAND_BEFORE(int, fallocate, (int fd, int m, off_t o, off_t n), (fd, m, o, n))
STAND_BEFORE(int, flock, (int fd, int op), (fd, op))
STAND_BEFORE(ssize_t, getrandom, (void *p, size_t n, unsigned int f), (p, n, f))

/* ETOOMANYREFS is only for a call that sends another descriptor. */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct fault_order *o = __atomic_load_n(&order, __ATOMIC_ACQUIRE);

	REAL(sendmsg);
	if ((!o || o->error != ETOOMANYREFS || m->msg_controllen) &&
	    fails(FAULT_sendmsg))
		return -1;
	return real(fd, m, flags);
}

/* Only EPOLL_CTL_ADD can lack a resource. */
int epoll_ctl(int fd, int op, int what, struct epoll_event *ev)
{
	REAL(epoll_ctl);
	if (op == EPOLL_CTL_ADD && fails(FAULT_epoll_ctl))
		return -1;
	return real(fd, op, what, ev);
}

static void close_descriptors(struct msghdr *m)
{
	struct cmsghdr *c;
	size_t i, n;
	int fd;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			close(fd);
		}
		m->msg_flags |= MSG_CTRUNC;
		m->msg_controllen = 0;
		break;
	}
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	int err = ordered(FAULT_recvmsg);
	ssize_t n;

	REAL(recvmsg);
	if (err && err != FAULT_CUT) {
		errno = err;
		return -1;
	}
	n = real(fd, m, flags);
	if (err && n >= 0)
		close_descriptors(m);
	return n;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	REAL(open);
	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (fails(FAULT_open))
		return -1;
	return real(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
	void *arg;
	va_list ap;

	REAL(ioctl);
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fails(FAULT_ioctl))
		return -1;
	return real(fd, request, arg);
}

/* Returns its error. */
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *),
		   void *arg)
{
	int err = ordered(FAULT_pthread_create);

	REAL(pthread_create);
	return err ? err : real(t, a, fn, arg);
}

void *malloc(size_t size)
{
	return fails(FAULT_malloc) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(FAULT_calloc) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails(FAULT_realloc) ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	if (fails(FAULT_reallocarray))
		return NULL;
	if (size && n > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(p, n * size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return fails(FAULT_aligned_alloc) ? NULL : __libc_memalign(align, size);
}
