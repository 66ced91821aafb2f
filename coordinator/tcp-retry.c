/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "tcp-internal.h"

#define BACKOFF_MIN (2 * MS)
/* At least so many attempts fit into the timeout, however short it is. */
#define BACKOFF_TRIES 8

/* Spreads the attempts of two processes that collide. */
static uint64_t jitter(struct net *n, uint64_t below)
{
	n->random = n->random * 6364136223846793005ull + 1442695040888963407ull;
	return (n->random >> 33) % below;
}

void tcp_retry_later(struct net_link *l, int error)
{
	uint64_t timeout = l->net->o.timeout_s * SECOND;
	uint64_t wait = BACKOFF_MIN << (l->tries < 9 ? l->tries : 9);

	if (wait > TCP_BACKOFF_MAX)
		wait = TCP_BACKOFF_MAX;
	/*
	 * In lacks() the peer needs attempts in the second half of the timeout.
	 */
	if (wait > timeout / BACKOFF_TRIES)
		wait = timeout / BACKOFF_TRIES;
	l->tries++;
	l->attempt = 0;
	l->error = error;
	l->state = LINK_WAITING;
	l->retry_at = l->net->now + wait / 2 + jitter(l->net, wait);
	tcp_wake(l->net, TCP_TICK + 1);
	if (!l->deadline)
		l->deadline = l->net->now + l->net->o.timeout_s * SECOND;
}

void tcp_broken(struct net_link *l, int error)
{
	/* This also removes the socket from epoll. */
	if (l->watch.fd >= 0)
		close(l->watch.fd);
	l->watch.fd = -1;
	l->watching_out = false;
	if (l->state == LINK_ENDED || l->state == LINK_IDLE)
		return;
	if (l->bye_heard || (l->net->closing && l->bye_said)) {
		l->state = LINK_ENDED;
		l->error = -EPIPE;
		return;
	}
	tcp_retry_later(l, error);
}

void tcp_need(struct net_link *l)
{
	if (l->state != LINK_IDLE)
		return;
	/* Only the thread that polls makes connections. */
	l->state = LINK_WAITING;
	l->error = -EHOSTUNREACH;
	l->net->needed = true;
	tcp_wake(l->net, 1);
}
