// SPDX-License-Identifier: GPL-2.0
/* Locks, time, the log, and the work that a driver queues. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "world-guest.h"

#define GIVES_UP_MS 600 /* more than leave_ms */

static u64 wakeups, now_ms;

void world_time_begin(void)
{
	now_ms = 1;
}

static int *owner(struct mutex *m)
{
	return (int *)&m->m;
}

void mutex_init(struct mutex *m)
{
	*owner(m) = 0;
}

void mutex_lock(struct mutex *m)
{
	do {
		must(*owner(m) != co_self());
		co_yield ();
	} while (*owner(m));
	*owner(m) = co_self();
}

void mutex_unlock(struct mutex *m)
{
	must(*owner(m) == co_self());
	*owner(m) = 0;
	co_yield ();
}

void spin_lock_init(spinlock_t *l)
{
	(void)l;
}

void spin_lock(spinlock_t *l)
{
	(void)l;
}

void spin_unlock(spinlock_t *l)
{
	(void)l;
}

void might_sleep(void)
{
}

void cond_resched(void)
{
	co_yield ();
}

void usleep_range(unsigned long min_us, unsigned long max_us)
{
	u32 n = rng_below(&dice, 64);

	(void)min_us;
	(void)max_us;
	/* Only ivcf_undelivered_cut_off() sleeps, to let a store arrive. */
	world_ends[world_guest].tried_cut = true;
	while (n--)
		co_yield ();
}

ktime_t ktime_get(void)
{
	return (ktime_t)(now_ms * NSEC_PER_MSEC);
}

u64 stub_wakeups(void)
{
	return wakeups;
}

void stub_wake(wait_queue_head_t *wq)
{
	(void)wq;
	wakeups++;
}

/* Time passes only while a coroutine waits for time. */
void stub_wait(u64 seen, long ms)
{
	(void)seen;
	(void)ms;
	if (!rng_below(&dice, 200))
		now_ms += GIVES_UP_MS;
	co_yield ();
}

void stub_log(const char *fmt, ...)
{
	static int on = -1;
	va_list args;

	if (on < 0)
		on = !!getenv("STUB_LOG");
	if (!on)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
}

void stub_bug(const char *what, const char *file, int line)
{
	wrong("%s:%d: %s", file, line, what);
}

void stub_delayed_work_init(struct delayed_work *d, work_func_t fn)
{
	memset(d, 0, sizeof(*d));
	d->work.func = fn;
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *d,
			unsigned long delay)
{
	bool was = d->work.pending;

	(void)wq;
	(void)delay;
	d->work.pending = true;
	return !was;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *d,
		      unsigned long delay)
{
	return !queue_delayed_work(wq, d, delay);
}

bool cancel_delayed_work(struct delayed_work *d)
{
	bool was = d->work.pending;

	d->work.pending = false;
	return was;
}

bool cancel_delayed_work_sync(struct delayed_work *d)
{
	return cancel_delayed_work(d);
}

void world_worker(int i)
{
	struct world_end *e = &world_ends[i];

	for (; world_runs(e); co_yield ()) {
		if (!e->ch->work.work.pending)
			continue;
		e->ch->work.work.pending = false;
		e->ch->work.work.func(&e->ch->work.work);
	}
}
