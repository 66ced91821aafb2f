/* SPDX-License-Identifier: MIT */
/*
 * Sleeping until there may be something to do, for processes that share a CPU
 * with those they wait for: with each other, or their guests' virtual CPUs.
 *
 * What is to be said is said before. Then what comes through a channel, also
 * one that is being established or left, the network or the group ends the
 * sleep, and so does a time that has come. The few things that nobody tells (a
 * channel that the library is establishing, or that is being handed over, a
 * message that another thread queues) are looked for after a millisecond, while
 * there are such; so that a sleep never is the reason why something stands. Not
 * oftener: each look takes the CPU from who is waited for.
 */
#include <poll.h>
#include <stdlib.h>

#include "internal.h"

#define IN_VAIN_CALLS 16u
#define AGAIN_CALLS 2u /* after a sleep in which nothing came */
#define SLEEP_MS 10
#define AWAY (MS / IN_VAIN_CALLS) /* for each call */

struct sleep {
	struct coordinator *c;
	unsigned int n; /* descriptors in c->fds */
	int ms;		/* at most; 0: not at all */
};

/* For each peer's channel and its next, each visitor's, network and group. */
static bool room_for_all(struct coordinator *c)
{
	unsigned int n = 2 * c->n_peers + c->n_visitors + 2;
	struct pollfd *fds;

	if (n <= c->room_fds)
		return true;
	fds = realloc(c->fds, n * sizeof(*fds));
	if (!fds)
		return false;
	c->fds = fds;
	c->room_fds = n;
	return true;
}

static void at_most(struct sleep *s, int ms)
{
	if (ms < s->ms)
		s->ms = ms;
}

static void add_fd(struct sleep *s, int fd, short events)
{
	s->c->fds[s->n++] = (struct pollfd){ .fd = fd, .events = events };
}

/* Returns false if there is something, or something is wrong. */
static bool add_channel(struct sleep *s, ivc_channel *ch, int events)
{
	if (ivc_arm(ch, events))
		return false;
	add_fd(s, ivc_channel_fd(ch), POLLIN);
	return true;
}

static void add_lane(struct sleep *s, struct coord_peer *p)
{
	int events = IVC_READABLE;

	/* Others write only where nothing is queued, and only we empty it. */
	coord_lock(p);
	if (p->waits && p->out)
		events |= IVC_WRITABLE;
	coord_unlock(p);
	/*
	 * From one that is not active nothing is taken at this moment: it may
	 * have something for a long time.
	 */
	if (!add_channel(s, p->lane->ch, events))
		at_most(s, p->active ? 0 : 1);
}

/*
 * It has come to its end without this side, or is being handed over, and then
 * nobody tells what has become of what was written. Nor, for certain, that it
 * ends when this side has said STOP and all that the peer counts is here.
 */
static bool unknown(const struct coord_peer *p)
{
	const struct lane *l = p->lane;

	return p->state == COORD_SUSPENDING && !lane_back_sent(l) &&
	       (!lane_stop_sent(l) || l->in == LANE_THROUGH);
}

static void add_peer(struct sleep *s, struct coord_peer *p)
{
	struct lane *l = p->lane, *next = p->next;

	if (p->error)
		return;
	if (l && l->ch)
		add_lane(s, p);
	if (l && unknown(p))
		at_most(s, 1);
	if (!next || lane_has_heard(next))
		return;
	/* One that is not established is not armed; then its first bytes. */
	if (next->hello == LANE_CONNECTING)
		at_most(s, 1);
	else if (!add_channel(s, next->ch, IVC_READABLE))
		at_most(s, 0);
}

/* Until the next channel is due. */
static void by_the_clock(struct sleep *s)
{
	uint64_t now = coord_now(), end = now + (uint64_t)s->ms * MS;
	struct coord_peer *p;

	LIST_FOREACH (p, &s->c->peers, entry) {
		uint64_t at = p->retry_at > now ? p->retry_at : now;

		if (s->c->ctx && coord_is_ours(p) && at < end)
			at_most(s, (int)((at - now) / MS) + 1);
	}
}

/*
 * What can be sent or said is, or nobody would tell that it is time. Returns
 * false if there is more to do.
 */
static bool said(struct coordinator *c)
{
	struct coord_peer *p;
	int sent = 0;

	LIST_FOREACH (p, &c->peers, entry) {
		if (p->next || (p->lane && (p->state != COORD_ACTIVE ||
					    p->lane->out != LANE_WRITABLE)))
			coord_switch(p);
		if (p->counted)
			sent += coord_push(p);
	}
	return !sent && !c->n_ready;
}

/* In a step. Returns whether all of the time has passed, and nothing came. */
static bool sleep_in_step(struct coordinator *c, int ms)
{
	struct sleep s = { .c = c, .ms = ms };
	struct coord_peer *p;
	struct visitor *v;

	c->period = 1;
	if (!said(c) || !room_for_all(c))
		return false;
	if (c->o.threads)
		at_most(&s, 1);
	LIST_FOREACH (p, &c->peers, entry)
		add_peer(&s, p);
	LIST_FOREACH (v, &c->visitors, entry)
		if (!add_channel(&s, v->ch, IVC_READABLE))
			at_most(&s, 0);
	by_the_clock(&s);
	if (s.ms <= 0)
		return false;
	add_fd(&s, c->ops->fd(c->net), POLLIN);
	if (c->ctx)
		add_fd(&s, c->ctx_fd, POLLIN | POLLPRI);
	c->stats.slept++;
	return !poll(c->fds, s.n, s.ms);
}

void coord_wait(struct coordinator *c, int ms)
{
	if (!coord_step_begin(c))
		return;
	sleep_in_step(c, ms);
	coord_step_end(c);
}

/*
 * How long @calls can take of somebody who does nothing else: emulated, or
 * without a clock that needs no system call, one look at the network alone may
 * be a tenth of a millisecond. So what this call's look took, if it had one,
 * counts for each; several times, for what else a program's progress looks at.
 */
static uint64_t away(const struct coordinator *c, uint64_t now,
		     unsigned int calls)
{
	uint64_t poll_ns = c->calls ? 0 : now - c->now;

	return calls * (AWAY + 4 * poll_ns);
}

/*
 * Progress has found nothing. Who waits for all the others of a collective call
 * may keep the very CPU from them that they need: sched_yield() is nothing to
 * another guest.
 */
void coord_found_nothing(struct coordinator *c)
{
	unsigned int calls = c->vain.again ? AGAIN_CALLS : IN_VAIN_CALLS;
	uint64_t now;

	if (++c->vain.calls < calls)
		return;
	c->vain.calls = 0;
	c->vain.again = false;
	now = coord_now();
	/* So long for so few calls: it does something else between them. */
	if (!c->vain.since || now - c->vain.read > away(c, now, calls))
		c->vain.since = now;
	c->vain.read = now;
	if (now - c->vain.since < 1000ull * c->o.sleep_after_us)
		return;
	c->vain.again = sleep_in_step(c, SLEEP_MS);
	c->vain.read = coord_now();
}
