/* SPDX-License-Identifier: MIT */
/*
 * Sleeping until there may be something to do, for processes that share a CPU
 * with those they wait for: with each other, or their guests' virtual CPUs.
 *
 * What comes through a channel, the network or the group ends the sleep. What
 * nobody tells (a time that has come, a channel that is being established, a
 * queue that waits for a ring's room in another one's order) is looked for
 * after a while; so that a sleep never is the reason why something stands.
 */
#include <poll.h>
#include <stdlib.h>

#include "internal.h"

#define IN_VAIN_CALLS 16u
#define SLEEP_MS 10
#define AWAY MS

/* Lanes, and the network and the group. */
static struct pollfd *room_for(struct coordinator *c)
{
	unsigned int n = c->n_active + 2;
	struct pollfd *fds;

	if (n > c->room_fds) {
		fds = realloc(c->fds, n * sizeof(*fds));
		if (!fds)
			return NULL;
		c->fds = fds;
		c->room_fds = n;
	}
	return c->fds;
}

/*
 * How long at most, in ms: what is on its way from one state to another has no
 * descriptor, nor has a message that another thread queues meanwhile.
 */
static int bound(const struct coordinator *c, int ms)
{
	const struct coord_peer *p;

	if (c->o.threads || !LIST_EMPTY(&c->visitors) || c->n_look)
		return 1;
	LIST_FOREACH (p, &c->peers, entry)
		if (p->next || (p->lane && p->state != COORD_ACTIVE))
			return 1;
	return ms;
}

/* False: there is something, or something is wrong, as reading will tell. */
static bool nothing_there(struct coord_peer *p)
{
	bool queued;

	if (!p->lane || !p->lane->ch)
		return false;
	/* Others write only where nothing is queued, and only we empty it. */
	coord_lock(p);
	queued = p->waits && p->out;
	coord_unlock(p);
	return !ivc_arm(p->lane->ch,
			queued ? IVC_READABLE | IVC_WRITABLE : IVC_READABLE);
}

/* In a step. */
static void sleep_in_step(struct coordinator *c, int ms)
{
	struct pollfd *fds = room_for(c);
	unsigned int i, n = 0;

	if (!fds)
		return;
	for (i = 0; i < c->n_active; i++) {
		struct coord_peer *p = c->active[i];

		if (!nothing_there(p))
			return;
		fds[n++] = (struct pollfd){ .fd = ivc_channel_fd(p->lane->ch),
					    .events = POLLIN };
	}
	fds[n++] =
		(struct pollfd){ .fd = c->ops->fd(c->net), .events = POLLIN };
	if (c->ctx)
		fds[n++] = (struct pollfd){ .fd = c->ctx_fd,
					    .events = POLLIN | POLLPRI };
	poll(fds, n, bound(c, ms));
	c->period = 1;
	c->stats.slept++;
}

void coord_wait(struct coordinator *c, int ms)
{
	if (!coord_step_begin(c))
		return;
	sleep_in_step(c, ms);
	coord_step_end(c);
}

/*
 * Progress has found nothing. Who waits for all the others of a collective call
 * may keep the very CPU from them that they need: sched_yield() is nothing to
 * another guest.
 */
void coord_in_vain(struct coordinator *c)
{
	uint64_t now;

	if (++c->vain.calls < IN_VAIN_CALLS)
		return;
	c->vain.calls = 0;
	now = coord_now();
	/* So long for so few calls: it does something else between them. */
	if (!c->vain.since || now - c->vain.read > AWAY)
		c->vain.since = now;
	c->vain.read = now;
	if (now - c->vain.since < 1000ull * c->o.sleep_after_us)
		return;
	sleep_in_step(c, SLEEP_MS);
	c->vain.read = coord_now();
}
