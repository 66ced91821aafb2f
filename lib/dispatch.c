/* SPDX-License-Identifier: MIT */
/* Events as callbacks: as the paper has them, on top of the queue. */
#include <errno.h>
#include <stdlib.h>

#include "context.h"
#include "entry.h"

static int suspended(ivc_context *ctx, const struct ivc_callbacks *cb,
		     const struct ivc_event *ev, void *arg)
{
	void *unread;
	ssize_t len;

	if (!cb->suspended)
		return 0;
	len = ivc_unread(ev->channel, &unread);
	if (len < 0)
		return (int)len;
	/* The callback may be a cancellation point. */
	pthread_cleanup_push(free, unread);
	cb->suspended(ctx, ev->channel, unread, (size_t)len, arg);
	pthread_cleanup_pop(1);
	return 0;
}

static int call(ivc_context *ctx, const struct ivc_callbacks *cb,
		const struct ivc_event *ev, void *arg)
{
	switch (ev->type) {
	case IVC_EVENT_JOIN:
		if (cb->join)
			cb->join(ctx, &ev->peer, arg);
		break;
	case IVC_EVENT_LEAVE:
		if (cb->leave)
			cb->leave(ctx, &ev->peer, arg);
		break;
	case IVC_EVENT_DETACHED:
		if (cb->detached)
			cb->detached(ctx, arg);
		break;
	case IVC_EVENT_ATTACHED:
		if (cb->attached)
			cb->attached(ctx, ev->status, arg);
		break;
	case IVC_EVENT_GOING:
		if (cb->going)
			cb->going(ctx, arg);
		break;
	case IVC_EVENT_ARRIVED:
		if (cb->arrived)
			cb->arrived(ctx, ev->status, arg);
		break;
	case IVC_EVENT_SUSPENDED:
		return suspended(ctx, cb, ev, arg);
	}
	return 0;
}

static int dispatch(ivc_context *ctx, const struct ivc_callbacks *cb, void *arg,
		    int timeout_ms)
{
	struct ivc_event ev;
	int n = 0, ret;

	for (;;) {
		ret = ivc_next_event(ctx, &ev, n ? 0 : timeout_ms);
		if (ret <= 0)
			break;
		ret = call(ctx, cb, &ev, arg);
		if (ret)
			break;
		n++;
	}
	/* What went wrong behind the first is found again by the next call. */
	return n ? n : ret;
}

static void drop(void *ctx)
{
	ivc_context_drop(ctx);
}

int ivc_dispatch(ivc_context *ctx, const struct ivc_callbacks *cb, void *arg,
		 int timeout_ms)
{
	int ret;

	if (!ctx || !cb)
		return -EINVAL;
	if (ivc_context_foreign(ctx))
		return -ESTALE;
	/* A callback may unregister the context, or its thread be cancelled. */
	ivc_context_hold(ctx);
	pthread_cleanup_push(drop, ctx);
	ret = dispatch(ctx, cb, arg, timeout_ms);
	pthread_cleanup_pop(1);
	return ret;
}
