/* SPDX-License-Identifier: MIT */
/*
 * The members of the group on this host, and how two of them make a channel.
 *
 * The process with the lower name connects, as soon as there was traffic
 * between the two. So no process has channels to all others, and no two
 * channels cross. Each channel of a pair has a number, higher than the last.
 * The hello, the first record each way, contains this number, the sender's
 * name, and the key that the receiver has told the job; so a channel of a
 * foreign process is not taken for a peer's.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "internal.h"

#define GROUP_TICK (200 * (MS / 1000)) /* between two checks of the group */
#define REGISTER (2 * SECOND)	       /* between two attempts to register */
#define LIST (100 * MS) /* between two requests for the whole list */
#define PROBE_MS 200 /* once in a process: time for a busy broker to answer */
#define VISIT (30 * SECOND) /* how long a visitor may be silent */
#define REFUSED_MAX 12	    /* 5 ms << 12, 20 s, is the longest pause */
#define RING_LOCAL (2u << 20)
#define RINGS_LOCAL (16u << 20) /* of all rings of a process, each way */

void coord_group_find(struct coord_peer *p)
{
	struct coordinator *c = p->c;

	p->co_located = false;
	for (unsigned int i = 0; i < c->n_members; i++)
		if (c->members[i].id == p->ivc_id) {
			p->member = c->members[i];
			p->co_located = true;
		}
}

static void joined(struct coordinator *c, const ivc_peer *who)
{
	struct coord_peer *p;

	/* The list may have named it before this event. */
	for (unsigned int i = 0; i < c->n_members; i++)
		if (c->members[i].member == who->member)
			return;
	if (c->n_members == c->room_members) {
		unsigned int room = c->room_members ? 2 * c->room_members : 16;
		ivc_peer *all = realloc(c->members, room * sizeof(*all));

		/* Without memory the pair stays on the network. */
		if (!all)
			return;
		c->members = all;
		c->room_members = room;
	}
	c->members[c->n_members++] = *who;
	LIST_FOREACH (p, &c->peers, entry)
		if (p->ivc_id == who->id) {
			coord_group_find(p);
			p->retry_at = 0;
			p->refusals = 0;
		}
}

static void left(struct coordinator *c, const ivc_peer *who)
{
	struct coord_peer *p;

	for (unsigned int i = 0; i < c->n_members; i++)
		if (c->members[i].member == who->member)
			c->members[i--] = c->members[--c->n_members];
	LIST_FOREACH (p, &c->peers, entry)
		if (p->ivc_id == who->id)
			coord_group_find(p);
}

static void take_events(struct coordinator *c)
{
	struct ivc_event ev;

	/* The end of a channel is seen at the channel. */
	while (ivc_next_event(c->ctx, &ev, 0) == 1) {
		if (ev.type == IVC_EVENT_JOIN)
			joined(c, &ev.peer);
		else if (ev.type == IVC_EVENT_LEAVE)
			left(c, &ev.peer);
	}
}

static void tell_quota(struct coordinator *c, enum coord_quota which)
{
	if (c->quota_told || !c->u.over_quota)
		return;
	c->quota_told = true;
	c->u.over_quota(c->u.arg, which);
}

/*
 * No error tells which quota is exceeded. If a channel of a page can be made,
 * it is the memory's.
 */
static enum coord_quota which_quota(struct coord_peer *p)
{
	struct ivc_channel_options o = { .tx_size = 4096, .rx_size = 4096 };
	ivc_channel *ch;
	int ret = ivc_connect_opt(p->c->ctx, p->member, &o, &ch);

	if (!ret) {
		ret = ivc_connected(ch, PROBE_MS);
		ivc_close(ch);
	}
	return ret == -EDQUOT ? COORD_QUOTA_CHANNELS : COORD_QUOTA_MEMORY;
}

/* A channel to @p exceeds a quota. With smaller rings there may be room. */
static void over_quota(struct coord_peer *p, size_t ring)
{
	struct coordinator *c = p->c;

	if (ring > c->ring_least)
		c->ring_most = ring / 2;
	else if (!c->quota_told && c->u.over_quota)
		tell_quota(c, which_quota(p));
}

static bool is_member(const struct coordinator *c, uint32_t ivc_id)
{
	for (unsigned int i = 0; i < c->n_members; i++)
		if (c->members[i].id == ivc_id)
			return true;
	return false;
}

static void list(struct coordinator *c)
{
	const ivc_peer *who = ivc_get_hosts(c->ctx);

	for (; who && who->member; who++)
		joined(c, who);
}

/*
 * Notices of joins are delayed when there are many. So this function asks for
 * the list when an id is not known, but not for each process on another host,
 * of which there may be hundreds.
 */
