/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shuttle: many channels, in both directions and without pause, until they end.
 *
 * The data of a channel is a pattern that both ends compute, so every byte is
 * checked. At the end each process prints an account of each channel: bytes
 * accepted, undelivered, and received. The scenario compares the two accounts
 * of a channel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apitest.h"

#define CHANNELS_MAX 256

struct line {
	ivc_channel *ch;
	uint32_t peer, nr; /* number of this channel between the two */
	uint64_t tx_seed, rx_seed;
	uint64_t sent, came;
	int end;    /* the error that ended reading */
	int tx_end; /* and writing */
	bool told;  /* by an event */
	struct rng rng;
};

static struct line lines[CHANNELS_MAX];
static unsigned int n_lines;
static uint8_t buf[65536];

static uint64_t seed(uint32_t from, uint32_t to, uint32_t nr)
{
	return (from * 1000003ull + to) * 1009 + nr;
}

static void add(const struct options *opt, ivc_channel *ch)
{
	struct line *l = &lines[n_lines];
	uint32_t nr = 0;
	unsigned int i;

	if (n_lines == CHANNELS_MAX)
		fail("more than %d channels", CHANNELS_MAX);
	for (i = 0; i < n_lines; i++)
		nr += lines[i].peer == ivc_peer_id(ch);
	n_lines++;
	l->ch = ch;
	l->peer = ivc_peer_id(ch);
	l->nr = nr;
	l->tx_seed = seed(opt->id, l->peer, nr);
	l->rx_seed = seed(l->peer, opt->id, nr);
	l->rng = rng_seed(opt->seed + l->tx_seed, 0);
}

/* Sizes as of messages: mostly small, sometimes large. */
static size_t some_size(struct line *l, const struct options *opt)
{
	uint32_t max = opt->max > sizeof(buf) ? sizeof(buf) : opt->max;

	return 1 + rng_below(&l->rng, rng_below(&l->rng, 8) ? 128 : max);
}

static ssize_t put(struct line *l, const struct options *opt, size_t len)
{
	ssize_t room;
	void *p;
	int ret;

	if (!opt->zero_copy || rng_below(&l->rng, 2)) {
		pattern_fill(l->tx_seed, l->sent, buf, len);
		return ivc_write(l->ch, buf, len);
	}
	room = ivc_reserve(l->ch, 1, len > 1024 ? 1024 : len, &p);
	if (room <= 0)
		return room;
	pattern_fill(l->tx_seed, l->sent, p, (size_t)room);
	ret = ivc_commit(l->ch, (size_t)room);
	return ret == -EAGAIN ? 0 : ret ? ret : room;
}

static ssize_t get(struct line *l, const struct options *opt, size_t len)
{
	const void *p = buf;
	size_t good;
	ssize_t n;

	if (!opt->zero_copy || rng_below(&l->rng, 2)) {
		n = ivc_read(l->ch, buf, len);
	} else {
		n = ivc_peek(l->ch, &p);
		if (n > (ssize_t)len)
			n = (ssize_t)len;
	}
	if (n <= 0)
		return n;
	good = pattern_check(l->rx_seed, l->came, p, (size_t)n);
	if (good != (size_t)n)
		fail("channel %u/%u: wrong byte at %llu", l->peer, l->nr,
		     (unsigned long long)(l->came + good));
	if (p != buf) {
		int ret = ivc_release(l->ch, (size_t)n);

		if (ret)
			fail("ivc_release: %s", errname(ret));
	}
	return n;
}

/* One step of a channel, in both directions. Returns true if anything moved. */
static bool step(struct line *l, const struct options *opt)
{
	bool moved = false;
	ssize_t n;

	if (!l->tx_end) {
		n = put(l, opt, some_size(l, opt));
		if (n < 0)
			l->tx_end = (int)n;
		else
			l->sent += (uint64_t)n;
		moved = n != 0;
	}
	if (!l->end) {
		n = get(l, opt, some_size(l, opt));
		if (n < 0)
			l->end = (int)n;
		else
			l->came += (uint64_t)n;
		moved |= n != 0;
	}
	return moved;
}

/* Undelivered data can be recalled, and is the end of the data sent. */
static ssize_t recall(struct line *l)
{
	ssize_t lost = ivc_undelivered(l->ch);
	size_t at = 0;

	if (lost < 0)
		fail("ivc_undelivered: %s", errname((int)lost));
	while (at < (size_t)lost) {
		size_t want = (size_t)lost - at;
		ssize_t n;

		if (want > 1000)
			want = 1000;
		n = ivc_recall(l->ch, buf, want, at);
		if (n != (ssize_t)want)
			fail("ivc_recall: %zd of %zu at %zu of %zd", n, want,
			     at, lost);
		if (pattern_check(l->tx_seed, l->sent - (uint64_t)lost + at,
				  buf, want) != want)
			fail("ivc_recall: wrong bytes at %zu of %zd", at, lost);
		at += want;
	}
	return lost;
}

