/* SPDX-License-Identifier: MIT */
/*
 * The states of a peer, and what is said when they change: state.h has the
 * table, docs/mpi.md the reasons.
 *
 * What is to be said follows from what has been said and has happened, looked
 * at again and again; so a mark for which the network has no room is said
 * later, and no order of events is special.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define RETRY (5 * MS) /* after a channel has ended, until the next attempt */

void coord_lane_free(struct coordinator *c, struct lane *l)
{
	(void)c;
	if (!l)
		return;
	ivc_close(l->ch);
	free(l);
}

/* Under the peer's lock. */
static void event(struct coord_peer *p, enum coord_event ev)
{
	p->state = coord_next[p->state][ev];
	if (ev == COORD_OPEN)
		p->c->stats.to_ivc++;
	if (ev == COORD_LEAVE)
		p->c->stats.to_net++;
	if (ev == COORD_REFUSE)
		p->c->stats.refused++;
	coord_route(p);
}

static bool suspending(const struct coord_peer *p)
{
	return p->state == COORD_SUSPENDING;
}

/*
 * Can the channel be written to no longer, and is it known what became of what
 * was? While a guest's ends hand over it is not, and writes find no room.
 */
static bool has_ended(const struct lane *l)
{
	ssize_t n = ivc_undelivered(l->ch);

	return n != -EAGAIN && n != -EINTR;
}

/*
 * Without a word to the peer: it reads what is there, finds the end, and knows
 * what of its own has not been read here. Only one of the two may do so, or
 * neither would read what the other has written.
 */
static void close_now(struct lane *l)
{
	ivc_close(l->ch);
	l->ch = NULL;
	l->closed = true;
}

static bool forced(struct coord_peer *p)
{
	const struct coord_options *o = &p->c->o;

	if (p->leave_at && p->c->now >= p->leave_at) {
		p->leave_at = 0;
		p->leave = true;
		p->sever_next = o->sever && coord_random(p->c) & 1;
	}
	if (p->leave && p->sever_next && o->name < p->name)
		close_now(p->lane);
	return p->leave;
}

/* The next channel becomes the one in use. 1, 0: not now, -errno. */
static int open_lane(struct coord_peer *p)
{
	const struct coord_options *o = &p->c->o;
	int ret = coord_mark(p, FRAME_FLUSH, p->next->gen, 0);

	if (ret <= 0)
		return ret;
	p->lane = p->next;
	p->next = NULL;
	p->lane->flush_said = true;
	p->lane->flush_end = p->mark_end;
	p->refusals = 0;
	p->leave = false;
	if (o->switch_ms)
		p->leave_at = p->c->now +
			      coord_random(p->c) % (o->switch_ms * MS) + 1;
	event(p, COORD_OPEN);
	/* The peer's mark for it may have been held back: nobody else tells. */
	coord_set_look(p);
	if (p->lane->flushed) {
		event(p, COORD_FLUSH);
		coord_set_active(p, true);
	}
	return 1;
}

/*
 * Does what came back begin with a frame, and end with one? The channel counts
 * bytes, and where it cuts is the peer's word.
 */