bool coord_group_has(struct coordinator *c, uint32_t ivc_id)
{
	uint64_t now = coord_now();

	if (!c->ctx)
		return false;
	take_events(c);
	if (!is_member(c, ivc_id) && now >= c->list_at) {
		list(c);
		c->list_at = now + LIST;
	}
	return is_member(c, ivc_id);
}

int coord_register(struct coordinator *c)
{
	int tries = 4;

	c->register_at = c->now + REGISTER;
	/* Ids are random, so another process may have the same. */
	do {
		c->ctx = ivc_register(c->o.magic, c->ivc_id);
		if (c->ctx) {
			c->ctx_fd = ivc_context_fd(c->ctx);
			/* The present members; from now on there are events. */
			take_events(c);
			return 0;
		}
		if (errno == EADDRINUSE && !c->n_peers)
			c->ivc_id = (uint32_t)coord_random(c);
	} while (errno == EADDRINUSE && !c->n_peers && --tries);
	if (errno == EDQUOT)
		tell_quota(c, COORD_QUOTA_CONTEXTS);
	return -errno;
}

static void drop_next(struct coord_peer *p)
{
	struct coordinator *c = p->c;
	struct lane *l = p->next;

	p->next = NULL;
	p->retry_at = c->now + (5 * MS << p->refusals);
	if (p->refusals < REFUSED_MAX)
		p->refusals++;
	/* The peer has sent FLUSH, so it gets an answer. */
	if (lane_is_read(l)) {
		ivc_close(l->ch);
		l->ch = NULL;
		coord_refuse(p, l);
		/* A mark of the peer may have waited for this. */
		coord_set_ready(p);
		return;
	}
	coord_lane_free(l);
}

static bool say_hello(struct coord_peer *p, struct lane *l)
{
	struct hello h = { .magic = htole32(HELLO_MAGIC),
			   .gen = htole32(l->gen),
			   .name = htole64(p->c->o.name),
			   .frame_max = htole32((uint32_t)p->c->frame_max) };
	ssize_t n;

	memcpy(h.key, p->key, sizeof(h.key));
	n = ivc_write(l->ch, &h, sizeof(h));
	if (n == sizeof(h))
		lane_hello(l, LANE_SAY);
	return n == sizeof(h) || !n;
}

/* Whether the hello is of this job and version. */
static bool hello_ok(const struct coordinator *c, const struct hello *h)
{
	uint8_t differ = 0;

	for (size_t i = 0; i < COORD_KEY; i++)
		differ |= h->key[i] ^ c->o.key[i];
	return !differ && h->magic == htole32(HELLO_MAGIC) && !h->reserved &&
	       h->frame_max == htole32((uint32_t)c->frame_max);
}

/* Returns 1: the hello has come, 0: not yet, -errno. */
static int hear(ivc_channel *ch, struct hello *h)
{
	ssize_t n = ivc_read(ch, h, sizeof(*h));

	if (!n || n == -EINTR)
		return 0;
	if (n < 0)
		return (int)n;
	return n == sizeof(*h) ? 1 : -EPROTO;
}

/* Whether a frame fits into a quarter of the ring. */
static bool ring_ok(const struct coordinator *c, ivc_channel *ch)
{
	struct ivc_stats st;

	return !ivc_get_stats(ch, &st) && st.tx_size / 4 >= c->frame_max + 8;
}

/* Returns false if the attempt has failed. */
static bool go_on(struct coord_peer *p, struct lane *l)
{
	struct hello h;
	int ret;

	if (l->hello == LANE_CONNECTING) {
		ret = ivc_connected(l->ch, 0);
		if (ret == -ETIMEDOUT || ret == -EINTR)
			return true;
		if (ret == -EDQUOT)
			over_quota(p, l->ring);
		if (ret || !ring_ok(p->c, l->ch))
			return false;
		lane_hello(l, LANE_OPENED);
	}
	/*
	 * This answer lets the peer use the lane. So it waits until the lane
	 * before has ended; otherwise each side could wait for an answer of the
	 * other.
	 */
	if (!lane_has_said(l) && !(p->lane && p->name < p->c->o.name) &&
	    !say_hello(p, l))
		return false;
	if (lane_has_heard(l))
		return true;
	ret = hear(l->ch, &h);
	if (ret <= 0)
		return !ret;
	if (!hello_ok(p->c, &h) || le32toh(h.gen) != l->gen ||
	    le64toh(h.name) != p->name)
		return false;
	lane_hello(l, LANE_HEAR);
	return true;
}

void coord_switch(struct coord_peer *p)
{
	struct lane *l = p->next;

	if (p->error)
		return;
	/* With both hellos known, the lane is path-switch.c's. */
	if (l && l->hello != LANE_KNOWN && !go_on(p, l))
		drop_next(p);
	coord_path_switch(p);
}