static void account(struct line *l, const struct options *opt)
{
	ssize_t lost = recall(l);
	int ret;

	printf("account %u %u %u accepted %llu undelivered %zd received %llu "
	       "end %s\n",
	       opt->id, l->peer, l->nr, (unsigned long long)l->sent, lost,
	       (unsigned long long)l->came, errname(l->end));
	if (l->tx_end != l->end)
		fail("channel %u/%u: writing ended with %s, reading with %s",
		     l->peer, l->nr, errname(l->tx_end), errname(l->end));
	ret = ivc_close(l->ch);
	if (ret != l->end)
		fail("ivc_close: %s", errname(ret));
}

/* The events so far. */
struct story {
	unsigned int told;
	bool away, back;
};

static void on_suspended(ivc_context *ctx, ivc_channel *ch, const void *unread,
			 size_t len, void *arg)
{
	struct story *st = arg;
	unsigned int i;

	(void)ctx;
	(void)unread;
	for (i = 0; i < n_lines; i++)
		if (lines[i].ch == ch)
			break;
	if (i == n_lines || lines[i].told)
		fail("told of an unknown channel, or twice");
	/* All channels have been read to their ends by now. */
	if (len)
		fail("%zu bytes of channel %u/%u are unread", len,
		     lines[i].peer, lines[i].nr);
	lines[i].told = true;
	st->told++;
}

static void on_going(ivc_context *ctx, void *arg)
{
	(void)ctx;
	((struct story *)arg)->away = true;
}

static void on_arrived(ivc_context *ctx, int status, void *arg)
{
	(void)ctx;
	if (status)
		fail("arrived: %s", errname(status));
	((struct story *)arg)->back = true;
}

/* One event by ivc_next_event(), or all by callbacks: both report the same. */
static int hear(ivc_context *ctx, const struct options *opt, struct story *st)
{
	static const struct ivc_callbacks cb = { .going = on_going,
						 .arrived = on_arrived,
						 .suspended = on_suspended };
	struct ivc_event ev;
	int ret;

	if (opt->zero_copy)
		return ivc_dispatch(ctx, &cb, st, opt->timeout_ms);
	ret = ivc_next_event(ctx, &ev, opt->timeout_ms);
	if (ret != 1)
		return ret;
	if (ev.type == IVC_EVENT_SUSPENDED)
		on_suspended(ctx, ev.channel, NULL, 0, st);
	else if (ev.type == IVC_EVENT_GOING)
		on_going(ctx, st);
	else if (ev.type == IVC_EVENT_ARRIVED)
		on_arrived(ctx, ev.status, st);
	return 1;
}

/*
 * Take events until the end of all channels is reported and, if this guest
 * migrated, ARRIVED has come.
 */
static void events(ivc_context *ctx, const struct options *opt)
{
	bool moves = !strcmp(opt->how, "moves");
	struct story st = { 0 };
	int ret;

	while (st.told < n_lines || st.away != st.back || (moves && !st.back)) {
		ret = hear(ctx, opt, &st);
		if (ret <= 0)
			fail("no event any more: %d of %u channels told, "
			     "away %d, back %d: %s",
			     st.told, n_lines, st.away, st.back, errname(ret));
	}
	printf("shuttle: %u channels told of, %s\n", st.told,
	       st.back ? "moved and arrived" : "stayed");
}

int cmd_shuttle(const struct options *opt)
{
	struct options to = *opt;
	ivc_context *ctx = must_register(opt);
	unsigned int i, j, left;
	int64_t quiet = now_ns(), deadline;

	printf("shuttle: ready\n");
	for (i = 0; i < opt->expect.n; i++) {
		to.peer = opt->expect.id[i];
		for (j = 0; j < opt->channels; j++)
			add(opt, must_connect(ctx, &to));
	}
	for (i = 0; i < opt->count; i++)
		add(opt, must_accept(ctx, opt));
	printf("shuttle: %u channels\n", n_lines);
	deadline = now_ns() + opt->hold_ms * 1000000ll;
	do {
		bool moved = false;

		left = 0;
		for (i = 0; i < n_lines; i++) {
			moved |= step(&lines[i], opt);
			left += !lines[i].end || !lines[i].tx_end;
		}
		if (moved)
			quiet = now_ns();
		else
			sleep_ms(1);
		if (opt->hold_ms && now_ns() > deadline)
			fail("%u channels have not ended", left);
		if (now_ns() - quiet > opt->timeout_ms * 1000000ll)
			fail("nothing has moved for %d ms", opt->timeout_ms);
	} while (left);
	if (opt->error == EREMCHG)
		events(ctx, opt);
	for (i = 0; i < n_lines; i++) {
		account(&lines[i], opt);
		if (opt->error)
			expect_ret("the end", lines[i].end, -opt->error);
	}
	ivc_unregister(ctx);
	printf("PASS shuttle: %u channels\n", n_lines);
	return 0;
}
