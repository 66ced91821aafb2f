/* SPDX-License-Identifier: MIT */
/*
 * Sends messages to where a peer's frames go at the moment, and ends them when
 * there is no path.
 *
 * A frame is a record of a channel, written as a whole or not at all. So the
 * undelivered bytes of a channel are always a number of whole frames.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/*
 * Behind a message of some cache lines, as many bytes are left free in a large
 * ring. The reader's core, which reads line upon line, seems to prefetch the
 * lines behind a message; the writer would have to fetch these back for its
 * next message. Free bytes behind shorter messages, or those of a page and
 * more, gain nothing.
 */
#define PAD 960
#define PAD_FROM 768
#define PAD_TO 3840
#define PAD_RING (1u << 20)

static bool has_room(const struct coordinator *c, const ivc_channel *ch)
{
	struct ivc_stats st;

	return c->o.message_max >= PAD_TO + PAD && !ivc_get_stats(ch, &st) &&
	       st.tx_size >= PAD_RING;
}

static void set_waits(struct coord_peer *p)
{
	p->waits = !TAILQ_EMPTY(&p->queue) || (!p->out && !p->to_net);
}

/* A peer counts while it has messages that are not sent. */
static void count(struct coord_peer *p)
{
	bool has = !TAILQ_EMPTY(&p->queue) || !TAILQ_EMPTY(&p->going);

	if (has == p->counted)
		return;
	p->counted = has;
	if (has)
		atomic_fetch_add(&p->c->n_waiting, 1);
	else
		atomic_fetch_sub(&p->c->n_waiting, 1);
}

/* The peer reads nothing in a lane before FLUSH has come. */
static bool flush_gone(struct coord_peer *p)
{
	struct lane *l = p->lane;

	if (l->out == LANE_ANNOUNCED &&
	    l->flush_end <= p->c->ops->gone(p->link))
		lane_out(l, LANE_FLUSH_GONE);
	return l->out == LANE_WRITABLE;
}

void coord_route(struct coord_peer *p)
{
	struct lane *l = p->lane;
	bool ivc = p->state == COORD_CONNECTED || p->state == COORD_ACTIVE;

	p->out = ivc && !p->error && flush_gone(p) ? l->ch : NULL;
	p->pads = p->out && has_room(p->c, p->out);
	p->written = p->out ? &l->written : NULL;
	p->to_net = !p->error && (p->state == COORD_CLOSED ||
				  (p->state == COORD_SUSPENDING &&
				   lane_back_sent(l) && !p->back_len));
	set_waits(p);
}

static size_t length_of(const struct coord_send *s)
{
	size_t len = 0;

	for (int i = 0; i < COORD_PARTS; i++)
		len += s->part[i].len;
	return len;
}

static void fill(uint8_t *at, const struct coord_send *s, size_t len)
{
	struct frame f = frame_head(FRAME_DATA, s->tag, len, 0);

	memcpy(at, &f, sizeof(f));
	at += sizeof(f);
	for (int i = 0; i < COORD_PARTS; i++) {
		if (s->part[i].len)
			memcpy(at, s->part[i].at, s->part[i].len);
		at += s->part[i].len;
	}
}

/* The free bytes behind a message of @len: see PAD. */
static inline uint16_t pad_of(const struct coord_peer *p, size_t len)
{
	return p->pads && len >= PAD_FROM && len <= PAD_TO ? PAD : 0;
}

/*
 * After any error, nothing was sent. path-switch.c notices that a channel has
 * ended; until then there is no room.
 */
static inline int to_channel(struct coord_peer *p, const struct coord_send *s,
			     size_t len)
{
	uint16_t pad = pad_of(p, len);
	struct frame f = frame_head(FRAME_DATA, s->tag, len + pad, pad);
	struct iovec parts[2 + COORD_PARTS] = { { &f, sizeof(f) } };

	parts[1 + COORD_PARTS].iov_len = pad;
	for (int i = 0; i < COORD_PARTS; i++)
		parts[1 + i] =
			(struct iovec){ (void *)s->part[i].at, s->part[i].len };
	if (ivc_write_record(p->out, parts, 1 + COORD_PARTS + !!pad) <= 0)
		return 0;
	*p->written += sizeof(f) + len + pad;
	p->ivc_sent++;
	return 1;
}

