/* SPDX-License-Identifier: GPL-2.0 */
/* Channels that this process has opened: see load.h. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"

/* One in so many answered messages is the last of its channel. */
#define LIFE 400

enum lane_state { CLOSED, CONNECTING, IDLE, BUSY };

struct lane {
	ivc_channel *ch;
	enum lane_state state;
	uint64_t member; /* to whom */
	uint32_t nr;	 /* lanes to each peer */
	int64_t since;	 /* since when it is in that state; CLOSED: closed until
			    then */
	uint64_t seed;
	uint64_t sent, came; /* behind the greeting */
	size_t len, put;     /* of the message under way */
};

/* By slots: a peer stays in its slot while it is a member. */
static struct lane *lanes;
static unsigned int n_lanes, per_peer;
static uint32_t think_ms;
static unsigned int top; /* no lane in use from here on */
static uint8_t buf[LOAD_MAX];

#define SLOTS 128

void lanes_make(const struct options *opt, unsigned int n)
{
	think_ms = (uint32_t)opt->within_ms;
	per_peer = n;
	n_lanes = SLOTS * n;
	lanes = calloc(n_lanes, sizeof(*lanes));
	if (!lanes)
		fail("out of memory");
}

static void lane_end(struct lane *l, int err)
{
	ssize_t lost = ivc_undelivered(l->ch);

	load_must_be_end("a lane", err);
	/* Answered data has been delivered. */
	if (lost < 0 || (uint64_t)lost > l->sent - l->came + sizeof(l->seed))
		fail("%zd undelivered of %llu, of which %llu were answered",
		     lost, (unsigned long long)l->sent,
		     (unsigned long long)l->came);
	load.undelivered += (uint64_t)lost;
	load.ended++;
	ivc_close(l->ch);
	l->ch = NULL;
	l->state = CLOSED;
	l->since = now_ns() + 1000000ll * rng_below(&load_rng, 300);
}

static void lane_close(struct lane *l)
{
	int ret;

	if (l->state == IDLE) {
		ret = ivc_close(l->ch);
		if (ret)
			load_must_be_end("ivc_close", ret);
		load.closed++;
	} else {
		ivc_close(l->ch);
	}
	l->ch = NULL;
	l->state = CLOSED;
	l->since = now_ns() + 1000000ll * rng_below(&load_rng, 300);
}

static bool lane_open(struct lane *l, ivc_context *ctx,
		      const struct options *opt, const ivc_peer *peer)
{
	struct ivc_channel_options co = { .tx_size = opt->tx_size,
					  .rx_size = opt->rx_size };
	int ret = ivc_connect_opt(ctx, *peer, &co, &l->ch);

	l->since = now_ns();
	if (ret) {
		load_must_be_end("connect", ret);
		load.refused++;
		l->since += 1000000ll * rng_below(&load_rng, 100);
		return false;
	}
	l->member = peer->member;
	l->state = CONNECTING;
	return true;
}

/* Once established, it begins with its greeting. */
static bool lane_connected(struct lane *l, const struct options *opt)
{
	int ret = ivc_connected(l->ch, 0);

	if (ret == -ETIMEDOUT &&
	    now_ns() - l->since < opt->timeout_ms * 1000000ll)
		return false;
	if (!ret) {
		l->seed = rng_next(&load_rng);
		l->sent = l->came = 0;
		l->state = IDLE;
		load.opened++;
		ret = (int)ivc_write(l->ch, &l->seed, sizeof(l->seed));
		if (ret != sizeof(l->seed))
			lane_end(l, ret);
		return true;
	}
	load_must_be_end("connected", ret);
	load.refused++;
	lane_close(l);
	l->since += 100000000;
	return true;
}

static void lane_begin(struct lane *l, const struct options *opt)
{
	uint32_t max = opt->max > LOAD_MAX ? LOAD_MAX : opt->max;

	l->len = 1 + rng_below(&load_rng, rng_below(&load_rng, 8) ? 128 : max);
	l->put = 0;
	l->since = now_ns();
	l->state = BUSY;
}

static bool lane_put(struct lane *l)
{
	ssize_t n;

	if (l->put == l->len)
		return false;
	pattern_fill(l->seed, l->sent, buf, l->len - l->put);
	n = ivc_write(l->ch, buf, l->len - l->put);
	if (n < 0) {
		lane_end(l, (int)n);
		return true;
	}
	l->put += (size_t)n;
	l->sent += (uint64_t)n;
	return n > 0;
}

