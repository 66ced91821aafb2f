/* SPDX-License-Identifier: MIT */
/* Contexts: joining and leaving a group, and listing its members. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/clock.h"
#include "channel.h"
#include "context.h"
#include "entry.h"

/*
 * How long to sleep while the descriptor stays readable for something that this
 * caller does not take, such as an event during an accept. The time doubles
 * with each sleep.
 */
#define IVC_NAP_MIN IVC_MS
#define IVC_NAP_SHIFT_MAX 5

ivc_context *ivc_register(uint64_t magic, uint32_t id)
{
	struct ivc_context *ctx;
	int cancel, ret;

	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	cancel = ivc_cancel_off();
	ctx->ops = &ivc_xen;
	ctx->fd = -1;
	ctx->magic = magic;
	ctx->id = id;
	ctx->dirty = true;
	pthread_mutex_init(&ctx->lock, NULL);
	ivc_process_add_context(ctx);

	ret = ivc_entry_init(ctx);
	if (!ret)
		ret = ivc_transport_open(ctx);
	if (!ret)
		ret = ctx->ops->enroll(ctx);
	if (ret)
		goto err_context;
	ivc_cancel_on(cancel);
	return ctx;

err_context:
	ivc_unregister(ctx);
	ivc_cancel_on(cancel);
	errno = -ret;
	return NULL;
}

/*
 * A channel can outlive its context, and any thread can close the channel. So
 * the lock of the process guards the relation between channels and contexts.
 * The lock is taken when a channel is made or closed, never for data.
 */

void ivc_context_add(struct ivc_context *ctx, struct ivc_channel *ch)
{
	ivc_process_lock();
	ch->ctx = ctx;
	LIST_INSERT_HEAD(&ctx->channels, ch, in_ctx);
	ivc_process_unlock();
}

void ivc_context_forget(struct ivc_channel *ch)
{
	ivc_process_lock();
	if (ch->ctx) {
		if (ch->ctx->scan == ch)
			ch->ctx->scan = LIST_NEXT(ch, in_ctx);
		LIST_REMOVE(ch, in_ctx);
		ch->ctx = NULL;
	}
	ivc_process_unlock();
}

void ivc_context_scan(struct ivc_context *ctx)
{
	ivc_process_lock();
	ctx->scan = LIST_FIRST(&ctx->channels);
	ivc_process_unlock();
}

struct ivc_channel *ivc_context_ended(struct ivc_context *ctx)
{
	struct ivc_channel *ch;

	ivc_process_lock();
	for (ch = ctx->scan; ch; ch = LIST_NEXT(ch, in_ctx))
		if (!ch->told && ivc_channel_status(ch) == -EREMCHG)
			break;
	if (ch)
		ch->told = true;
	ctx->scan = ch ? LIST_NEXT(ch, in_ctx) : NULL;
	ivc_process_unlock();
	return ch;
}

static void forget_all(struct ivc_context *ctx)
{
	struct ivc_channel *ch;

	ivc_process_lock();
	while ((ch = LIST_FIRST(&ctx->channels))) {
		LIST_REMOVE(ch, in_ctx);
		ch->ctx = NULL;
	}
	ivc_process_unlock();
}

static void free_lists(struct ivc_context *ctx)
{
	free(ctx->listed.peer);
	free(ctx->known.peer);
	free(ctx->fresh.peer);
}

void ivc_context_orphan(struct ivc_context *ctx)
{
	ctx->ops->orphan(ctx);
	if (ctx->cancel_fd >= 0)
		close(ctx->cancel_fd);
	ctx->cancel_fd = -1;
}

/* In a child: no lock, which a thread of the parent may have held. */
static void free_orphan(struct ivc_context *ctx)
{
	ivc_context_orphan(ctx);
	free(ctx->priv);
	free_lists(ctx);
	/*
	 * With more holders, fork() was called in a callback, which may use it.
	 */
	if (ctx->holders == 1)
		free(ctx);
}

void ivc_unregister(ivc_context *ctx)
{
	int cancel;

	if (!ctx)
		return;
	if (ivc_context_foreign(ctx)) {
		free_orphan(ctx);
		return;
	}
	cancel = ivc_cancel_off();
	ivc_entry_close(ctx);
	forget_all(ctx);
	ctx->ops->leave(ctx);
	ivc_process_remove_context(ctx);
	free_lists(ctx);
	pthread_mutex_destroy(&ctx->lock);
	ivc_context_drop(ctx);
	ivc_cancel_on(cancel);
}

int ivc_context_fd(const ivc_context *ctx)
{
	if (!ctx)
		return -EINVAL;
	return ivc_context_foreign(ctx) ? -ESTALE : ctx->fd;
}

static int by_member(const void *a, const void *b)
{
	const ivc_peer *x = a, *y = b;

	return (x->member > y->member) - (x->member < y->member);
}

