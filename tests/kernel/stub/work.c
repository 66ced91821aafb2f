// SPDX-License-Identifier: GPL-2.0
/*
 * Work queues: threads that run what is queued. Promised as in
 * Documentation/core-api/workqueue.rst and include/linux/workqueue.h of 6.1: an
 * item never runs beside itself; it may be queued again while it runs, and is
 * not touched any more once its function has begun, so that it may free itself;
 * while somebody waits for its end (cancel_work_sync) nothing queues it.
 */
#include <stdlib.h>
#include <time.h>

#include "inner.h"

#define THREADS 3

struct workqueue_struct {
	struct list_head queue;
	struct list_head node; /* all of them */
	struct worker {
		struct workqueue_struct *wq;
		struct work_struct *runs;
		pthread_t thread;
	} worker[THREADS];
	u32 nr;
	bool stop;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(queues);
static LIST_HEAD(timers);
static _Thread_local struct work_struct *running;

struct workqueue_struct *system_wq, *system_freezable_wq, *system_unbound_wq,
	*system_long_wq;

static struct stub_dom *frozen;

/* ------------------------------------------------------ under the lock */

static bool runs(const struct work_struct *w)
{
	struct workqueue_struct *wq;
	u32 i;

	list_for_each_entry (wq, &queues, node)
		for (i = 0; i < wq->nr; i++)
			if (wq->worker[i].runs == w)
				return true;
	return false;
}

static struct work_struct *next_of(struct workqueue_struct *wq)
{
	struct work_struct *w;

	list_for_each_entry (w, &wq->queue, node)
		if (!runs(w) &&
		    !(frozen && frozen == w->dom && wq == system_freezable_wq))
			return w;
	return NULL;
}

static void insert(struct workqueue_struct *wq, struct work_struct *w)
{
	BUG_ON(wq->stop && "work is queued at a queue that ends");
	w->wq = wq;
	w->queued = true;
	list_add_tail(&w->node, &wq->queue);
	pthread_cond_broadcast(&cond);
}

/* Take @w off all queues. True if it was on one. */
static bool dequeue(struct work_struct *w)
{
	bool was = w->pending;

	if (w->queued)
		list_del_init(&w->node);
	w->queued = false;
	w->pending = false;
	return was;
}

static bool dequeue_delayed(struct delayed_work *d)
{
	if (d->armed)
		list_del_init(&d->timer);
	d->armed = false;
	return dequeue(&d->work);
}

static void wait_until_done(struct work_struct *w)
{
	BUG_ON(running == w && "work waits for itself");
	while (runs(w))
		pthread_cond_wait(&cond, &lock);
}

static void arm(struct workqueue_struct *wq, struct delayed_work *d,
		unsigned long delay)
{
	if (!delay) {
		insert(wq, &d->work);
		return;
	}
	d->work.wq = wq;
	d->armed = true;
	d->at = ktime_get_ns() + delay * (NSEC_PER_SEC / HZ);
	list_add_tail(&d->timer, &timers);
}

/* ------------------------------------------------------------- threads */

static void *work(void *arg)
{
	struct worker *me = arg;
	struct workqueue_struct *wq = me->wq;
	struct work_struct *w;
	work_func_t fn;

	stub_lock(&lock);
	for (;;) {
		w = next_of(wq);
		if (!w) {
			if (wq->stop && list_empty(&wq->queue))
				break;
			pthread_cond_wait(&cond, &lock);
			continue;
		}
		dequeue(w);
		me->runs = w;
		fn = w->func;
		stub_in_dom = w->dom;
		stub_unlock(&lock);

		stub_pause();
		running = w;
		fn(w);
		running = NULL;
		BUG_ON(stub_atomic && "work ends with a spinlock");

		stub_lock(&lock);
		me->runs = NULL;
		pthread_cond_broadcast(&cond);
	}
	stub_unlock(&lock);
	return NULL;
}

/* Every millisecond; Linux's timers are late, too. */
static void *tick(void *unused)
{
	struct delayed_work *d, *next;
	u64 now;

	for (;;) {
		struct timespec ms = { 0, 1000000 };

		nanosleep(&ms, NULL);
		stub_lock(&lock);
		now = ktime_get_ns();
		list_for_each_entry_safe (d, next, &timers, timer) {
			if (d->at > now)
				continue;
			list_del_init(&d->timer);
			d->armed = false;
			insert(d->work.wq, &d->work);
		}
		stub_unlock(&lock);
	}
	return unused;
}

static struct workqueue_struct *new_queue(u32 threads)
{
	struct workqueue_struct *wq = calloc(1, sizeof(*wq));
	u32 i;

	BUG_ON(!wq);
	INIT_LIST_HEAD(&wq->queue);
	wq->nr = threads;
	stub_lock(&lock);
	list_add_tail(&wq->node, &queues);
	stub_unlock(&lock);
	for (i = 0; i < wq->nr; i++) {
		wq->worker[i].wq = wq;
		stub_spawn(NULL, work, &wq->worker[i], &wq->worker[i].thread);
	}
	return wq;
}

__attribute__((constructor)) static void start(void)
{
	pthread_t t;

	system_wq = new_queue(THREADS);
	system_freezable_wq = new_queue(THREADS);
	system_unbound_wq = system_wq;
	system_long_wq = system_wq;
	stub_spawn(NULL, tick, NULL, &t);
	pthread_detach(t);
}

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
					 int max_active, ...)
{
	(void)name;
	(void)flags;
	if (!stub_may_alloc(GFP_KERNEL))
		return NULL;
	return new_queue(max_active == 1 ? 1 : THREADS);
}

