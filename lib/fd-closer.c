/* SPDX-License-Identifier: MIT */
/*
 * close() of a descriptor that another process has made can wait for that
 * process: for the answer of its file system (FUSE), or for its TCP socket to
 * linger. A thread that serves others must not wait there.
 *
 * The same holds for the close of a socket whose queue has packets with
 * descriptors, since the last close of the socket closes those, too. Hence
 * ivc_closer_hangup().
 *
 * So descriptors are put into a list, and for each batch a thread is started
 * that closes what it finds in the list. A thread that hangs holds up no other
 * batch. A descriptor counts until its close() has returned. While too many are
 * counted (ivc_closer_room()), nothing is received that could bring more:
 * doorbells with descriptors stay in their socket, offers are not accepted, and
 * without room for a single descriptor the link to ivcd is given up.
 *
 * The list has no lock, so that a child finds it usable after a fork().
 */
#include "../common/thread.h"
#include "fd-closer.h"

#define CLOSER_STACK (64 * 1024)

/*
 * Each entry is a descriptor plus 1, or 0 if free. More than IVC_CLOSER_MAX,
 * since sockets of channels that the program closes are put here, too.
 */
#define LIST_ROOM 2048
static int list[LIST_ROOM];
static unsigned int waiting; /* in the list */
static unsigned int held;    /* in the list or being closed */
static bool no_thread;	     /* the last thread could not be started */

static void add(unsigned int *count, unsigned int n)
{
	__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

static unsigned int load(const unsigned int *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* If the list is full the descriptor leaks, which is better than to block. */
static void put(int fd)
{
	unsigned int i;
	int none;

	add(&held, 1);
	add(&waiting, 1);
	for (i = 0; i < LIST_ROOM; i++) {
		none = 0;
		if (__atomic_compare_exchange_n(&list[i], &none, fd + 1, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return;
	}
	add(&waiting, -1u);
}

static void *close_listed(void *arg)
{
	unsigned int i;
	int fd;

	(void)arg;
	for (i = 0; i < LIST_ROOM; i++) {
		if (!__atomic_load_n(&list[i], __ATOMIC_RELAXED))
			continue;
		fd = __atomic_exchange_n(&list[i], 0, __ATOMIC_RELAXED);
		if (!fd)
			continue;
		add(&waiting, -1u);
		close(fd - 1);
		add(&held, -1u);
	}
	return NULL;
}

/*
 * If no thread can be started, the next one closes the listed descriptors: see
 * ivc_closer_again().
 */
static void thread_start(void)
{
	int ret = ivc_thread_start(NULL, CLOSER_STACK, close_listed, NULL);

	__atomic_store_n(&no_thread, ret != 0, __ATOMIC_RELAXED);
}

bool ivc_closer_room(unsigned int n)
{
	if (load(&held) + n <= IVC_CLOSER_MAX)
		return true;
	/* There was no thread, or all threads hang in a close(). */
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
	for (i = 0; i < LIST_ROOM; i++)
		waiting += !!list[i];
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
	 * After the shutdown nothing more arrives. The queue is read, since it
	 * is usually empty or has doorbells only, and then the socket is closed
	 * here. Credentials (SO_PASSCRED) distinguish an empty packet from the
	 * end of the stream.
	 */
	shutdown(fd, SHUT_RDWR);
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
	do {
		/* The packets stay in the socket, which a thread closes. */
		if (!ivc_closer_room(IVC_PACKET_FDS))
			break;
		n = ivc_packet_recv(fd, &byte, sizeof(byte), &p);
		/* More such packets may follow: a thread closes the socket. */
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