/*
 * A ring that stays in the cache of the reader's core is slow to write, since
 * the writer fetches each line from there. So between processes of one machine
 * the ring is larger than that cache, unless there are many rings. Between
 * guests each page is a grant, and the ring is small.
 */
static uint32_t ring_size(const struct coordinator *c, bool local)
{
	size_t ring = RING_LOCAL;

	if (!local || c->o.ring)
		return (uint32_t)c->ring_least;
	if (ring > c->ring_most)
		ring = c->ring_most;
	while (ring > c->ring_least && ring * c->n_members > RINGS_LOCAL)
		ring /= 2;
	return (uint32_t)(ring > c->ring_least ? ring : c->ring_least);
}

static void attempt(struct coord_peer *p)
{
	struct coordinator *c = p->c;
	uint32_t ring = ring_size(c, p->member.local);
	struct ivc_channel_options o = { .tx_size = ring, .rx_size = ring };
	struct lane *l = calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return;
	l->gen = ++p->gen;
	l->ring = ring;
	p->next = l;
	ret = ivc_connect_opt(c->ctx, p->member, &o, &l->ch);
	if (ret == -EDQUOT)
		over_quota(p, ring);
	if (ret)
		drop_next(p);
}

/* Whether the channel is a peer's. If so, it becomes the peer's next lane. */
static bool adopt(struct coordinator *c, ivc_channel *ch, const struct hello *h)
{
	uint64_t name = le64toh(h->name);
	uint32_t gen = le32toh(h->gen);
	struct coord_peer *p;
	struct lane *l;

	if (!hello_ok(c, h) || name >= c->o.name)
		return false;
	p = coord_ask(c, name);
	if (!p || p->error || ivc_peer_id(ch) != p->ivc_id || gen <= p->gen)
		return false;
	/*
	 * A peer that connects again has given up the lane before. If its FLUSH
	 * announced that lane, the peer breaks the protocol.
	 */
	if (p->next && lane_is_read(p->next))
		return false;
	l = calloc(1, sizeof(*l));
	if (!l)
		return false;
	coord_lane_free(p->next);
	l->ch = ch;
	l->gen = gen;
	l->hello = LANE_HEARD;
	p->gen = gen;
	p->next = l;
	coord_switch(p);
	return true;
}

static void visit(struct coordinator *c, struct visitor *v)
{
	struct hello h;
	int ret = hear(v->ch, &h);

	if (!ret && c->now < v->until)
		return;
	if (ret > 0 && !adopt(c, v->ch, &h))
		ret = -EPROTO;
	if (ret <= 0)
		ivc_close(v->ch);
	LIST_REMOVE(v, entry);
	c->n_visitors--;
	free(v);
}

static void accept_all(struct coordinator *c)
{
	struct ivc_channel_options o = { .tx_size = ring_size(c, true) };
	struct visitor *v;
	ivc_channel *ch;

	while (c->n_visitors < COORD_VISITORS &&
	       !ivc_accept_opt(c->ctx, &o, &ch)) {
		v = calloc(1, sizeof(*v));
		if (!v || !ring_ok(c, ch)) {
			free(v);
			ivc_close(ch);
			continue;
		}
		v->ch = ch;
		v->until = c->now + VISIT;
		LIST_INSERT_HEAD(&c->visitors, v, entry);
		c->n_visitors++;
	}
}

bool coord_is_ours(const struct coord_peer *p)
{
	return p->used && p->co_located && !p->lane && !p->next && !p->error &&
	       p->c->o.name < p->name;
}

void coord_group_tick(struct coordinator *c)
{
	struct visitor *v, *next;
	struct coord_peer *p;
	struct pollfd fd;

	if (!c->o.use_ivc || c->now - c->group_ticked < GROUP_TICK)
		return;
	c->group_ticked = c->now;
	if (!c->ctx) {
		if (c->now < c->register_at || coord_register(c))
			return;
	}
	fd = (struct pollfd){ .fd = c->ctx_fd, .events = POLLIN | POLLPRI };
	if (poll(&fd, 1, 0) > 0) {
		take_events(c);
		accept_all(c);
	}
	for (v = LIST_FIRST(&c->visitors); v; v = next) {
		next = LIST_NEXT(v, entry);
		visit(c, v);
	}
	LIST_FOREACH (p, &c->peers, entry)
		if (coord_is_ours(p) && c->now >= p->retry_at)
			attempt(p);
}

void coord_group_close(struct coordinator *c)
{
	struct visitor *v;

	while ((v = LIST_FIRST(&c->visitors))) {
		LIST_REMOVE(v, entry);
		ivc_close(v->ch);
		free(v);
	}
	ivc_unregister(c->ctx);
	c->ctx = NULL;
	free(c->members);
}
