/* SPDX-License-Identifier: MIT */
/*
 * Closing what clients had a hand in.
 *
 * close() of a descriptor that a client has made can take as long as the client
 * likes: for the answer of its file system (FUSE), for its TCP socket to
 * linger. The same holds for the last close of a socket with such descriptors
 * in its queue. ivcd has one thread for all clients, so other threads do it, a
 * few for each user, and the user's descriptors wait in line for them.
 *
 * What waits, or is being closed, counts for the user until close() has
 * returned, and for ivcd as a whole. A user who has too much of it is not read,
 * so that no more comes in (closer_may_receive()), and while there is too much
 * of all users nobody is let in (closer_may_accept()).
 *
 * There are two lanes. Closing a socket, and thereby what is in its queue,
 * calls no file system for an answer, and whatever waits there for a peer stops
 * at a signal; a thread sends itself one every few ms. So the lane of sockets
 * always moves, and sockets can be put there without a limit for the user.
 * Files that a client has passed can hang for ever, in a lane of their own.
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

#define THREADS_MAX 16u	     /* of a user, per lane */
#define USER_FILES_MAX 1024u /* that a user may have in line */
#define LIMIT_MAX (1u << 20) /* descriptors: more are not asked for */
#define RESERVE 64u	     /* ivcd's own */
#define POKE_NS (2 * MS)
#define STACK (64 * 1024)

/* For the lanes, the counts and next[]: the threads take it, too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int *next; /* by descriptor: the one behind it in line, or -1 */
static unsigned int limit, open_now, in_line;

/*
 * What a user may have in line: at most a sixteenth of all, so that he alone
 * does not shut out the others (closer_may_accept()), and at least a packet.
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

/* Descriptors are what clients and offers are made of: as many as can be had.
 */
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
	/* No SA_RESTART: what waits shall stop. */
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

/* The next in line; -1: none. With the lock. */
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

/* A signal for this thread every POKE_NS, while it lives. */
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

/* With the lock. If there is no thread to be had closers_tick() tries again. */
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
 * Is there a packet in the queue of @fd? It stays there. That a packet is
 * signed (SO_PASSCRED) tells an empty one from the end: there is no room for
 * that, which shows.
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
	/* From here on nothing more comes in. */
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

/* Is there room for @n more, beside what ivcd needs itself? With the lock. */
static bool room(unsigned int n)
{
	/* Where there never is that much, the kernel keeps back what is too
	 * much, and CONNECT says -ENFILE.
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
	/* Those who are here can still be read. */
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
