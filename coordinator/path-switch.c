/* SPDX-License-Identifier: MIT */
/*
 * Changes a pair from the network to a lane and back: state.h and lane.h have
 * the tables, docs/reference/mpi-protocol.md the rules.
 *
 * The marks to send follow from the states, which are read again and again. So
 * a mark for which the network has no room is sent later, and no order of
 * events is special.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define RETRY (5 * MS) /* from the end of a lane to the next attempt */

void coord_lane_free(struct lane *l)
{
	if (!l)
		return;
	ivc_close(l->ch);
	free(l);
}

/* Needs the peer's lock. */
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
 * Whether no more can be written to the channel, and the delivery of all that
 * was written is known. During a hand-over of the guest's driver it is not
 * known yet, and writes find no room.
 */
static bool has_ended(const struct lane *l)
{
	ssize_t n = ivc_undelivered(l->ch);

	return n != -EAGAIN && n != -EINTR;
}

/*
 * Closes the channel without a mark. The peer reads the rest, finds the end,
 * and knows which of its messages were not read here. Only one of the two sides
 * may do so: if both did, neither would read what the other has written.
 */
static void close_now(struct lane *l)
{
	ivc_close(l->ch);
	l->ch = NULL;
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

/* Makes the next lane the one in use. Returns 1, 0: not now, -errno. */
static int open_lane(struct coord_peer *p)
{
	const struct coord_options *o = &p->c->o;
	int ret = coord_mark(p, FRAME_FLUSH, p->next->gen, 0);

	if (ret <= 0)
		return ret;
	p->lane = p->next;
	p->next = NULL;
	lane_out(p->lane, LANE_SEND_FLUSH);
	p->lane->flush_end = p->mark_end;
	p->refusals = 0;
	p->leave = false;
	if (o->switch_ms)
		p->leave_at = p->c->now +
			      coord_random(p->c) % (o->switch_ms * MS) + 1;
	event(p, COORD_OPEN);
	/*
	 * The peer's mark for the lane may have waited for this; no event
	 * follows.
	 */
	coord_set_ready(p);
	if (lane_is_read(p->lane)) {
		event(p, COORD_FLUSH);
		coord_set_active(p, true);
	}
	return 1;
}

/*
 * Whether the recalled bytes consist of whole frames. The channel counts bytes,
 * and the peer tells where it has stopped to read.
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

/* Recalls the undelivered bytes. Returns their number. */
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
	/* In one call: two calls might give different answers. */
	n = ivc_recall(l->ch, p->back, st.tx_size, 0);
	if (n < 0)
		goto err_free;
	/* The hello may be among them; it is no frame. */
	p->back_at = (uint64_t)n > l->written ? (size_t)n - l->written : 0;
	p->back_len = (size_t)n - p->back_at;
	/* A correct peer reads whole frames. */
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

/* Sends BACK, as soon as the delivery is certain. */
static int say_back(struct coord_peer *p)
{
	struct lane *l = p->lane;
	uint64_t lost = p->back_len;
	ssize_t n;
	int ret;

	if (l->ch && l->out != LANE_DRAINED && !p->back) {
		if (!has_ended(l)) {
			if (l->out == LANE_STOPPED)
				return 0;
			ret = coord_mark(p, FRAME_STOP, l->gen, l->written);
			if (ret > 0)
				lane_out(l, LANE_SEND_STOP);
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
	if (ret > 0)
		lane_out(l, LANE_SEND_BACK);
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
	coord_lane_free(l);
	/* A message that waited for this is the next one. */
	coord_set_ready(p);
}

static int leave(struct coord_peer *p)
{
	struct lane *l = p->lane;
	int ret = 1;

	if (l->out == LANE_NETWORK) {
		ret = coord_mark(p, FRAME_FLUSH, l->gen, 0);
		if (ret > 0)
			lane_out(l, LANE_SEND_FLUSH);
	}
	if (ret > 0 && !lane_back_sent(l))
		ret = say_back(p);
	if (ret > 0 && p->back)
		ret = coord_resend(p);
	if (ret < 0)
		return ret;
	coord_route(p);
	if (l->in == LANE_STOPPING && l->ch && l->read >= l->stop) {
		ret = coord_mark(p, FRAME_DRAINED, l->gen, l->stop);
		if (ret > 0)
			lane_in(l, LANE_SEND_DRAINED);
		if (ret < 0)
			return ret;
	}
	if (lane_back_sent(l) && !p->back && l->in == LANE_THROUGH)
		end_lane(p);
	return 0;
}

static int advance(struct coord_peer *p)
{
	struct lane *l = p->lane;
	int ret = 0;

	if (!l && p->next && p->next->hello == LANE_KNOWN) {
		ret = open_lane(p);
		l = p->lane;
	}
	if (!l || ret < 0)
		return ret;
	if (!suspending(p) && l->out != LANE_WRITABLE)
		coord_route(p);
	if (!suspending(p) &&
	    (lane_peer_leaves(l) || has_ended(l) || forced(p))) {
		event(p, COORD_LEAVE);
		if (!l->ch)
			coord_set_active(p, false);
	}
	return suspending(p) ? leave(p) : 0;
}

void coord_path_switch(struct coord_peer *p)
{
	int ret;

	coord_lock(p);
	ret = advance(p);
	coord_unlock(p);
	if (ret < 0)
		coord_fail(p, ret);
}

int coord_check_through(struct coord_peer *p)
{
	struct lane *l = p->lane;

	if (l->in != LANE_LAST || l->read < l->back)
		return 0;
	/* More was read than the writer knows. These frames come again. */
	p->skip = l->read - l->back;
	lane_in(l, LANE_DELIVERED);
	coord_set_active(p, false);
	coord_set_ready(p);
	return 1;
}

void coord_refuse(struct coord_peer *p, struct lane *l)
{
	coord_lock(p);
	p->lane = l;
	event(p, COORD_REFUSE);
	coord_unlock(p);
}

/*
 * Answers FLUSH for a lane that is not here any more, and never was used here.
 */
static int refuse(struct coord_peer *p, uint32_t gen)
{
	struct lane *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->gen = gen;
	lane_in(l, LANE_GET_FLUSH);
	coord_refuse(p, l);
	return 1;
}

static int flush(struct coord_peer *p, uint32_t gen)
{
	struct lane *l = p->lane;

	/*
	 * Nor can FLUSH be for a later lane while one is in use: connect.c sees
	 * to that.
	 */
	if (gen <= p->flush_gen || gen > p->gen || p->skip ||
	    (l && l->gen != gen))
		return -EPROTO;
	p->flush_gen = gen;
	if (!l && p->next && p->next->gen == gen) {
		lane_in(p->next, LANE_GET_FLUSH);
		return 1;
	}
	if (!l)
		return refuse(p, gen);
	lane_in(l, LANE_GET_FLUSH);
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
		/* The lane ended before the answer came. */
		return gen && gen <= p->gen ? 1 : -EPROTO;
	if (gen != l->gen || bytes != l->written ||
	    !lane_out(l, LANE_GET_DRAINED))
		return -EPROTO;
	return 1;
}

static int stop(struct lane *l, uint64_t bytes)
{
	if (bytes < l->read || !lane_in(l, LANE_GET_STOP))
		return -EPROTO;
	l->stop = bytes;
	return 1;
}

static int back(struct coord_peer *p, uint64_t bytes)
{
	struct lane *l = p->lane;

	/* The rest of a channel that is closed here can never be read. */
	if ((lane_peer_leaves(l) && bytes > l->stop) ||
	    (!l->ch && bytes > l->read) || !lane_in(l, LANE_GET_BACK))
		return -EPROTO;
	l->back = bytes;
	coord_check_through(p);
	return 1;
}

int coord_marked(struct coord_peer *p, enum frame_type type, uint32_t gen,
		 uint64_t bytes)
{
	struct lane *l = p->lane;

	if (type == FRAME_FLUSH)
		return bytes ? -EPROTO : flush(p, gen);
	if (type == FRAME_DRAINED)
		return drained(p, gen, bytes);
	/* For a lane that this side has still to open or to refuse. */
	if (!l && p->next && p->next->gen == gen && lane_is_read(p->next))
		return 0;
	if (!l || l->gen != gen)
		return -EPROTO;
	return type == FRAME_STOP ? stop(l, bytes) : back(p, bytes);
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
