/* SPDX-License-Identifier: MIT */
/*
 * close() of a descriptor that somebody else has made can wait for him: for
 * the answer of his file system (FUSE), for his TCP socket to linger. Nobody
 * who serves others may do that in line.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "discard.h"

#define DISCARD_STACK (64 * 1024)

struct discard {
	struct ivc_packet packet;
	unsigned int *busy;
};

static void *discard_thread(void *arg)
{
	struct discard *d = arg;
	unsigned int i;

	for (i = 0; i < d->packet.nr; i++)
		close(d->packet.fd[i]);
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

void ivc_discard(struct ivc_packet *p, unsigned int *busy)
{
	struct discard *d = NULL;
	unsigned int i, n = 0;

	for (i = 0; i < p->nr; i++) {
		if (ivc_packet_is_socket(p->fd[i]))
			close(p->fd[i]);
		else
			p->fd[n++] = p->fd[i];
	}
	p->nr = n;
	if (!n)
		return;
	d = malloc(sizeof(*d));
	if (d) {
		d->packet = *p;
		d->busy = busy;
		__atomic_fetch_add(busy, 1, __ATOMIC_RELAXED);
		if (thread_start(d)) {
			/* A descriptor lost is better than a wait. */
			__atomic_fetch_sub(busy, 1, __ATOMIC_RELAXED);
			free(d);
		}
	}
	p->nr = 0;
}
