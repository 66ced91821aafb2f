/* SPDX-License-Identifier: MIT */
/*
 * close() of a descriptor that somebody else has made can wait for him: for
 * the answer of his file system (FUSE), for his TCP socket to linger. Nobody
 * who serves others may do that in line.
 *
 * Nor may he close a socket in which there still are packets with descriptors,
 * if it may be the last one to have it: the kernel then closes these for him.
 * Hence ivc_hangup().
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "discard.h"

#define DISCARD_STACK (64 * 1024)

/*
 * Descriptors for which there was no memory or no thread, each plus 1; 0: a
 * free place. The next thread that there is closes them, too.
 */
#define KEPT_MAX 512
static int kept[KEPT_MAX];

struct discard {
	struct ivc_packet packet;
	int last; /* to be closed after these, or -1 */
	unsigned int *busy;
};

/* Where there is no place, a descriptor lost is better than a wait. */
static void keep(int fd)
{
	unsigned int i;
	int none;

	for (i = 0; i < KEPT_MAX; i++) {
		none = 0;
		if (__atomic_compare_exchange_n(&kept[i], &none, fd + 1, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return;
	}
}

static void close_kept(void)
{
	unsigned int i;
	int fd;

	for (i = 0; i < KEPT_MAX; i++) {
		if (!__atomic_load_n(&kept[i], __ATOMIC_RELAXED))
			continue;
		fd = __atomic_exchange_n(&kept[i], 0, __ATOMIC_RELAXED);
		if (fd)
			close(fd - 1);
	}
}

static void *discard_thread(void *arg)
{
	struct discard *d = arg;
	unsigned int i;

	for (i = 0; i < d->packet.nr; i++)
		close(d->packet.fd[i]);
	if (d->last >= 0)
		close(d->last);
	close_kept();
	__atomic_fetch_sub(d->busy, 1, __ATOMIC_RELEASE);
	free(d);
	return NULL;
}

/* Signals are not for a thread that the program does not know of. */
static int thread_start(struct discard *d)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, DISCARD_STACK + PTHREAD_STACK_MIN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attr, discard_thread, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -ret;
}

static void discard(struct ivc_packet *p, int last, unsigned int *busy)
{
	struct discard *d = malloc(sizeof(*d));
	unsigned int i;

	if (!d)
		goto err_keep;
	d->packet = *p;
	d->last = last;
	d->busy = busy;
	__atomic_fetch_add(busy, 1, __ATOMIC_RELAXED);
	if (thread_start(d))
		goto err_busy;
	p->nr = 0;
	return;

err_busy:
	__atomic_fetch_sub(busy, 1, __ATOMIC_RELAXED);
	free(d);
err_keep:
	for (i = 0; i < p->nr; i++)
		keep(p->fd[i]);
	if (last >= 0)
		keep(last);
	p->nr = 0;
}

void ivc_discard(struct ivc_packet *p, unsigned int *busy)
{
	if (p->nr)
		discard(p, -1, busy);
}

void ivc_discard_fd(int fd, unsigned int *busy)
{
	struct ivc_packet none = { .nr = 0 };

	discard(&none, fd, busy);
}

void ivc_hangup(int fd, unsigned int *busy)
{
	const int yes = 1;
	struct ivc_packet p;
	ssize_t n;
	char byte;

	if (fd < 0)
		return;
	/*
	 * From here on nothing more comes in. What is there is looked at, since
	 * most often it is nothing, or doorbells. That a packet is signed tells
	 * an empty one from the end.
	 */
	shutdown(fd, SHUT_RDWR);
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
	do {
		n = ivc_packet_recv(fd, &byte, sizeof(byte), &p);
		if (p.nr) {
			/* There may be more of that: all of it to the thread,
			 * which closes the socket last.
			 */
			discard(&p, fd, busy);
			return;
		}
	} while (n == -ECONNRESET || n == -EINTR || p.signed_by);
	close(fd);
}
