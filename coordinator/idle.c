/* SPDX-License-Identifier: MIT */
/*
 * Sleeps until there may be something to do. Meant for a process that shares a
 * CPU with the process for which it waits, in the same guest or in another.
 *
 * Before a sleep, everything that can be sent is sent. Then these end the
 * sleep: data in a channel, also in one that is being made or left; the
 * network; the group; and the clock. A few things cause no event: libivc
 * establishing a channel, a hand-over of the guest's driver, a message that
 * another thread queues. While one of these is awaited, the sleep ends after a
 * millisecond. So a sleep never keeps a pair from going on. It is not shorter,
 * since each poll takes the CPU from the process that is waited for.
 */
#include <poll.h>
#include <stdlib.h>

#include "internal.h"

#define IN_VAIN_CALLS 16u
#define AGAIN_CALLS 2u /* the same, after a sleep that found nothing */
#define SLEEP_MS 10
#define AWAY (MS / IN_VAIN_CALLS) /* ns that an idle rank's call may take */

struct sleep {
	struct coordinator *c;
	unsigned int n; /* number of descriptors in c->fds */
	int ms;		/* the longest sleep; 0: none */
};

/*
 * Room for each peer's lane and its next, each visitor, the network and the
 * group.
 */
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

/* Returns false if the channel is ready, or has ended. */
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

	/*
	 * Other threads write only while nothing is queued, and only this
	 * thread empties the queue.
	 */
	coord_lock(p);
	if (p->waits && p->out)
		events |= IVC_WRITABLE;
	coord_unlock(p);
	/*
	 * A lane that is not active is not read at the moment. It may stay
	 * readable for a long time.
	 */
	if (!add_channel(s, p->lane->ch, events))
		at_most(s, p->active ? 0 : 1);
}

/*
 * Whether the end of the lane is awaited without an event: the channel has
 * ended, or a hand-over decides the delivery; or this side has sent STOP and
 * has read all that the peer counts.
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
	/*
	 * A channel cannot be armed before it is established. Then its first
	 * bytes wake.
	 */
	if (next->hello == LANE_CONNECTING)
		at_most(s, 1);
	else if (!add_channel(s, next->ch, IVC_READABLE))
		at_most(s, 0);
}

/* Shortens the sleep to the time of the next attempt to connect. */
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
 * Sends everything that can be sent: no event would tell the time for it.
 * Returns false if there is more to do.
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

/* Needs a step. Returns whether the whole time passed without an event. */
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
 * How long @calls may take a process without other work between them. In an
 * emulated guest, or without a clock that needs no system call, a poll of the
 * network may take a tenth of a millisecond. So if this call polled the
 * network, the duration counts for each call; several times, since a program's
 * progress polls other things, too.
 */
static uint64_t away(const struct coordinator *c, uint64_t now,
		     unsigned int calls)
{
	uint64_t poll_ns = c->calls ? 0 : now - c->now;

	return calls * (AWAY + 4 * poll_ns);
}

/*
 * Counts the idle time, and sleeps when it is long enough. A rank that polls in
 * a collective call can occupy the very CPU that the other ranks need, and
 * sched_yield() does not reach other guests.
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
	/* Long pauses between the calls: the process works between them. */
	if (!c->vain.since || now - c->vain.read > away(c, now, calls))
		c->vain.since = now;
	c->vain.read = now;
	if (now - c->vain.since < 1000ull * c->o.sleep_after_us)
		return;
	c->vain.again = sleep_in_step(c, SLEEP_MS);
	c->vain.read = coord_now();
}
