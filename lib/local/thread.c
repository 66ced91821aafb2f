/* SPDX-License-Identifier: MIT */
/*
 * The library's thread; local.h says what it is for.
 *
 * The thread starts with the first context or channel, and ends with the last:
 * when a program has closed everything, no thread of the library is left, and
 * the program may unload the library.
 *
 * fork(): see process.h. Descriptors are opened and closed under the lock, so
 * that a child finds and closes its copies. A copy in a child that lives on
 * would hide from the peers that the parent has died.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/thread.h"
#include "../fd-closer.h"
#include "local.h"

#define LOCAL_STACK (256 * 1024)
#define LOCAL_EVENTS 32
#define CLOSER_AGAIN_NS (10 * IVC_MS)

static pthread_once_t local_once = PTHREAD_ONCE_INIT;

/*
 * fork() takes the lock as a writer; a thread during which no fork() may happen
 * takes it as a reader. It is taken before local.lock. A stream of readers does
 * not starve the writer.
 */
static pthread_rwlock_t forks =
	PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

void local_fork_off(void)
{
	pthread_rwlock_rdlock(&forks);
}

void local_fork_on(void)
{
	pthread_rwlock_unlock(&forks);
}

static void unpoke(void)
{
	uint64_t count;
	ssize_t ret = read(local.poke, &count, sizeof(count));

	(void)ret;
}

/* Found by a key: the event may be older than the end of the channel. */
static void channel_event(uint64_t key)
{
	struct local_channel *lc = NULL;

	if ((uint32_t)key < local.watched_room)
		lc = local.watched[(uint32_t)key];
	if (lc && lc->key == key)
		local_channel_ended(lc);
}

static int ms_until(int64_t when)
{
	int64_t left;

	if (when == IVC_NEVER)
		return -1;
	left = (when - ivc_now() + IVC_MS - 1) / IVC_MS;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Returns the time at which to call it again. */
static int64_t closer_tick(void)
{
	return ivc_closer_again() ? ivc_now() + CLOSER_AGAIN_NS : IVC_NEVER;
}

static void *local_main(void *arg)
{
	struct epoll_event ev[LOCAL_EVENTS];
	int64_t next = IVC_NEVER;
	int i, n;

	(void)arg;
	for (;;) {
		n = epoll_wait(local.epoll, ev, LOCAL_EVENTS, ms_until(next));
		pthread_mutex_lock(&local.lock);
		if (local.stopping)
			break;
		for (i = 0; i < n; i++) {
			if (ev[i].data.u64 == LOCAL_KEY_POKE)
				unpoke();
			else if (ev[i].data.u64 == LOCAL_KEY_LINK)
				local_session_event(ev[i].events);
			else
				channel_event(ev[i].data.u64);
		}
		next = earlier(local_session_tick(), local_ring_tick());
		next = earlier(next, closer_tick());
		pthread_mutex_unlock(&local.lock);
	}
	pthread_mutex_unlock(&local.lock);
	return NULL;
}

static void close_all(void)
{
	local_close_fd(&local.link);
	local_close_fd(&local.poke);
	local_close_fd(&local.epoll);
}

static int start(void)
{
	struct epoll_event ev = { .events = EPOLLIN,
				  .data.u64 = LOCAL_KEY_POKE };
	int ret;

	local.state = LOCAL_DOWN;
	local.retry_at = IVC_NEVER;
	local_session_heard();
	local.ring_at = IVC_NEVER;
	local.epoll = epoll_create1(EPOLL_CLOEXEC);
	local.poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (local.epoll < 0 || local.poke < 0 ||
	    epoll_ctl(local.epoll, EPOLL_CTL_ADD, local.poke, &ev)) {
		ret = -errno;
		goto err_close;
	}
	ret = ivc_thread_start(&local.thread, LOCAL_STACK, local_main, NULL);
	if (ret)
		goto err_close;
	return 0;

err_close:
	close_all();
	return ret;
}

static void changed_init(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&local.changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void lists_init(void)
{
	size_t i;

	TAILQ_INIT(&local.waits);
	local_outbox_init();
	LIST_INIT(&local.contexts);
	LIST_INIT(&local.channels);
	for (i = 0; i < LOCAL_HASH; i++)
		LIST_INIT(&local.members[i]);
	local.watched = NULL;
	local.watched_room = 0;
}

/* In a child: the threads that held the lock or waited for it are not there. */
static void forks_init(void)
{
	const pthread_rwlock_t nobody =
		PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

	forks = nobody;
}

/* In a child: there is no library's thread, and no thread that waits. */
static void begin_anew(void)
{
	changed_init();
	lists_init();
	close_all();
	local.users = 0;
	ivc_closer_fork();
	local.stopping = false;
	local.state = LOCAL_DOWN;
	local.full = false;
	local_session_heard();
}

/* Free channels that the program has closed and whose CLOSE was not sent. */
static void free_closing(void)
{
	struct local_channel *lc, *next;

	for (lc = LIST_FIRST(&local.channels); lc; lc = next) {
		next = LIST_NEXT(lc, node);
		if (lc->closing)
			free(lc);
	}
}

/* In a child: free the offers, which only the parent can accept. */
static void free_offers(void)
{
	struct local_context *lc;
	struct local_offer *o;

	LIST_FOREACH (lc, &local.contexts, node) {
		while ((o = TAILQ_FIRST(&lc->offers))) {
			TAILQ_REMOVE(&lc->offers, o, node);
			local_close_fd(&o->fd);
			free(o);
		}
	}
}

void local_fork(enum ivc_fork what)
{
	switch (what) {
	case IVC_FORK_PREPARE:
		pthread_rwlock_wrlock(&forks);
		pthread_mutex_lock(&local.lock);
		break;
	case IVC_FORK_PARENT:
		pthread_mutex_unlock(&local.lock);
		pthread_rwlock_unlock(&forks);
		break;
	case IVC_FORK_CHILD:
		free_closing();
		free_offers();
		free(local.watched);
		begin_anew();
		pthread_mutex_unlock(&local.lock);
		/*
		 * An unlock alone would give the lock to readers that wait in
		 * the parent, and no writer would ever get it in the child.
		 */
		pthread_rwlock_unlock(&forks);
		forks_init();
		break;
	case IVC_FORK_UNSEEN:
		pthread_mutex_init(&local.lock, NULL);
		forks_init();
		begin_anew();
		break;
	}
}

static void init(void)
{
	changed_init();
	lists_init();
}

int local_get(void)
{
	int ret = 0;

	pthread_once(&local_once, init);
	pthread_mutex_lock(&local.lock);
	while (local.stopping)
		pthread_cond_wait(&local.changed, &local.lock);
	if (!local.users)
		ret = start();
	if (!ret)
		local.users++;
	pthread_mutex_unlock(&local.lock);
	return ret;
}

void local_put(void)
{
	struct local_channel *lc;
	bool last;

	pthread_mutex_lock(&local.lock);
	last = !--local.users;
	if (last) {
		local.stopping = true;
		local_poke();
	}
	pthread_mutex_unlock(&local.lock);
	if (!last)
		return;
	pthread_join(local.thread, NULL);
	pthread_mutex_lock(&local.lock);
	/* ivcd drops these channels, too, when the link ends. */
	while ((lc = LIST_FIRST(&local.channels))) {
		LIST_REMOVE(lc, node);
		free(lc);
	}
	free(local.watched);
	lists_init();
	local_link_hangup();
	close_all();
	local.state = LOCAL_DOWN;
	local.full = false;
	local.stopping = false;
	pthread_cond_broadcast(&local.changed);
	pthread_mutex_unlock(&local.lock);
}
