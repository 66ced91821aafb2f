/* SPDX-License-Identifier: MIT */
/* See entry.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../common/clock.h"
#include "context.h"
#include "entry.h"

int ivc_entry_init(struct ivc_context *ctx)
{
	int ret = 0;

	pthread_mutex_init(&ctx->entry_lock, NULL);
	pthread_cond_init(&ctx->out, NULL);
	ctx->holders = 1;
	ivc_process_lock();
	ctx->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ctx->cancel_fd < 0)
		ret = -errno;
	ivc_process_unlock();
	return ret;
}

int ivc_enter(struct ivc_context *ctx, struct ivc_entry *entry)
{
	int ret = 0;

	if (!ctx)
		return -EINVAL;
	if (ivc_context_foreign(ctx))
		return -ESTALE;
	entry->ctx = ctx;
	entry->cancel = ivc_cancel_off();
	pthread_mutex_lock(&ctx->entry_lock);
	if (ctx->cancelled)
		ret = -ECANCELED;
	else
		ctx->inside++;
	pthread_mutex_unlock(&ctx->entry_lock);
	if (ret)
		ivc_cancel_on(entry->cancel);
	return ret;
}

void ivc_exit(struct ivc_entry *entry)
{
	struct ivc_context *ctx = entry->ctx;

	pthread_mutex_lock(&ctx->entry_lock);
	if (!--ctx->inside && ctx->cancelled)
		pthread_cond_signal(&ctx->out);
	pthread_mutex_unlock(&ctx->entry_lock);
	/* From here on the context may be freed. */
	ivc_cancel_on(entry->cancel);
}

void ivc_entry_close(struct ivc_context *ctx)
{
	uint64_t one = 1;
	ssize_t ret;

	pthread_mutex_lock(&ctx->entry_lock);
	ctx->cancelled = true;
	/* The counter is never read, so every present and later poll ends. */
	ret = write(ctx->cancel_fd, &one, sizeof(one));
	(void)ret;
	while (ctx->inside)
		pthread_cond_wait(&ctx->out, &ctx->entry_lock);
	pthread_mutex_unlock(&ctx->entry_lock);
}

bool ivc_entry_cancelled(struct ivc_context *ctx)
{
	bool cancelled;

	pthread_mutex_lock(&ctx->entry_lock);
	cancelled = ctx->cancelled;
	pthread_mutex_unlock(&ctx->entry_lock);
	return cancelled;
}

void ivc_context_hold(struct ivc_context *ctx)
{
	pthread_mutex_lock(&ctx->entry_lock);
	ctx->holders++;
	pthread_mutex_unlock(&ctx->entry_lock);
}

void ivc_context_drop(struct ivc_context *ctx)
{
	bool last;

	/* A thread of the parent may have held the lock: the memory stays. */
	if (ivc_context_foreign(ctx))
		return;
	pthread_mutex_lock(&ctx->entry_lock);
	last = !--ctx->holders;
	pthread_mutex_unlock(&ctx->entry_lock);
	if (!last)
		return;
	pthread_mutex_destroy(&ctx->entry_lock);
	pthread_cond_destroy(&ctx->out);
	free(ctx);
}

int ivc_entry_poll(const struct ivc_context *ctx, int fd, short events,
		   int64_t deadline)
{
	struct pollfd pfd[] = {
		{ .fd = fd, .events = events },
		{ .fd = ctx ? ctx->cancel_fd : -1, .events = POLLIN },
	};
	int ret = ivc_ppoll(pfd, 2, deadline);

	if (ret > 0 && pfd[1].revents)
		return -ECANCELED;
	return ret > 0 ? pfd[0].revents : ret;
}
