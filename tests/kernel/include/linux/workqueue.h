/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work items, run by threads: stub/work.c. As in Linux a work item never runs
 * twice at once, may be queued while it runs, and may free itself; several
 * items of a queue run side by side.
 */
#ifndef STUB_LINUX_WORKQUEUE_H
#define STUB_LINUX_WORKQUEUE_H

#include <linux/jiffies.h>
#include <linux/list.h>

struct workqueue_struct;
struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	work_func_t func;
	bool pending;	/* queued, or its timer runs */
	bool queued;	/* in a queue's list */
	u32 cancelling; /* as long as it is not 0, nothing queues it */
	struct list_head node;
	struct workqueue_struct *wq;
	void *dom; /* who has queued it */
};

struct delayed_work {
	struct work_struct work;
	bool armed;
	u64 at; /* ns */
	struct list_head timer;
};

#define __WORK_INITIALIZER(name, fn)                                           \
	{                                                                      \
		.func = (fn), .node = LIST_HEAD_INIT((name).node)              \
	}
#define DECLARE_WORK(name, fn)                                                 \
	struct work_struct name = __WORK_INITIALIZER(name, fn)
#define DECLARE_DELAYED_WORK(name, fn)                                         \
	struct delayed_work name = {                                           \
		.work = __WORK_INITIALIZER((name).work, fn),                   \
		.timer = LIST_HEAD_INIT((name).timer),                         \
	}
#define INIT_WORK(w, fn) stub_work_init(w, fn)
#define INIT_DELAYED_WORK(d, fn) stub_delayed_work_init(d, fn)

void stub_work_init(struct work_struct *w, work_func_t fn);
void stub_delayed_work_init(struct delayed_work *d, work_func_t fn);

#define WQ_UNBOUND 2
#define WQ_FREEZABLE 4
#define WQ_MEM_RECLAIM 8
#define WQ_HIGHPRI 16

extern struct workqueue_struct *system_wq, *system_freezable_wq,
	*system_unbound_wq, *system_long_wq;

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
					 int max_active, ...);
void destroy_workqueue(struct workqueue_struct *wq);
void flush_workqueue(struct workqueue_struct *wq);
void drain_workqueue(struct workqueue_struct *wq);
bool queue_work(struct workqueue_struct *wq, struct work_struct *w);
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *d,
			unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *d,
		      unsigned long delay);
bool cancel_work(struct work_struct *w);
bool cancel_work_sync(struct work_struct *w);
bool cancel_delayed_work(struct delayed_work *d);
bool cancel_delayed_work_sync(struct delayed_work *d);
bool flush_work(struct work_struct *w);
bool flush_delayed_work(struct delayed_work *d);
bool work_pending(struct work_struct *w);
struct work_struct *current_work(void);

#define delayed_work_pending(d) work_pending(&(d)->work)
#define schedule_work(w) queue_work(system_wq, w)
#define schedule_delayed_work(d, delay) queue_delayed_work(system_wq, d, delay)

static inline struct delayed_work *to_delayed_work(struct work_struct *w)
{
	return container_of(w, struct delayed_work, work);
}

#endif
