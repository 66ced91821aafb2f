/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tcp-internal.h"

#define EVENTS 32

static int timer_open(struct net *n)
{
	n->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return n->timer.fd < 0 ? -errno : tcp_watch(n, &n->timer, false);
}

static void timer_read(struct net *n)
{
	uint64_t count;
	ssize_t ret = read(n->timer.fd, &count, sizeof(count));

	(void)ret;
}

/* Handles timeouts, and idle links that are needed now. */
static void tick_if_due(struct net *n)
{
	if (!n->needed && n->now - n->ticked <= TCP_TICK)
		return;
	n->ticked = n->now;
	n->needed = false;
	/* A sleeping process has to wake for the next tick. */
	if (tcp_tick(n))
		tcp_wake(n, TCP_TICK + 1);
}

static int net_address(struct net *n, void *buf, size_t max)
{
	struct tcp_address a = n->self;

	if (max < sizeof(a))
		return -EMSGSIZE;
	a.version = htole32(1);
	a.count = htole32(a.count);
	memcpy(buf, &a, sizeof(a));
	return sizeof(a);
}

static int net_link(struct net *n, uint64_t name, const void *addr, size_t len,
		    void *owner, struct net_link **link)
{
	struct net_link *l = calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return -ENOMEM;
	ret = tcp_address_check(addr, len, &l->at);
	if (ret) {
		free(l);
		return ret;
	}
	tcp_address_sort(n, &l->at);
	l->watch = (struct tcp_watch){ WATCH_LINK, -1 };
	l->net = n;
	l->name = name;
	l->owner = owner;
	pthread_mutex_init(&l->lock, NULL);
	LIST_INSERT_HEAD(&n->link, l, entry);
	*link = l;
	return 0;
}

static void net_need(struct net_link *l)
{
	tcp_lock(l);
	tcp_need(l);
	tcp_unlock(l);
}