/* Queued items still run; an item must not wait for its timer. */
void destroy_workqueue(struct workqueue_struct *wq)
{
	struct delayed_work *d;
	u32 i;

	might_sleep();
	stub_lock(&lock);
	while (!list_empty(&wq->queue))
		pthread_cond_wait(&cond, &lock);
	list_for_each_entry (d, &timers, timer)
		BUG_ON(d->work.wq == wq && "a timer outlives its queue");
	wq->stop = true;
	pthread_cond_broadcast(&cond);
	stub_unlock(&lock);
	for (i = 0; i < wq->nr; i++)
		stub_join(wq->worker[i].thread);
	stub_lock(&lock);
	list_del(&wq->node);
	stub_unlock(&lock);
	free(wq);
}

void flush_workqueue(struct workqueue_struct *wq)
{
	u32 i;
	bool busy;

	might_sleep();
	stub_lock(&lock);
	do {
		busy = !list_empty(&wq->queue);
		for (i = 0; i < wq->nr; i++)
			busy |= !!wq->worker[i].runs;
		if (busy)
			pthread_cond_wait(&cond, &lock);
	} while (busy);
	stub_unlock(&lock);
}

void drain_workqueue(struct workqueue_struct *wq)
{
	flush_workqueue(wq);
}

/* --------------------------------------------------------------- items */

void stub_work_init(struct work_struct *w, work_func_t fn)
{
	memset(w, 0, sizeof(*w));
	w->func = fn;
	INIT_LIST_HEAD(&w->node);
}

void stub_delayed_work_init(struct delayed_work *d, work_func_t fn)
{
	stub_work_init(&d->work, fn);
	d->armed = false;
	INIT_LIST_HEAD(&d->timer);
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *w)
{
	bool did = false;

	stub_lock(&lock);
	if (!w->pending && !w->cancelling) {
		w->pending = true;
		w->dom = stub_in_dom;
		insert(wq, w);
		did = true;
	}
	stub_unlock(&lock);
	return did;
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *d,
			unsigned long delay)
{
	bool did = false;

	stub_lock(&lock);
	if (!d->work.pending && !d->work.cancelling) {
		d->work.pending = true;
		d->work.dom = stub_in_dom;
		arm(wq, d, delay);
		did = true;
	}
	stub_unlock(&lock);
	return did;
}

/* True also while it is being cancelled, and then nothing is queued. */
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *d,
		      unsigned long delay)
{
	bool was = true;

	stub_lock(&lock);
	if (!d->work.cancelling) {
		was = dequeue_delayed(d);
		d->work.pending = true;
		d->work.dom = stub_in_dom;
		arm(wq, d, delay);
	}
	stub_unlock(&lock);
	return was;
}

bool cancel_work(struct work_struct *w)
{
	bool was;

	stub_lock(&lock);
	was = dequeue(w);
	stub_unlock(&lock);
	return was;
}

bool cancel_delayed_work(struct delayed_work *d)
{
	bool was;

	stub_lock(&lock);
	was = dequeue_delayed(d);
	stub_unlock(&lock);
	return was;
}

bool cancel_work_sync(struct work_struct *w)
{
	bool was;

	might_sleep();
	stub_lock(&lock);
	w->cancelling++;
	was = dequeue(w);
	wait_until_done(w);
	w->cancelling--;
	stub_unlock(&lock);
	return was;
}

bool cancel_delayed_work_sync(struct delayed_work *d)
{
	bool was;

	might_sleep();
	stub_lock(&lock);
	d->work.cancelling++;
	was = dequeue_delayed(d);
	wait_until_done(&d->work);
	d->work.cancelling--;
	stub_unlock(&lock);
	return was;
}

bool flush_work(struct work_struct *w)
{
	bool waited = false;

	might_sleep();
	stub_lock(&lock);
	BUG_ON(running == w && "work waits for itself");
	while (w->queued || runs(w)) {
		waited = true;
		pthread_cond_wait(&cond, &lock);
	}
	stub_unlock(&lock);
	return waited;
}

bool flush_delayed_work(struct delayed_work *d)
{
	stub_lock(&lock);
	if (d->armed) {
		list_del_init(&d->timer);
		d->armed = false;
		insert(d->work.wq, &d->work);
	}
	stub_unlock(&lock);
	return flush_work(&d->work);
}

bool work_pending(struct work_struct *w)
{
	bool pending;

	stub_lock(&lock);
	pending = w->pending;
	stub_unlock(&lock);
	return pending;
}

struct work_struct *current_work(void)
{
	return running;
}

void stub_freeze(struct stub_dom *d)
{
	stub_lock(&lock);
	WRITE_ONCE(frozen, d);
	pthread_cond_broadcast(&cond);
	stub_unlock(&lock);
}

bool stub_frozen(void)
{
	struct stub_dom *d = READ_ONCE(frozen);

	return d && d == stub_in_dom;
}
