/* SPDX-License-Identifier: MIT */
/*
 * Events of a context: members join and leave, the device is detached and
 * attached.
 *
 * The transport reports only that the group has changed. The library compares
 * the list of members that the program knows with the present list. So no
 * change is lost, however late the program asks for events, and the memory is
 * bounded by the size of the group, not by its history.
 *
 * A detached device has no group: a LEAVE for every known member follows
 * DETACHED, and a JOIN for every present member follows ATTACHED. So a program
 * that follows only JOIN and LEAVE has the right list. GOING and ARRIVED
 * replace DETACHED and ATTACHED when the guest migrates.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/clock.h"
#include "channel.h"
#include "context.h"
#include "entry.h"
#include "timedlock.h"

/* List the members, and begin to compare with the known list. */
static int walk_begin(struct ivc_context *ctx, int64_t deadline)
{
	int ret = ivc_members_get(ctx, &ctx->fresh, deadline);

	/* No group at present: an event of the device says so, or will. */
	if (ret == -ENODEV || ret == -ENOTCONN)
		ctx->fresh.count = 0;
	else if (ret)
		return ret;
	ctx->dirty = false;
	ctx->known_at = 0;
	ctx->fresh_at = 0;
	ctx->walking = true;
	return 0;
}

static void walk_end(struct ivc_context *ctx)
{
	struct ivc_members old = ctx->known;

	ivc_process_lock();
	ctx->known = ctx->fresh;
	ctx->fresh = old;
	ivc_process_unlock();
	ctx->walking = false;
}

/* One step of the walk. Returns 1 with an event, 0 at the end of the lists. */
static int walk_step(struct ivc_context *ctx, struct ivc_event *ev)
{
	const struct ivc_members *old = &ctx->known;
	const struct ivc_members *new = &ctx->fresh;

	for (;;) {
		/*
		 * UINT64_MAX is no member's number: it marks the end of a list.
		 */
		uint64_t gone = UINT64_MAX, come = UINT64_MAX;

		if (ctx->known_at < old->count)
			gone = old->peer[ctx->known_at].member;
		if (ctx->fresh_at < new->count)
			come = new->peer[ctx->fresh_at].member;
		if (gone < come) {
			ev->type = IVC_EVENT_LEAVE;
			ev->peer = old->peer[ctx->known_at++];
			return 1;
		}
		if (come < gone) {
			ev->type = IVC_EVENT_JOIN;
			ev->peer = new->peer[ctx->fresh_at++];
			return 1;
		}
		if (gone == UINT64_MAX) {
			walk_end(ctx);
			return 0;
		}
		ctx->known_at++;
		ctx->fresh_at++;
	}
}

/* Take one event from the transport. Returns 1 if it is for the program. */
static int take(struct ivc_context *ctx, struct ivc_event *ev)
{
	struct ivc_abi_event abi = { 0 };
	int ret = ctx->ops->event(ctx, &abi);

	if (ret)
		return ret;
	ctx->dirty = true;
	switch (abi.type) {
	case IVC_ABI_EVENT_CHANNELS:
		ctx->ended = true;
		ivc_context_scan(ctx);
		return 0;
	case IVC_ABI_EVENT_DETACHED:
		ctx->going = abi.status == -EREMCHG;
		ev->type = ctx->going ? IVC_EVENT_GOING : IVC_EVENT_DETACHED;
		return 1;
	case IVC_ABI_EVENT_ATTACHED:
		ev->type = ctx->going ? IVC_EVENT_ARRIVED : IVC_EVENT_ATTACHED;
		ctx->going = false;
		ev->status = abi.status;
		return 1;
	default:
		return 0;
	}
}

/* Report a channel that a guest's suspension ended. Returns 1 with an event. */
static int ended(struct ivc_context *ctx, struct ivc_event *ev)
{
	struct ivc_channel *ch = ivc_context_ended(ctx);

	if (!ch) {
		ctx->ended = false;
		return 0;
	}
	ev->type = IVC_EVENT_SUSPENDED;
	ev->status = -EREMCHG;
	ev->peer = ch->peer;
	ev->channel = ch;
	return 1;
}

/* Returns 1 with an event, -EAGAIN for none now, or -errno. */
static int next(struct ivc_context *ctx, struct ivc_event *ev, int64_t deadline)
{
	int ret;

	for (;;) {
		if (ctx->ended && ended(ctx, ev))
			return 1;
		if (ctx->walking && walk_step(ctx, ev))
			return 1;
		/*
		 * All events are taken before the members are listed. Otherwise
		 * the descriptor would stay readable for changes that the list
		 * already contains.
		 */
		ret = take(ctx, ev);
		if (ret == 1)
			return 1;
		if (!ret)
			continue;
		if (ret != -EAGAIN || !ctx->dirty)
			return ret;
		ret = walk_begin(ctx, deadline);
		if (ret)
			return ret;
	}
}

/* Another thread may hold the lock for the time of a request. */
static int lock_until(struct ivc_context *ctx, int64_t deadline)
{
	struct timespec ts = ivc_timespec(deadline);

	if (deadline == IVC_NEVER)
		return pthread_mutex_lock(&ctx->lock);
	return ivc_lock_until(&ctx->lock, &ts);
}

static int next_until(struct ivc_context *ctx, struct ivc_event *ev,
		      int64_t deadline)
{
	unsigned int stale = 0;
	int ret;

	for (;;) {
		memset(ev, 0, sizeof(*ev));
		if (lock_until(ctx, deadline))
			return 0;
		ret = next(ctx, ev, deadline);
		pthread_mutex_unlock(&ctx->lock);
		/* The list of members did not come in the caller's time. */
		if (ret == -ETIMEDOUT && ivc_now() >= deadline)
			return 0;
		if (ret != -EAGAIN)
			return ret;
		ret = ivc_context_wait(ctx, &ctx->events, deadline, &stale);
		if (ret == -ETIMEDOUT)
			return 0;
		if (ret)
			return ret;
	}
}

int ivc_next_event(ivc_context *ctx, struct ivc_event *ev, int timeout_ms)
{
	struct ivc_entry entry;
	int ret;

	if (!ev)
		return -EINVAL;
	ret = ivc_enter(ctx, &entry);
	if (ret)
		return ret;
	ret = next_until(ctx, ev, ivc_deadline(timeout_ms));
	ivc_exit(&entry);
	return ret;
}

/* Callbacks for events, as in the paper, on top of ivc_next_event(). */

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
	/* An error after the first event: the next call gets it again. */
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