int ivc_hosts(ivc_context *ctx, ivc_peer *peers, unsigned int max)
{
	struct ivc_entry entry;
	uint32_t written = 0;
	int total;

	if (max && !peers)
		return -EINVAL;
	total = ivc_enter(ctx, &entry);
	if (total)
		return total;
	total = ctx->ops->hosts(ctx, peers, max, &written, IVC_NEVER);
	ivc_exit(&entry);
	if (written > 1)
		qsort(peers, written, sizeof(*peers), by_member);
	return total;
}

static int members_grow(struct ivc_members *list, uint32_t room)
{
	ivc_peer *peer;

	ivc_process_lock();
	peer = reallocarray(list->peer, room + 1, sizeof(*peer));
	if (peer)
		list->peer = peer;
	ivc_process_unlock();
	if (!peer)
		return -ENOMEM;
	list->room = room;
	return 0;
}

int ivc_members_get(struct ivc_context *ctx, struct ivc_members *list,
		    int64_t deadline)
{
	uint32_t want = 32;
	uint32_t written;
	int total, ret;

	list->count = 0;
	for (;;) {
		if (list->room < want) {
			ret = members_grow(list, want);
			if (ret)
				return ret;
		}
		written = 0;
		total = ctx->ops->hosts(ctx, list->peer, list->room, &written,
					deadline);
		if (total < 0)
			return total;
		if ((uint32_t)total <= list->room)
			break;
		/* More members may join before the next request. */
		want = (uint32_t)total + 32;
	}
	list->count = written;
	if (written > 1)
		qsort(list->peer, written, sizeof(*list->peer), by_member);
	memset(&list->peer[written], 0, sizeof(*list->peer));
	return 0;
}

const ivc_peer *ivc_get_hosts(ivc_context *ctx)
{
	const ivc_peer *peers = NULL;
	struct ivc_entry entry;
	int ret;

	ret = ivc_enter(ctx, &entry);
	if (!ret) {
		pthread_mutex_lock(&ctx->lock);
		ret = ivc_members_get(ctx, &ctx->listed, IVC_NEVER);
		peers = ctx->listed.peer;
		pthread_mutex_unlock(&ctx->lock);
		ivc_exit(&entry);
	}
	if (ret) {
		errno = -ret;
		return NULL;
	}
	return peers;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int ivc_context_wait(const struct ivc_context *ctx, const struct pollfd *what,
		     int64_t deadline, unsigned int *stale)
{
	int64_t now = ivc_now();
	int ret;

	if (now >= deadline)
		return -ETIMEDOUT;
	ret = ivc_entry_poll(ctx, what->fd, what->events,
			     *stale ? now : deadline);
	if (!ret && *stale) {
		/* Another caller has taken the event: sleep in poll(). */
		*stale = 0;
		ret = ivc_entry_poll(ctx, what->fd, what->events, deadline);
	}
	if (ret < 0)
		return ret;
	if (!ret)
		return -ETIMEDOUT;
	if (!*stale) {
		*stale = 1;
		return 0;
	}
	/*
	 * The descriptor was readable before, and yet the caller found nothing:
	 * there is an event for another caller, which may never take it. poll()
	 * would return at once again, so sleep for a time.
	 */
	ret = ivc_entry_poll(ctx, -1, 0,
			     sooner(deadline, now + (IVC_NAP_MIN << *stale)));
	if (*stale < IVC_NAP_SHIFT_MAX)
		++*stale;
	return ret < 0 ? ret : 0;
}

static int find_once(ivc_context *ctx, struct ivc_members *list, uint32_t id,
		     int64_t deadline, ivc_peer *peer)
{
	uint32_t i;
	int ret;

	ret = ivc_members_get(ctx, list, deadline);
	if (ret)
		return ret;
	for (i = 0; i < list->count; i++) {
		if (list->peer[i].id == id) {
			*peer = list->peer[i];
			return 0;
		}
	}
	return -EAGAIN;
}

/*
 * ivc_find() does not take events, which ivc_next_event() returns to the
 * program. So while an event waits there, ivc_find() lists the members at
 * intervals.
 */
int ivc_find(ivc_context *ctx, uint32_t id, int timeout_ms, ivc_peer *peer)
{
	struct ivc_members list = { 0 };
	unsigned int stale = 0;
	struct ivc_entry entry;
	int64_t deadline;
	int ret;

	if (!peer)
		return -EINVAL;
	ret = ivc_enter(ctx, &entry);
	if (ret)
		return ret;
	deadline = ivc_deadline(timeout_ms);
	for (;;) {
		ret = find_once(ctx, &list, id, deadline, peer);
		/* The guest is above its rate of requests: try again later. */
		if (ret == -EBUSY)
			stale = IVC_NAP_SHIFT_MAX;
		else if (ret != -EAGAIN)
			break;
		ret = ivc_context_wait(ctx, &ctx->events, deadline, &stale);
		if (ret)
			break;
	}
	free(list.peer);
	ivc_exit(&entry);
	return ret;
}
