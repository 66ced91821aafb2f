/* SPDX-License-Identifier: MIT */
/* Contexts of the local transport, and its table of operations. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "local.h"

/*
 * One eventfd is readable while there is an offer, another one while there is
 * an event; the library polls the one that it needs. The program's descriptor
 * is an epoll set of the two, which can only report POLLIN for both. So the
 * eventfd for events is put into the set when the program asks for an event for
 * the first time. A program that takes no events would otherwise be woken for
 * ever.
 */
static int context_fds(struct local_context *lc)
{
	struct epoll_event ev = { .events = EPOLLIN };

	lc->offer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lc->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lc->ctx->fd = epoll_create1(EPOLL_CLOEXEC);
	if (lc->offer_fd < 0 || lc->event_fd < 0 || lc->ctx->fd < 0 ||
	    epoll_ctl(lc->ctx->fd, EPOLL_CTL_ADD, lc->offer_fd, &ev))
		return -errno;
	lc->ctx->offers = (struct pollfd){ lc->offer_fd, POLLIN, 0 };
	lc->ctx->events = (struct pollfd){ lc->event_fd, POLLIN, 0 };
	return 0;
}

static int context_poll_events(struct local_context *lc)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (lc->events_polled)
		return 0;
	if (epoll_ctl(lc->ctx->fd, EPOLL_CTL_ADD, lc->event_fd, &ev))
		return -errno;
	lc->events_polled = true;
	return 0;
}

static int local_open(struct ivc_context *ctx)
{
	struct local_context *lc;
	int ret;

	ret = local_get();
	if (ret)
		return ret;
	lc = calloc(1, sizeof(*lc));
	if (!lc) {
		local_put();
		return -ENOMEM;
	}
	lc->ctx = ctx;
	lc->offer_fd = -1;
	lc->event_fd = -1;
	TAILQ_INIT(&lc->offers);
	/* From here on local_leave() undoes everything. */
	ctx->priv = lc;
	pthread_mutex_lock(&local.lock);
	ret = context_fds(lc);
	LIST_INSERT_HEAD(&local.contexts, lc, node);
	if (!ret)
		ret = local_session_need();
	pthread_mutex_unlock(&local.lock);
	return ret;
}

static int local_enroll(struct ivc_context *ctx)
{
	int ret;

	pthread_mutex_lock(&local.lock);
	ret = local_request_register(ctx->priv);
	pthread_mutex_unlock(&local.lock);
	ctx->domid = 0;
	return ret;
}

static void close_fds(struct local_context *lc)
{
	local_close_fd(&lc->ctx->fd);
	local_close_fd(&lc->offer_fd);
	local_close_fd(&lc->event_fd);
}

static void local_orphan(struct ivc_context *ctx)
{
	if (ctx->priv)
		close_fds(ctx->priv);
}

static void unregister(struct local_context *lc)
{
	struct ivc_msg msg = { .op = IVC_MSG_UNREGISTER, .member = lc->member };

	/*
	 * Wait for the answer, so that the id is free when ivc_unregister()
	 * returns. Meanwhile the context is still in the list.
	 */
	if (lc->member)
		local_request_surely(&msg);
}

static void local_leave(struct ivc_context *ctx)
{
	struct local_context *lc = ctx->priv;
	struct local_offer *o;

	if (!lc)
		return;
	pthread_mutex_lock(&local.lock);
	lc->registered = false;
	local_due_no_context(lc);
	unregister(lc);
	local_context_set_member(lc, 0);
	while ((o = TAILQ_FIRST(&lc->offers)))
		local_offer_drop(lc, o, -ECONNREFUSED);
	LIST_REMOVE(lc, node);
	close_fds(lc);
	ctx->priv = NULL;
	pthread_mutex_unlock(&local.lock);
	free(lc);
	local_put();
}

/* One part of the list of members, into @table. Returns how many they are. */
static int hosts_page(struct local_context *lc, uint64_t *after, bool *more,
		      struct ivc_host *table, int64_t until)
{
	struct ivc_msg msg = { .op = IVC_MSG_HOSTS,
			       .member = lc->member,
			       .hosts = { .after = *after } };
	int ret = local_request(&msg, -1, table, until);

	if (ret)
		return ret == -EINPROGRESS ? -ETIMEDOUT : ret;
	if (!msg.hosted.count) {
		*more = false;
		return 0;
	}
	*more = msg.hosted.more;
	*after = table[msg.hosted.count - 1].member;
	return (int)msg.hosted.count;
}

static int hosts_all(struct local_context *lc, ivc_peer *peers, uint32_t max,
		     uint32_t *written, struct ivc_host *table,
		     int64_t deadline)
{
	int64_t until = local_request_until(deadline);
	uint32_t total = 0;
	uint64_t after = 0;
	bool more = true;
	int i, n;

	while (more) {
		if (!lc->member)
			return -ENODEV;
		n = hosts_page(lc, &after, &more, table, until);
		if (n < 0)
			return n;
		for (i = 0; i < n; i++, total++) {
			if (total >= max)
				continue;
			peers[total] = (ivc_peer){ .id = table[i].id,
						   .member = table[i].member,
						   .local = 1 };
			*written = total + 1;
		}
	}
	return (int)total;
}

static int local_hosts(struct ivc_context *ctx, ivc_peer *peers, uint32_t max,
		       uint32_t *written, int64_t deadline)
{
	struct ivc_host *table = malloc(IVC_TABLE_HOSTS * sizeof(*table));
	int ret;

	if (!table)
		return -ENOMEM;
	*written = 0;
	pthread_mutex_lock(&local.lock);
	ret = hosts_all(ctx->priv, peers, max, written, table, deadline);
	pthread_mutex_unlock(&local.lock);
	free(table);
	return ret;
}

static int local_event(struct ivc_context *ctx, struct ivc_abi_event *ev)
{
	struct local_context *lc = ctx->priv;
	int ret;

	pthread_mutex_lock(&local.lock);
	/* From now on poll() on the program's descriptor reports events. */
	ret = context_poll_events(lc);
	if (ret) {
		pthread_mutex_unlock(&local.lock);
		return ret;
	}
	if (lc->detached) {
		lc->detached = false;
		ev->type = IVC_ABI_EVENT_DETACHED;
	} else if (lc->attached) {
		lc->attached = false;
		ev->type = IVC_ABI_EVENT_ATTACHED;
		ev->status = lc->attach_status;
	} else if (lc->hosts_changed) {
		lc->hosts_changed = false;
		ev->type = IVC_ABI_EVENT_HOSTS;
		ev->generation = lc->generation;
	} else {
		ret = -EAGAIN;
	}
	local_context_signal(lc);
	pthread_mutex_unlock(&local.lock);
	return ret;
}

const struct ivc_transport ivc_local = {
	.open = local_open,
	.enroll = local_enroll,
	.leave = local_leave,
	.hosts = local_hosts,
	.event = local_event,
	.connect = local_connect,
	.accept = local_accept,
	.info = local_info,
	.map = local_map,
	.kick = local_kick,
	.arm = local_arm,
	.delivery = local_delivery,
	.undelivered = local_undelivered,
	.close = local_close,
	.fork = local_fork,
	.orphan = local_orphan,
	.orphan_channel = local_orphan_channel,
	/* The accepter's greeting comes through the socket. */
	.established = POLLIN,
};
