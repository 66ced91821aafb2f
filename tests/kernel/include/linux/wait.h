/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wait queues and completions: stub/wait.c. Whoever waits looks again at each
 * wake-up of any queue of the program, so a wait promises no order.
 */
#ifndef STUB_LINUX_WAIT_H
#define STUB_LINUX_WAIT_H

#include <linux/jiffies.h>
#include <linux/mutex.h>

typedef struct wait_queue_head {
	u32 wakeups;
} wait_queue_head_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name)                                    \
	{                                                                      \
		0                                                              \
	}
#define DECLARE_WAIT_QUEUE_HEAD(name)                                          \
	wait_queue_head_t name = __WAIT_QUEUE_HEAD_INITIALIZER(name)

static inline void init_waitqueue_head(wait_queue_head_t *wq)
{
	wq->wakeups = 0;
}

void stub_wake(wait_queue_head_t *wq);
/* The number of wake-ups so far, of all queues. */
u64 stub_wakeups(void);
/* Sleep until there is a further one, @ms have passed (<0: for ever), or the
 * task is killed.
 */
void stub_wait(u64 seen, long ms);
bool stub_killed(void);

#define wake_up(wq) stub_wake(wq)
#define wake_up_all(wq) stub_wake(wq)
#define wake_up_interruptible(wq) stub_wake(wq)
#define wake_up_interruptible_all(wq) stub_wake(wq)
#define wake_up_poll(wq, mask) stub_wake(wq)
#define wake_up_interruptible_poll(wq, mask) stub_wake(wq)
#define waitqueue_active(wq) ((void)(wq), true)

#define wait_event(wq, cond)                                                   \
	do {                                                                   \
		u64 seen_;                                                     \
                                                                               \
		might_sleep();                                                 \
		while (seen_ = stub_wakeups(), !(cond))                        \
			stub_wait(seen_, -1);                                  \
		(void)(wq);                                                    \
	} while (0)

/* At least one jiffy is left if the condition became true. */
#define wait_event_timeout(wq, cond, timeout)                                  \
	({                                                                     \
		unsigned long end_ = jiffies + (timeout);                      \
		long left_ = 1;                                                \
		u64 seen_;                                                     \
                                                                               \
		might_sleep();                                                 \
		while (seen_ = stub_wakeups(), !(cond)) {                      \
			left_ = (long)(end_ - jiffies);                        \
			if (left_ <= 0) {                                      \
				left_ = !!(cond);                              \
				break;                                         \
			}                                                      \
			stub_wait(seen_, (long)jiffies_to_msecs(left_) + 1);   \
			left_ = max_t(long, (long)(end_ - jiffies), 1);        \
		}                                                              \
		(void)(wq);                                                    \
		left_;                                                         \
	})

#define wait_event_killable(wq, cond)                                          \
	({                                                                     \
		int ret_ = 0;                                                  \
		u64 seen_;                                                     \
                                                                               \
		might_sleep();                                                 \
		while (seen_ = stub_wakeups(), !(cond)) {                      \
			if (stub_killed()) {                                   \
				ret_ = -ERESTARTSYS;                           \
				break;                                         \
			}                                                      \
			stub_wait(seen_, -1);                                  \
		}                                                              \
		(void)(wq);                                                    \
		ret_;                                                          \
	})
#define wait_event_interruptible(wq, cond) wait_event_killable(wq, cond)

struct completion {
	unsigned int done;
	wait_queue_head_t wq;
};

#define COMPLETION_INITIALIZER(name)                                           \
	{                                                                      \
		0, __WAIT_QUEUE_HEAD_INITIALIZER((name).wq)                    \
	}
#define DECLARE_COMPLETION(name)                                               \
	struct completion name = COMPLETION_INITIALIZER(name)
#define DECLARE_COMPLETION_ONSTACK(name) DECLARE_COMPLETION(name)

void init_completion(struct completion *c);
void reinit_completion(struct completion *c);
void complete(struct completion *c);
void complete_all(struct completion *c);
bool completion_done(struct completion *c);
void wait_for_completion(struct completion *c);
unsigned long wait_for_completion_timeout(struct completion *c,
					  unsigned long timeout);
int wait_for_completion_killable(struct completion *c);
long wait_for_completion_killable_timeout(struct completion *c,
					  unsigned long timeout);

#endif
