/* SPDX-License-Identifier: MIT */
/*
 * close() of a descriptor that somebody else has made can wait for him: for
 * the answer of his file system (FUSE), for his TCP socket to linger. Nobody
 * who serves others may do that in line.
 *
 * Nor may he close a socket in which there still are packets with descriptors,
 * if it may be the last one to have it: the kernel then closes these for him.
 * Hence ivc_closer_hangup().
 *
 * So descriptors wait in a line, and for each lot of them a thread is started
 * that closes what it finds there. One that hangs holds up no other lot. What
 * waits and what hangs counts until close() has returned, and while there is
 * too much of it (ivc_closer_room()) nothing is received that could bring
 * more: bells with descriptors stay in their socket, offers are not accepted,
 * and without room for a single one there is no link to ivcd.
 *
 * The line is not under a lock: a child finds it as good as any.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>

#include "fd-closer.h"

#define CLOSER_STACK (64 * 1024)

/*
 * Each plus 1; 0: a free place. More than may be received: the sockets of
 * channels that the program closes meanwhile come here, too.
 */
#define LINE_PLACES 2048
static int line[LINE_PLACES];
static unsigned int waiting; /* in the line */
static unsigned int held;    /* and those that threads are closing */
static bool no_thread;	     /* could be started the last time */

static void add(unsigned int *count, unsigned int n)
{
	__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

static unsigned int load(const unsigned int *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* Where there is no place, a descriptor lost is better than a wait. */
static void put(int fd)
{
	unsigned int i;
	int none;

	add(&held, 1);
	add(&waiting, 1);
	for (i = 0; i < LINE_PLACES; i++) {
		none = 0;
		if (__atomic_compare_exchange_n(&line[i], &none, fd + 1, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return;
	}
	add(&waiting, -1u);
}

static void *close_line(void *arg)
{
	unsigned int i;
	int fd;

	(void)arg;
	for (i = 0; i < LINE_PLACES; i++) {
		if (!__atomic_load_n(&line[i], __ATOMIC_RELAXED))
			continue;
		fd = __atomic_exchange_n(&line[i], 0, __ATOMIC_RELAXED);
		if (!fd)
			continue;
		add(&waiting, -1u);
		close(fd - 1);
		add(&held, -1u);
	}
	return NULL;
}

/*
 * Signals are not for a thread that the program does not know of. If there is
 * none to be had, the next one closes what waits: see ivc_closer_again().
 */
static void thread_start(void)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, CLOSER_STACK + PTHREAD_STACK_MIN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	__atomic_store_n(&no_thread,
			 pthread_create(&thread, &attr, close_line, NULL) != 0,
			 __ATOMIC_RELAXED);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
}

bool ivc_closer_room(unsigned int n)
{
	if (load(&held) + n <= IVC_CLOSER_MAX)
		return true;
	/* There was no thread, or it hangs at one of those before. */
	if (load(&waiting))
		thread_start();
	return false;
}

bool ivc_closer_again(void)
{
	if (__atomic_load_n(&no_thread, __ATOMIC_RELAXED))
		thread_start();
	return __atomic_load_n(&no_thread, __ATOMIC_RELAXED);
}

static void put_all(struct ivc_packet *p)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++)
		put(p->fd[i]);
	p->nr = 0;
}

void ivc_closer_add(struct ivc_packet *p)
{
	if (!p->nr)
		return;
	put_all(p);
	thread_start();
}

void ivc_closer_fork(void)
{
	unsigned int i;

	waiting = 0;
	for (i = 0; i < LINE_PLACES; i++)
		waiting += !!line[i];
	held = waiting;
	no_thread = waiting;
}

void ivc_closer_hangup(int fd)
{
	const int yes = 1;
	struct ivc_packet p = { .nr = 0 };
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
		/* Then it stays in there, and a thread closes the socket. */
		if (!ivc_closer_room(IVC_PACKET_FDS))
			break;
		n = ivc_packet_recv(fd, &byte, sizeof(byte), &p);
		/* There may be more of that. */
		if (p.nr)
			break;
		if (n != -ECONNRESET && n != -EINTR && !p.signed_by) {
			close(fd);
			return;
		}
	} while (true);
	put_all(&p);
	put(fd);
	thread_start();
}
