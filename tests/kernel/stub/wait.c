// SPDX-License-Identifier: GPL-2.0
/*
 * Wait queues and completions: one condition for all of them. Linux wakes only
 * those who wait in the queue, and promises nothing about spurious wake-ups.
 */
#include <time.h>

#include "inner.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static u64 wakeups;

void stub_wake(wait_queue_head_t *wq)
{
	stub_lock(&lock);
	__atomic_add_fetch(&wq->wakeups, 1, __ATOMIC_RELAXED);
	wakeups++;
	pthread_cond_broadcast(&cond);
	stub_unlock(&lock);
}

u64 stub_wakeups(void)
{
	u64 n;

	stub_lock(&lock);
	n = wakeups;
	stub_unlock(&lock);
	return n;
}

void stub_wait(u64 seen, long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	/*
	 * Tests the condition at times, because a signal wakes no waiter here.
	 */
	if (ms < 0 || ms > 10)
		ms = 10;
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	stub_lock(&lock);
	if (wakeups == seen)
		pthread_cond_timedwait(&cond, &lock, &ts);
	stub_unlock(&lock);
}

void init_completion(struct completion *c)
{
	c->done = 0;
	init_waitqueue_head(&c->wq);
}

void reinit_completion(struct completion *c)
{
	WRITE_ONCE(c->done, 0);
}

/* Set and wake in one step: the waiter may free the completion afterwards. */
static void finish(struct completion *c, bool all)
{
	stub_lock(&lock);
	if (all)
		c->done = UINT_MAX;
	else if (c->done != UINT_MAX)
		c->done++;
	c->wq.wakeups++;
	wakeups++;
	pthread_cond_broadcast(&cond);
	stub_unlock(&lock);
}

void complete(struct completion *c)
{
	finish(c, false);
}

void complete_all(struct completion *c)
{
	finish(c, true);
}

static bool take(struct completion *c)
{
	bool done;

	stub_lock(&lock);
	done = c->done;
	if (done && c->done != UINT_MAX)
		c->done--;
	stub_unlock(&lock);
	return done;
}

bool completion_done(struct completion *c)
{
	bool done;

	stub_lock(&lock);
	done = c->done;
	stub_unlock(&lock);
	return done;
}

void wait_for_completion(struct completion *c)
{
	wait_event(c->wq, take(c));
}

unsigned long wait_for_completion_timeout(struct completion *c,
					  unsigned long timeout)
{
	return (unsigned long)wait_event_timeout(c->wq, take(c), timeout);
}

int wait_for_completion_killable(struct completion *c)
{
	return wait_event_killable(c->wq, take(c));
}

long wait_for_completion_killable_timeout(struct completion *c,
					  unsigned long timeout)
{
	bool done = false;
	long left;

	left = wait_event_timeout(c->wq, (done = take(c)) || stub_killed(),
				  timeout);
	if (done)
		return max_t(long, left, 1);
	return left ? -ERESTARTSYS : 0;
}
