/* SPDX-License-Identifier: MIT */
/*
 * Reads a peer's frames and delivers them in order.
 *
 * The network is read until FLUSH, then the lane until as much has come as BACK
 * counts, then the network again. While the lane is read, marks are accepted
 * from the network as they come, and the first DATA behind them waits.
 */
#include <errno.h>

#include "internal.h"

#define BUDGET 64 /* messages of a peer until the next peer's turn */

/* Whether the next DATA frame comes through a lane. */
static bool from_lane(const struct coord_peer *p)
{
	return (p->lane && lane_is_read(p->lane)) ||
	       (p->next && lane_is_read(p->next));
}

/*
 * A poll that finds nothing takes the time of a cache line from one CPU to the
 * other, and the answer to the message would wait. So behind a message the
 * reader polls again only while messages come in a stream.
 */
static bool poll_behind(struct lane *l, int done, bool found)
{
	if (done || !found)
		l->stream = found;
	else if (l->found)
		l->stream = true;
	l->found = found;
	return found;
}

int coord_receive_lane(struct coord_peer *p)
{
	struct coordinator *c = p->c;
	struct lane *l = p->lane;
	int done = 0;

	while (done < BUDGET && l->in != LANE_THROUGH && (!done || l->stream)) {
		const void *at;
		struct frame f;
		ssize_t len, n = ivc_peek(l->ch, &at);

		if (!poll_behind(l, done, n && n != -EINTR))
			break;
		if (n < 0) {
			/*
			 * The channel gives every byte that the peer counts in
			 * BACK.
			 */
			if (n == -EPROTO || n == -ENOMEM || l->in == LANE_LAST)
				coord_fail(p, n == -EPROTO ? -EPROTO : -EIO);
			break;
		}
		len = frame_check(&f, at, (size_t)n, c->frame_max);
		/*
		 * A frame is a record, and ends at the count of BACK or before.
		 */
		if (len <= 0 || f.type != FRAME_DATA ||
		    (l->in == LANE_LAST && l->read + (uint64_t)len > l->back)) {
			coord_fail(p, -EPROTO);
			break;
		}
		c->u.deliver(c->u.arg, p, f.tag,
			     (const uint8_t *)at + sizeof(f),
			     (size_t)len - sizeof(f) - f.pad);
		if (ivc_release(l->ch, (size_t)len)) {
			coord_fail(p, -EPROTO);
			break;
		}
		l->read += (uint64_t)len;
		done++;
		coord_check_through(p);
	}
	return done;
}

/* Returns 1: accepted, 0: not now, -errno. */
static int data_frame(struct coord_peer *p, const struct frame *f,
		      const uint8_t *at, size_t len)
{
	struct coordinator *c = p->c;

	/* A process that only receives may be the one to connect. */
	coord_use(p);
	if (from_lane(p))
		return 0;
	if (p->skip) {
		/* It was read from the lane before the sender recalled it. */
		if (len > p->skip)
			return -EPROTO;
		p->skip -= len;
		c->stats.skipped++;
		return 1;
	}
	c->u.deliver(c->u.arg, p, f->tag, at + sizeof(*f),
		     len - sizeof(*f) - f->pad);
	return 1;
}

static int mark_frame(struct coord_peer *p, const struct frame *f,
		      const uint8_t *at)
{
	struct frame_mark m;
	int ret;

	memcpy(&m, at + sizeof(*f), sizeof(m));
	if (m.reserved)
		return -EPROTO;
	ret = coord_marked(p, f->type, le32toh(m.gen), le64toh(m.bytes));
	if (ret >= 0)
		coord_switch(p);
	return ret;
}

int coord_receive_net(struct coord_peer *p)
{
	const struct net_ops *ops = p->c->ops;
	int ret = 0, done = 0;

	while (done < BUDGET && !p->error) {
		const void *at;
		struct frame f;
		size_t len;

		ret = ops->front(p->link, &at, &len);
		if (ret <= 0)
			break;
		if (frame_check(&f, at, len, p->c->frame_max) != (ssize_t)len)
			ret = -EPROTO;
		else if (f.type == FRAME_DATA)
			ret = data_frame(p, &f, at, len);
		else
			ret = mark_frame(p, &f, at);
		if (ret <= 0)
			break;
		ops->take(p->link);
		done++;
	}
	/* A lane in use works without the network, until it is left. */
	if (ret < 0 && (ret == -EPROTO || p->state != COORD_ACTIVE))
		coord_fail(p, ret);
	else if (done == BUDGET)
		coord_set_ready(p);
	return done;
}