static void net_link_free(struct net_link *l)
{
	if (!l)
		return;
	LIST_REMOVE(l, entry);
	if (l->watch.fd >= 0)
		close(l->watch.fd);
	mirror_free(&l->tx);
	mirror_free(&l->rx);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void *net_post(struct net_link *l, size_t len, bool urgent, int *err)
{
	void *at;

	tcp_lock(l);
	at = tcp_post(l, len, urgent, err);
	tcp_unlock(l);
	return at;
}

static uint64_t net_commit(struct net_link *l, size_t len)
{
	uint64_t end;

	tcp_lock(l);
	end = tcp_commit(l, len);
	tcp_unlock(l);
	return end;
}

static void net_push(struct net_link *l)
{
	tcp_lock(l);
	tcp_push(l);
	tcp_unlock(l);
}

static uint64_t net_gone(struct net_link *l)
{
	uint64_t gone;

	tcp_lock(l);
	gone = tcp_gone(l);
	tcp_unlock(l);
	return gone;
}

/*
 * Received messages may still be read after an end, so the user is told of
 * that, too.
 */
static void link_event(struct net *n, struct net_link *l, uint32_t events)
{
	enum tcp_state state;
	int ret = 0;

	tcp_lock(l);
	if (l->state == LINK_CONNECTING || l->state == LINK_GREETING)
		tcp_connect_event(l, events);
	else if (l->state == LINK_UP && (events & EPOLLOUT))
		tcp_flush(l);
	state = l->state;
	tcp_unlock(l);
	if (state != LINK_UP || !(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return;
	ret = tcp_take_in(l);
	if (ret < 0) {
		tcp_lock(l);
		tcp_broken(l, ret);
		tcp_unlock(l);
	}
	if (ret)
		n->user.ready(n->user.arg, l->owner);
}

static int net_fd(const struct net *n)
{
	return n->epoll;
}

static int net_poll(struct net *n, uint64_t now)
{
	struct epoll_event ev[EVENTS];
	int got;

	n->now = now;
	got = epoll_wait(n->epoll, ev, EVENTS, 0);
	for (int i = 0; i < got; i++) {
		struct tcp_watch *w = ev[i].data.ptr;

		switch (w->kind) {
		case WATCH_LISTENER:
			tcp_accept(n, w);
			break;
		case WATCH_VISITOR:
			tcp_visitor_event(n, (struct tcp_visitor *)w);
			break;
		case WATCH_LINK:
			link_event(n, (struct net_link *)w, ev[i].events);
			break;
		case WATCH_TIMER:
			timer_read(n);
			break;
		}
	}
	/* Last: tcp_need() sets `needed` before it sets the timer. */
	tick_if_due(n);
	return got > 0 ? got : 0;
}

static void net_bye(struct net *n)
{
	struct net_link *l;

	n->closing = true;
	LIST_FOREACH (l, &n->link, entry) {
		tcp_lock(l);
		tcp_say_bye(l);
		tcp_unlock(l);
	}
}

static bool net_done(const struct net *n)
{
	const struct net_link *l;
	const void *msg;
	size_t len;

	LIST_FOREACH (l, &n->link, entry) {
		if (l->state == LINK_IDLE || l->state == LINK_ENDED)
			continue;
		/* Reads the other's goodbye, if it has come. */
		if (l->tx_sent == l->tx_end &&
		    tcp_front((struct net_link *)l, &msg, &len) < 0)
			continue;
		return false;
	}
	return true;
}

static void net_close(struct net *n)
{
	if (!n)
		return;
	while (!LIST_EMPTY(&n->link))
		net_link_free(LIST_FIRST(&n->link));
	while (!LIST_EMPTY(&n->visitors))
		tcp_visitor_drop(n, LIST_FIRST(&n->visitors));
	for (int i = 0; i < 2; i++)
		if (n->listener[i].fd >= 0)
			close(n->listener[i].fd);
	if (n->timer.fd >= 0)
		close(n->timer.fd);
	if (n->epoll >= 0)
		close(n->epoll);
	free((char *)n->o.include);
	free((char *)n->o.exclude);
	free(n);
}

static void net_sever(struct net_link *l)
{
	tcp_lock(l);
	if (l->state == LINK_UP)
		tcp_broken(l, -ECONNRESET);
	tcp_unlock(l);
}

const struct net_ops tcp_ops = {
	.name = "tcp",
	.address = net_address,
	.link = net_link,
	.link_need = net_need,
	.link_free = net_link_free,
	.post = net_post,
	.commit = net_commit,
	.push = net_push,
	.gone = net_gone,
	.front = tcp_front,
	.take = tcp_take,
	.fd = net_fd,
	.poll = net_poll,
	.bye = net_bye,
	.done = net_done,
	.close = net_close,
	.sever = net_sever,
};

/* Copies a string; an empty one becomes NULL. */
static int copy(const char **to, const char *from)
{
	*to = from && *from ? strdup(from) : NULL;
	return from && *from && !*to ? -ENOMEM : 0;
}

int tcp_open(const struct tcp_options *o, const struct net_user *user,
	     uint64_t name, const uint8_t key[16], struct net **np)
{
	struct net *n = calloc(1, sizeof(*n));
	int ret = 0;

	if (!n)
		return -ENOMEM;
	n->epoll = -1;
	n->listener[0].fd = n->listener[1].fd = -1;
	n->timer = (struct tcp_watch){ WATCH_TIMER, -1 };
	n->user = *user;
	n->o = *o;
	n->o.include = n->o.exclude = NULL;
	n->name = name;
	memcpy(n->self.key, key, sizeof(n->self.key));
	if (!o->message_max || o->buffer < 4 * o->message_max ||
	    o->buffer < 4 * TCP_URGENT)
		ret = -EINVAL;
	if (!ret)
		ret = copy(&n->o.include, o->include);
	if (!ret)
		ret = copy(&n->o.exclude, o->exclude);
	if (!ret && getrandom(&n->random, sizeof(n->random), 0) < 0)
		ret = -errno;
	if (!ret) {
		n->epoll = epoll_create1(EPOLL_CLOEXEC);
		ret = n->epoll < 0 ? -errno : timer_open(n);
	}
	if (!ret)
		ret = tcp_listen(n);
	if (ret) {
		net_close(n);
		return ret;
	}
	*np = n;
	return 0;
}