/* Returns 1 also when the network has accepted the message but not sent it. */
static int to_network(struct coord_peer *p, struct coord_send *s, size_t len)
{
	const struct net_ops *ops = p->c->ops;
	int err;
	void *at = ops->post(p->link, len + sizeof(struct frame), false, &err);

	if (!at)
		return err;
	fill(at, s, len);
	s->end = ops->commit(p->link, len + sizeof(struct frame));
	ops->push(p->link);
	p->net_sent++;
	return 1;
}

static inline int put(struct coord_peer *p, struct coord_send *s, size_t len)
{
	s->end = 0;
	if (p->out)
		return to_channel(p, s, len);
	return p->to_net ? to_network(p, s, len) : 0;
}

/* Whether the message has left this process. In a ring it has. */
static inline bool gone(struct coord_peer *p, const struct coord_send *s)
{
	return !s->end || s->end <= p->c->ops->gone(p->link);
}

/* Needs the peer's lock. */
static void queue(struct coord_peer *p, struct coord_send *s)
{
	TAILQ_INSERT_TAIL(&p->queue, s, entry);
	p->waits = true;
	p->queued++;
	count(p);
}

static void keep_going(struct coord_peer *p, struct coord_send *s)
{
	TAILQ_INSERT_TAIL(&p->going, s, entry);
	count(p);
}

int coord_send(struct coord_peer *p, struct coord_send *s)
{
	size_t len = length_of(s);
	int ret = 0;

	if (!len)
		return -EINVAL;
	if (len > p->c->o.message_max)
		return -EMSGSIZE;
	coord_lock(p);
	coord_use(p);
	if (p->error)
		ret = p->error;
	else if (!p->waits)
		ret = put(p, s, len);
	/* coord_push() gets the same error, and may make callbacks. */
	if (ret < 0 && !p->error)
		ret = 0;
	if (!ret) {
		queue(p, s);
	} else if (ret > 0 && !gone(p, s)) {
		keep_going(p, s);
		ret = 0;
	}
	coord_unlock(p);
	return ret;
}

int coord_send_now(struct coord_peer *p, uint8_t tag, const void *head,
		   size_t head_len, const void *data, size_t len)
{
	struct coord_send s = { .part = { { head, head_len }, { data, len } },
				.tag = tag };
	int ret = 0;

	if (head_len + len - 1 >= p->c->o.message_max)
		return head_len + len ? -EMSGSIZE : -EINVAL;
	coord_lock(p);
	coord_use(p);
	if (p->out && !p->waits)
		ret = to_channel(p, &s, head_len + len);
	else if (p->error)
		ret = p->error;
	coord_unlock(p);
	return ret;
}

int coord_mark(struct coord_peer *p, enum frame_type type, uint32_t gen,
	       uint64_t bytes)
{
	struct frame f = frame_head(type, 0, sizeof(struct frame_mark), 0);
	struct frame_mark m = { .gen = htole32(gen), .bytes = htole64(bytes) };
	const struct net_ops *ops = p->c->ops;
	uint8_t *at;
	int err;

	at = ops->post(p->link, sizeof(f) + sizeof(m), true, &err);
	if (!at)
		return err;
	memcpy(at, &f, sizeof(f));
	memcpy(at + sizeof(f), &m, sizeof(m));
	p->mark_end = ops->commit(p->link, sizeof(f) + sizeof(m));
	ops->push(p->link);
	return 1;
}

