/* SPDX-License-Identifier: MIT */
/*
 * Closing descriptors that clients have passed.
 *
 * A client can make close() of such a descriptor take any time: by its file
 * system (FUSE), which does not answer, or a TCP socket that lingers. The same
 * holds for the last close of a socket with such descriptors in its queue. The
 * thread of ivcd that serves all clients must not wait for that. So each user
 * has a queue of descriptors, and a few threads that close them.
 *
 * A descriptor counts for its user and for ivcd as a whole until close() has
 * returned. While a user has too many, ivcd reads no packet of that user
 * (closer_may_receive()); while all users together have too many, ivcd accepts
 * no client (closer_may_accept()).
 *
 * Each user has two queues. The queue of ivcd's own sockets always moves:
 * closing a socket and the descriptors queued in it asks no file system, and a
 * wait for a peer ends at a signal, which the thread sends itself every few ms.
 * So the user needs no limit there. Files that a client has passed can hang for
 * ever, in a queue of their own.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../common/thread.h"
#include "../../common/unix-packet.h"
#include "ivcd.h"

#define THREADS_MAX 16u	     /* of a user, per queue */
#define USER_FILES_MAX 1024u /* in the queue of a user */
#define LIMIT_MAX (1u << 20) /* descriptors that ivcd asks for at most */
#define RESERVE 64u	     /* ivcd's own */
#define POKE_NS (2 * MS)
#define STACK (64 * 1024)

/* Protects the queues, the counts and next[], which the threads use too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int *next; /* by descriptor: the next in its queue, or -1 */
static unsigned int limit, open_now, in_line;

/*
 * The number of files that a user may have queued: at most a sixteenth of all
 * descriptors, so that one user alone does not shut out the others
 * (closer_may_accept()), and at least those of one packet.
 */
static unsigned int user_files(void)
{
	unsigned int share = limit / 16;

	if (share > USER_FILES_MAX)
		return USER_FILES_MAX;
	return share < IVC_PACKET_FDS ? IVC_PACKET_FDS : share;
}

static void poked(int sig)
{
	(void)sig;
}

/* Each client and each offer needs a descriptor: get as many as possible. */
static unsigned int raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return 1024;
	r.rlim_cur = r.rlim_max < LIMIT_MAX ? r.rlim_max : LIMIT_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r))
		return 1024;
	return r.rlim_cur < LIMIT_MAX ? (unsigned int)r.rlim_cur : LIMIT_MAX;
}

int closers_init(void)
{
	/* No SA_RESTART: a close() that waits shall return. */
	struct sigaction sa = { .sa_handler = poked };
	sigset_t set;

	limit = raise_limit();
	next = malloc(limit * sizeof(*next));
	if (!next)
		return -ENOMEM;
	sigaction(SIGUSR2, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return 0;
}

void closer_init(struct closer *c)
{
	*c = (struct closer){ .first = -1, .last = -1 };
}

/* The first of the queue, or -1. The caller holds the lock. */
static int take(struct closer *c)
{
	int fd = c->first;

	if (fd < 0)
		return -1;
	c->first = next[fd];
	if (c->first < 0)
		c->last = -1;
	return fd;
}

/* Send this thread a signal every POKE_NS, until it ends. */
static int poke_start(timer_t *timer)
{
	const struct itimerspec often = { .it_interval.tv_nsec = POKE_NS,
					  .it_value.tv_nsec = POKE_NS };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID,
			       .sigev_signo = SIGUSR2 };

	ev._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &ev, timer))
		return -errno;
	return timer_settime(*timer, 0, &often, NULL) ? -errno : 0;
}

static void *close_all(void *arg)
{
	struct closer *c = arg;
	bool poke = false;
	timer_t timer;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	poke = !poke_start(&timer);
	pthread_mutex_lock(&lock);
	while ((fd = take(c)) >= 0) {
		pthread_mutex_unlock(&lock);
		close(fd);
		pthread_mutex_lock(&lock);
		c->fds--;
		in_line--;
		open_now--;
	}
	/* From here on the user may be freed, and @c with it. */
	c->threads--;
	pthread_mutex_unlock(&lock);
	if (poke)
		timer_delete(timer);
	return NULL;
}

/*
 * The caller holds the lock. If the thread cannot be started, closer_tick()
 * tries again.
 */
static void thread_start(struct closer *c)
{
	if (!ivc_thread_start(NULL, STACK, close_all, c))
		c->threads++;
}

void closer_add(struct closer *c, int fd)
{
	pthread_mutex_lock(&lock);
	next[fd] = -1;
	if (c->last < 0)
		c->first = fd;
	else
		next[c->last] = fd;
	c->last = fd;
	c->fds++;
	in_line++;
	if (c->threads < THREADS_MAX)
		thread_start(c);
	pthread_mutex_unlock(&lock);
}

/*
 * Is there a packet in the receive queue of @fd? It stays there. With
 * SO_PASSCRED every packet carries credentials; without room for them recvmsg()
 * sets MSG_CTRUNC, which tells an empty packet from the end of the stream.
 */
static bool has_packet(int fd)
{
	const int yes = 1;
	struct msghdr msg = { 0 };
	ssize_t n;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)))
		return true;
	do
		n = recvmsg(fd, &msg, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && (errno == ECONNRESET || errno == EINTR));
	return n < 0 ? errno != EAGAIN : msg.msg_flags & MSG_CTRUNC;
}

void closer_hangup(struct closer *c, int fd)
{
	/* No packet can arrive after this. */
	shutdown(fd, SHUT_RDWR);
	if (has_packet(fd)) {
		closer_add(c, fd);
		return;
	}
	close(fd);
	closer_opened(-1);
}

void closer_opened(int n)
{
	pthread_mutex_lock(&lock);
	open_now += (unsigned int)n;
	pthread_mutex_unlock(&lock);
}

/*
 * Is there room for @n more descriptors besides those that ivcd needs itself?
 * The caller holds the lock.
 */
static bool room(unsigned int n)
{
	/*
	 * With a limit as low as this there never is enough room. Receive
	 * anyway: the kernel drops the descriptors that do not fit, and CONNECT
	 * fails with -ENFILE.
	 */
	if (limit < 4 * n)
		return true;
	return open_now + n + RESERVE <= limit;
}

bool closer_may_receive(const struct closer *files)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = files->fds + IVC_PACKET_FDS <= user_files() &&
	      room(IVC_PACKET_FDS);
	pthread_mutex_unlock(&lock);
	return yes;
}

bool closer_may_accept(void)
{
	unsigned int most = limit / 4;
	bool yes;

	pthread_mutex_lock(&lock);
	/* Leave room to read from the connected clients. */
	if (most < IVC_PACKET_FDS + RESERVE)
		most = IVC_PACKET_FDS + RESERVE;
	yes = in_line < most && room(2 * IVC_PACKET_FDS);
	pthread_mutex_unlock(&lock);
	return yes;
}

bool closer_idle(const struct closer *c)
{
	bool idle;

	pthread_mutex_lock(&lock);
	idle = !c->fds && !c->threads;
	pthread_mutex_unlock(&lock);
	return idle;
}

void closer_tick(struct closer *c)
{
	pthread_mutex_lock(&lock);
	if (c->first >= 0 && !c->threads)
		thread_start(c);
	pthread_mutex_unlock(&lock);
}