static void lane_answered(struct lane *l)
{
	uint64_t us = (uint64_t)(now_ns() - l->since) / 1000 + 1;
	unsigned int log = 63 - (unsigned int)__builtin_clzll(us);
	uint64_t eighth = log >= 3 ? us >> (log - 3) : us << (3 - log);

	load.took[log * 8 + (eighth & 7)]++;
	load.messages++;
	load.bytes += l->len;
	l->state = IDLE;
	/* Wait before the next message, up to --within-ms. */
	l->since = now_ns() + 1000000ll * rng_below(&load_rng, think_ms + 1);
	if (!rng_below(&load_rng, LIFE))
		lane_close(l);
}

static bool lane_get(struct lane *l)
{
	size_t left = (size_t)(l->sent - l->came);
	ssize_t n = ivc_read(l->ch, buf, left < LOAD_MAX ? left : LOAD_MAX);

	if (n < 0) {
		lane_end(l, (int)n);
		return true;
	}
	if (pattern_check(l->seed, l->came, buf, (size_t)n) != (size_t)n)
		fail("a wrong byte came back");
	l->came += (uint64_t)n;
	if (l->put == l->len && l->came == l->sent)
		lane_answered(l);
	return n > 0;
}

static bool lane_step(struct lane *l, const struct options *opt, bool leaving)
{
	bool moved = false;

	switch (l->state) {
	case CONNECTING:
		if (leaving) {
			lane_close(l);
			return true;
		}
		return lane_connected(l, opt);
	case IDLE:
		if (leaving || now_ns() < l->since)
			return false;
		lane_begin(l, opt);
		moved = true;
		/* fallthrough */
	case BUSY:
		moved |= lane_put(l);
		if (l->state == BUSY && l->sent > l->came)
			moved |= lane_get(l);
		if (l->state == BUSY &&
		    now_ns() - l->since > opt->timeout_ms * 1000000ll)
			fail("no answer for %d ms", opt->timeout_ms);
		return moved;
	default:
		return false;
	}
}

/* The slot of the @i-th peer, after joins and leaves. */
static void lanes_match(ivc_context *ctx, const struct options *opt,
			const ivc_peer *peers, unsigned int n_peers)
{
	unsigned int i, k, used, slot = 0;
	int64_t now = now_ns();

	for (i = 0; i < n_peers; i++) {
		for (used = 0, k = 0; k < top; k++)
			used += lanes[k].state != CLOSED &&
				lanes[k].member == peers[i].member;
		for (; used < per_peer; used++) {
			while (slot < n_lanes && (lanes[slot].state != CLOSED ||
						  lanes[slot].since > now))
				slot++;
			if (slot == n_lanes ||
			    !lane_open(&lanes[slot], ctx, opt, &peers[i]))
				break;
			top = slot < top ? top : slot + 1;
		}
	}
}

bool lanes_step(ivc_context *ctx, const struct options *opt,
		const ivc_peer *peers, unsigned int n_peers, bool leaving)
{
	static int64_t matched;
	bool moved = false;
	unsigned int i;

	if (!leaving && now_ns() - matched > 50000000) {
		lanes_match(ctx, opt, peers, n_peers);
		matched = now_ns();
	}
	for (i = 0; i < top; i++)
		moved |= lane_step(&lanes[i], opt, leaving);
	return moved;
}

bool lanes_quiet(void)
{
	unsigned int i;

	for (i = 0; i < top; i++)
		if (lanes[i].state == BUSY || lanes[i].state == CONNECTING)
			return false;
	return true;
}

void lanes_close(void)
{
	unsigned int i;

	for (i = 0; i < top; i++)
		if (lanes[i].state != CLOSED)
			lane_close(&lanes[i]);
}

int lanes_arm(struct pollfd *fds, int room)
{
	unsigned int i;
	int n = 0;

	for (i = 0; i < top && n < room; i++) {
		struct lane *l = &lanes[i];

		/* A connecting channel is checked often enough. */
		if (l->state == CLOSED || l->state == CONNECTING)
			continue;
		if (l->state == BUSY &&
		    ivc_arm(l->ch, l->put < l->len ? IVC_READABLE | IVC_WRITABLE
						   : IVC_READABLE))
			return -1;
		fds[n].fd = ivc_channel_fd(l->ch);
		fds[n++].events = POLLIN;
	}
	return n;
}