int coord_resend(struct coord_peer *p)
{
	const struct net_ops *ops = p->c->ops;
	struct frame f;
	int err;

	while (p->back_len) {
		const uint8_t *from = p->back + p->back_at;
		ssize_t n = frame_check(&f, from, p->back_len, p->c->frame_max);
		void *at;

		/* This side's own frames, in memory that is its alone. */
		if (n <= 0)
			return -EPROTO;
		at = ops->post(p->link, (size_t)n, false, &err);
		if (!at)
			return err;
		memcpy(at, from, (size_t)n);
		ops->commit(p->link, (size_t)n);
		ops->push(p->link);
		p->back_at += (size_t)n;
		p->back_len -= (size_t)n;
		p->c->stats.resent++;
	}
	free(p->back);
	p->back = NULL;
	p->back_at = 0;
	return 1;
}

void coord_unqueue(struct coord_peer *p, struct coord_queue *q)
{
	TAILQ_INIT(q);
	TAILQ_CONCAT(q, &p->going, entry);
	TAILQ_CONCAT(q, &p->queue, entry);
	count(p);
}

/* Moves the messages that have left, but were not reported as sent, to @q. */
static void take_gone(struct coord_peer *p, struct coord_queue *q)
{
	struct coord_send *s;

	TAILQ_INIT(q);
	while ((s = TAILQ_FIRST(&p->going)) && gone(p, s)) {
		TAILQ_REMOVE(&p->going, s, entry);
		TAILQ_INSERT_TAIL(q, s, entry);
	}
	count(p);
}

void coord_end_queued(struct coord_peer *p, struct coord_queue *q, int status)
{
	struct coord_send *s;

	while ((s = TAILQ_FIRST(q))) {
		TAILQ_REMOVE(q, s, entry);
		p->c->u.sent(p->c->u.arg, p, s, status);
	}
}

void coord_fail(struct coord_peer *p, int error)
{
	struct coordinator *c = p->c;
	struct coord_queue gone, q;
	bool lost;

	if (p->error)
		return;
	coord_lock(p);
	p->error = error;
	take_gone(p, &gone);
	coord_unqueue(p, &q);
	coord_route(p);
	coord_unlock(p);
	coord_set_active(p, false);
	lost = !TAILQ_EMPTY(&q) || p->back_len;
	coord_end_queued(p, &gone, 0);
	/*
	 * A peer that has said goodbye, and is owed nothing, is not missed.
	 * failed() comes before sent(): the caller may not survive the latter's
	 * error.
	 */
	if (!c->closing && c->u.failed && (error != -EPIPE || lost))
		c->u.failed(c->u.arg, p, error);
	coord_end_queued(p, &q, error);
}

/*
 * Takes a message that has left from the queues, sending where possible.
 * Returns NULL if there is none, with an error of the path in *@err.
 */
static struct coord_send *push_one(struct coord_peer *p, int *err)
{
	struct coord_send *s = TAILQ_FIRST(&p->going);
	int ret;

	*err = 0;
	if (s && gone(p, s)) {
		TAILQ_REMOVE(&p->going, s, entry);
		return s;
	}
	while ((s = TAILQ_FIRST(&p->queue)) && !p->error) {
		ret = put(p, s, length_of(s));
		if (ret <= 0) {
			*err = ret;
			return NULL;
		}
		TAILQ_REMOVE(&p->queue, s, entry);
		/* Messages before it may not have left either. */
		if (TAILQ_EMPTY(&p->going) && gone(p, s))
			return s;
		TAILQ_INSERT_TAIL(&p->going, s, entry);
	}
	return NULL;
}

int coord_push(struct coord_peer *p)
{
	struct coordinator *c = p->c;
	struct coord_send *s;
	int err, sent = 0;

	for (;;) {
		coord_lock(p);
		s = push_one(p, &err);
		count(p);
		set_waits(p);
		coord_unlock(p);
		if (!s)
			break;
		c->u.sent(c->u.arg, p, s, 0);
		sent++;
	}
	if (err < 0)
		coord_fail(p, err);
	return sent;
}
