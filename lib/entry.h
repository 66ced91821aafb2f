/* SPDX-License-Identifier: MIT */
/*
 * Calls that are under way on a context, and how they end when it does.
 *
 * ivc_unregister() makes those that wait return -ECANCELED, and goes on only
 * when all are out: they use the context's descriptors and lists. A callback of
 * ivc_dispatch() is not such a call, and may unregister the context that it was
 * called for; ivc_dispatch() holds the memory meanwhile.
 *
 * No function of the library is a cancellation point (pthread_cancel(3)): a
 * thread that ended inside would leave locks held, a doorbell that nobody polls
 * and a count that never comes to 0. So cancellation is off inside; a request
 * for it acts when the program's own next cancellation point comes.
 */
#ifndef IVC_ENTRY_H
#define IVC_ENTRY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ivc_context;

/* For calls that have no context. Returns what ivc_cancel_on() takes. */
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

/* 0, or why there is no entry; then no exit, either. @ctx may be NULL. */
int ivc_enter(struct ivc_context *ctx, struct ivc_entry *entry);
void ivc_exit(struct ivc_entry *entry);

/* Of a new context; on failure as well there is something to destroy. */
int ivc_entry_init(struct ivc_context *ctx);
/* Make all come out, and wait until they have. */
void ivc_entry_close(struct ivc_context *ctx);

bool ivc_entry_cancelled(struct ivc_context *ctx);

/* Keep the context's memory. drop: free it, if it was the last to do so. */
void ivc_context_hold(struct ivc_context *ctx);
void ivc_context_drop(struct ivc_context *ctx);

/*
 * As ivc_poll(); -ECANCELED when the context of @ctx is being unregistered.
 * @ctx NULL: of none.
 */
int ivc_entry_poll(const struct ivc_context *ctx, int fd, short events,
		   int64_t deadline);

#endif /* IVC_ENTRY_H */
