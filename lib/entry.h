/* SPDX-License-Identifier: MIT */
/*
 * Calls that are running on a context, and how ivc_unregister() ends them.
 *
 * ivc_unregister() makes calls that wait return -ECANCELED, and continues only
 * when all calls have returned, since they use the context's descriptors and
 * lists. A callback of ivc_dispatch() does not count as a call: it may
 * unregister its context, and ivc_dispatch() keeps the memory until it returns.
 *
 * No function of the library is a cancellation point (pthread_cancel(3)). A
 * thread that was cancelled inside would leave a lock held, a doorbell that no
 * thread polls, and a count that never returns to 0. So cancellation is
 * disabled inside; a pending request acts at the program's next cancellation
 * point.
 */
#ifndef IVC_ENTRY_H
#define IVC_ENTRY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ivc_context;

/* For calls without a context. Returns the argument of ivc_cancel_on(). */
static inline int ivc_cancel_off(void)
{
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	return old;
}

static inline void ivc_cancel_on(int old)
{
	pthread_setcancelstate(old, &old);
}

struct ivc_entry {
	struct ivc_context *ctx;
	int cancel;
};

/* Returns 0 or -errno. ivc_exit() only after 0. @ctx may be NULL: -EINVAL. */
int ivc_enter(struct ivc_context *ctx, struct ivc_entry *entry);
void ivc_exit(struct ivc_entry *entry);

/* For a new context. After a failure, too, ivc_context_drop() is due. */
int ivc_entry_init(struct ivc_context *ctx);
/* Make all calls return, and wait until they have. */
void ivc_entry_close(struct ivc_context *ctx);

bool ivc_entry_cancelled(struct ivc_context *ctx);

/* Count a reference to the context's memory. drop: free it with the last. */
void ivc_context_hold(struct ivc_context *ctx);
void ivc_context_drop(struct ivc_context *ctx);

/*
 * Like ivc_poll(). Returns -ECANCELED when @ctx is being unregistered; @ctx may
 * be NULL.
 */
int ivc_entry_poll(const struct ivc_context *ctx, int fd, short events,
		   int64_t deadline);

#endif /* IVC_ENTRY_H */
