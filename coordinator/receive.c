/* SPDX-License-Identifier: MIT */
/*
 * From where a peer's frames come at this moment, to the caller.
 *
 * The order. The network is read until FLUSH, then the channel until as much of
 * it has come as BACK says, then the network again. While a channel is being
 * read, marks are taken from the network as they come, and the first message
 * behind them waits.
 */
#include <errno.h>

#include "internal.h"

#define BUDGET 64 /* messages of one peer, until it is another's turn */

/* What is to come next comes through a channel. */
static bool from_lane(const struct coord_peer *p)
{
	return (p->lane && lane_is_read(p->lane)) ||
	       (p->next && lane_is_read(p->next));
}

/*
 * A look where nothing has come yet takes as long as a line needs from one CPU
 * to the other, and an answer would have to wait for that. So behind a message
 * another one is looked for only while they come one upon the other.
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
			/* It gives all that its peer was told it has. */
			if (n == -EPROTO || n == -ENOMEM || l->in == LANE_LAST)
				coord_fail(p, n == -EPROTO ? -EPROTO : -EIO);
			break;
		}
		len = frame_check(&f, at, (size_t)n, c->frame_max);
		/* A frame is a record; and it ends where BACK says, or before.
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

/* 1: taken, 0: not now, -errno. */
static int data_frame(struct coord_peer *p, const struct frame *f,
		      const uint8_t *at, size_t len)
{
	struct coordinator *c = p->c;

	/* Who only listens may be the one who has to connect. */
	coord_use(p);
	if (from_lane(p))
		return 0;
	if (p->skip) {
		/* It was read from the channel before its sender knew. */
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
	/* A channel can do without, until it is to be left. */
	if (ret < 0 && (ret == -EPROTO || p->state != COORD_ACTIVE))
		coord_fail(p, ret);
	else if (done == BUDGET)
		coord_set_ready(p);
	return done;
}