static bool whole_frames(const struct coord_peer *p)
{
	size_t at = 0;

	while (at < p->back_len) {
		struct frame f;
		ssize_t n = frame_check(&f, p->back + p->back_at + at,
					p->back_len - at, p->c->frame_max);

		if (n <= 0 || f.type != FRAME_DATA)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* The last of what was written that has not been delivered, if anything. */
static ssize_t take_back(struct coord_peer *p)
{
	struct lane *l = p->lane;
	struct ivc_stats st;
	ssize_t n;

	if (ivc_get_stats(l->ch, &st))
		return -EPROTO;
	p->back = malloc(st.tx_size);
	if (!p->back)
		return -ENOMEM;
	/* All at once: asked twice it might say two things. */
	n = ivc_recall(l->ch, p->back, st.tx_size, 0);
	if (n < 0)
		goto err_free;
	/* The hello is no frame. */
	p->back_at = (uint64_t)n > l->written ? (size_t)n - l->written : 0;
	p->back_len = (size_t)n - p->back_at;
	/* A peer that reads as it must has read whole frames. */
	if (p->back_at > sizeof(struct hello) || !whole_frames(p)) {
		n = -EPROTO;
		goto err_free;
	}
	return (ssize_t)p->back_len;

err_free:
	free(p->back);
	p->back = NULL;
	p->back_len = p->back_at = 0;
	return n;
}

/* Say how much of the channel counts, as soon as that is certain. */
static int say_back(struct coord_peer *p)
{
	struct lane *l = p->lane;
	uint64_t lost = p->back_len;
	ssize_t n;
	int ret;

	if (l->ch && !l->confirmed && !p->back) {
		if (!has_ended(l)) {
			if (l->stop_said)
				return 0;
			ret = coord_mark(p, FRAME_STOP, l->gen, l->written);
			l->stop_said = ret > 0;
			return ret;
		}
		n = take_back(p);
		if (n == -EAGAIN || n == -EINTR)
			return 0;
		if (n < 0)
			return (int)n;
		lost = (uint64_t)n;
	}
	ret = coord_mark(p, FRAME_BACK, l->gen, l->written - lost);
	l->back_said = ret > 0;
	return ret;
}

static void end_lane(struct coord_peer *p)
{
	struct lane *l = p->lane;

	p->state = coord_next[p->state][COORD_THROUGH];
	p->lane = NULL;
	coord_route(p);
	p->leave_at = 0;
	p->leave = false;
	p->retry_at = p->c->now + (p->c->o.switch_ms ? 0 : RETRY);
	coord_set_active(p, false);
	coord_lane_free(p->c, l);
	/* What has been held back is the next to come. */
	coord_set_look(p);
}

static int leave(struct coord_peer *p)
{
	struct lane *l = p->lane;
	int ret = 1;

	if (!l->flush_said) {
		ret = coord_mark(p, FRAME_FLUSH, l->gen, 0);
		l->flush_said = ret > 0;
	}
	if (ret > 0 && !l->back_said)
		ret = say_back(p);
	if (ret > 0 && p->back)
		ret = coord_resend(p);
	if (ret < 0)
		return ret;
	coord_route(p);
	if (l->stopped && !l->backed && !l->drained_said && l->ch &&
	    l->read >= l->stop) {
		ret = coord_mark(p, FRAME_DRAINED, l->gen, l->stop);
		l->drained_said = ret > 0;
		if (ret < 0)
			return ret;
	}
	if (l->back_said && !p->back && l->through)
		end_lane(p);
	return 0;
}

static int look(struct coord_peer *p)
{
	struct lane *l = p->lane;
	int ret = 0;

	if (!l && p->next && p->next->heard && p->next->said) {
		ret = open_lane(p);
		l = p->lane;
	}
	if (!l || ret < 0)
		return ret;
	if (!suspending(p) && !l->flush_gone)
		coord_route(p);
	if (!suspending(p) &&
	    (l->stopped || l->backed || has_ended(l) || forced(p))) {
		event(p, COORD_LEAVE);
		if (l->closed)
			coord_set_active(p, false);
	}
	return suspending(p) ? leave(p) : 0;
}

void coord_switch(struct coord_peer *p)
{
	int ret;

	if (p->error)
		return;
	if (p->next)
		coord_meet(p);
	coord_lock(p);
	ret = look(p);
	coord_unlock(p);
	if (ret < 0)
		coord_fail(p, ret);
}

int coord_check_through(struct coord_peer *p)
{
	struct lane *l = p->lane;

	if (l->through || !l->backed || l->read < l->back)
		return 0;
	/* More was read than its writer knows: that comes again. */
	p->skip = l->read - l->back;
	l->through = true;
	coord_set_active(p, false);
	coord_set_look(p);
	return 1;
}

static int refuse(struct coord_peer *p, uint32_t gen)
{
	struct lane *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->gen = gen;
	l->flushed = true;
	coord_lock(p);
	p->lane = l;
	event(p, COORD_REFUSE);
	coord_unlock(p);
	return 1;
}

static int flush(struct coord_peer *p, uint32_t gen)
{
	struct lane *l = p->lane;

	/* Nor of a later one, while this one is in use: connect.c sees to that.
	 */
	if (gen <= p->flush_gen || gen > p->gen || p->skip ||
	    (l && l->gen != gen))
		return -EPROTO;
	p->flush_gen = gen;
	if (!l && p->next && p->next->gen == gen) {
		p->next->flushed = true;
		return 1;
	}
	if (!l)
		return refuse(p, gen);
	l->flushed = true;
	coord_lock(p);
	if (p->state == COORD_CONNECTED)
		event(p, COORD_FLUSH);
	coord_unlock(p);
	coord_set_active(p, true);
	return 1;
}

static int drained(struct coord_peer *p, uint32_t gen, uint64_t bytes)
{
	struct lane *l = p->lane;

	if (!l || gen < l->gen)
		/* It ended before the answer was here. */
		return gen && gen <= p->gen ? 1 : -EPROTO;
	if (gen != l->gen || !l->stop_said || bytes != l->written)
		return -EPROTO;
	l->confirmed = true;
	return 1;
}

int coord_marked(struct coord_peer *p, enum frame_type type, uint32_t gen,
		 uint64_t bytes)
{
	struct lane *l = p->lane;
	int ret;

	if (type == FRAME_FLUSH)
		ret = bytes ? -EPROTO : flush(p, gen);
	else if (type == FRAME_DRAINED)
		ret = drained(p, gen, bytes);
	else if (!l && p->next && p->next->gen == gen && p->next->flushed)
		/* Of one that this side has yet to open, or to refuse. */
		ret = 0;
	else if (!l || l->gen != gen || !l->flushed || l->backed)
		ret = -EPROTO;
	else if (type == FRAME_STOP) {
		ret = l->stopped || bytes < l->read ? -EPROTO : 1;
		l->stopped = true;
		l->stop = bytes;
	} else {
		/* What was not read of a channel that is gone never will be. */
		ret = (l->stopped && bytes > l->stop) ||
				      (!l->ch && bytes > l->read)
			      ? -EPROTO
			      : 1;
		l->backed = true;
		l->back = bytes;
		coord_check_through(p);
	}
	if (ret >= 0)
		coord_switch(p);
	return ret;
}

void coord_force(struct coord_peer *p, bool sever)
{
	p->sever_next = sever;
	p->leave = true;
}

void coord_break_net(struct coord_peer *p)
{
	if (p->c->ops->sever)
		p->c->ops->sever(p->link);
}
