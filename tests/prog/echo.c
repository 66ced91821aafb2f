/* SPDX-License-Identifier: GPL-2.0 */
/* echo, and its users: many channels at a time, and many in sequence. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apitest.h"

struct echo {
	ivc_channel *ch;
	const struct options *opt;
};

/* Echo all data. Returns the error that ended the channel. */
static int echo_all(ivc_channel *ch)
{
	uint8_t buf[16384];
	ssize_t n;
	int ret;

	for (;;) {
		n = ivc_read(ch, buf, sizeof(buf));
		if (n < 0)
			return (int)n;
		if (n) {
			n = ivc_write_all(ch, buf, (size_t)n, -1, NULL);
			if (n < 0)
				return (int)n;
			continue;
		}
		ret = ivc_wait(ch, IVC_READABLE, -1);
		if (ret < 0)
			return ret;
	}
}

static void *echo_thread(void *arg)
{
	struct echo *e = arg;
	int end = echo_all(e->ch);

	/* The other side may die or leave, but must not break the ring. */
	if (end != -EPIPE && end != -ECONNRESET && end != -ENODEV)
		fail("echo: channel to %u ended with %s", ivc_peer_id(e->ch),
		     errname(end));
	ivc_close(e->ch);
	free(e);
	return NULL;
}

static ivc_channel *echo_accept(ivc_context *ctx, const struct options *opt)
{
	struct ivc_channel_options co = { .tx_size = opt->tx_size,
					  .timeout_ms = -1 };
	ivc_channel *ch;
	int ret;

	/* --errno: the error with which an accept may fail. */
	do
		ret = ivc_accept_opt(ctx, &co, &ch);
	while (ret == -EINTR || (opt->error && ret == -opt->error));
	if (ret)
		fail("accept: %s", errname(ret));
	if (opt->spin_given)
		ivc_set_spin(ch, opt->spin);
	return ch;
}

int cmd_echo(const struct options *opt)
{
	ivc_context *ctx = must_register(opt);
	pthread_t *threads = NULL;
	uint64_t n, i;

	if (opt->count) {
		threads = calloc(opt->count, sizeof(*threads));
		if (!threads)
			fail("out of memory");
	}
	printf("echo: ready\n");
	for (n = 0; !opt->count || n < opt->count; n++) {
		struct echo *e = malloc(sizeof(*e));
		pthread_t thread;

		if (!e)
			fail("out of memory");
		e->opt = opt;
		e->ch = echo_accept(ctx, opt);
		if (pthread_create(&thread, NULL, echo_thread, e))
			fail("pthread_create");
		if (threads)
			threads[n] = thread;
		else
			pthread_detach(thread);
	}
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	ivc_unregister(ctx);
	printf("PASS echo: %llu channels\n", (unsigned long long)n);
	return 0;
}

/* A channel of `many`: the message under way. */
struct lane {
	ivc_channel *ch;
	uint8_t sent[512];
	uint8_t got[512];
	size_t len, have;
};

/*
 * Read all available data. Returns true when the whole message has come back,
 * unchanged.
 */
static bool lane_read(struct lane *l, uint32_t index)
{
	ssize_t n = ivc_read(l->ch, l->got + l->have, l->len - l->have);

	if (n < 0)
		fail("channel %u: read: %s", index, errname((int)n));
	l->have += (size_t)n;
	if (l->have < l->len)
		return false;
	if (memcmp(l->sent, l->got, l->len))
		fail("channel %u: the answer differs from the message", index);
	return true;
}

static void lanes_open(struct lane *lanes, ivc_context *ctx,
		       const struct options *opt)
{
	struct ivc_channel_options co = { .tx_size = opt->tx_size,
					  .rx_size = opt->rx_size };
	ivc_peer peer = must_find(ctx, opt);
	uint32_t i;
	int ret;

	/* Begin all connects before waiting for any. */
	for (i = 0; i < opt->channels; i++) {
		/* The peer's backlog may be full: try again later. */
		int64_t end = now_ns() + opt->timeout_ms * 1000000ll;

		while ((ret = ivc_connect_opt(ctx, peer, &co, &lanes[i].ch)) ==
			       -EBUSY &&
		       now_ns() < end)
			sleep_ms(5);
		if (ret)
			fail("channel %u: connect: %s", i, errname(ret));
	}
	for (i = 0; i < opt->channels; i++) {
		ret = ivc_connected(lanes[i].ch, opt->timeout_ms);
		if (ret)
			fail("channel %u: connected: %s", i, errname(ret));
	}
}

/* Send a message on each, then poll() until all are answered. */
static void lanes_round(struct lane *lanes, struct pollfd *fds, struct rng *r,
			const struct options *opt)
{
	uint32_t i, open = opt->channels;

	for (i = 0; i < opt->channels; i++) {
		struct lane *l = &lanes[i];

		l->len = 1 + rng_below(r, sizeof(l->sent));
		l->have = 0;
		rng_fill(r, l->sent, l->len);
		must_write(l->ch, opt, l->sent, l->len);
	}
	for (i = 0; i < opt->channels; i++) {
		fds[i].fd = ivc_channel_fd(lanes[i].ch);
		fds[i].events = POLLIN;
	}
	while (open) {
		bool moved = false;
		int ret;

		for (i = 0; i < opt->channels; i++) {
			if (fds[i].fd < 0)
				continue;
			ret = ivc_arm(lanes[i].ch, IVC_READABLE);
			if (ret < 0)
				fail("channel %u: arm: %s", i, errname(ret));
			if (!ret)
				continue;
			moved = true;
			if (lane_read(&lanes[i], i)) {
				fds[i].fd = -1;
				open--;
			}
		}
		if (moved || !open)
			continue;
		ret = poll(fds, opt->channels, opt->timeout_ms);
		if (ret < 0 && errno != EINTR)
			fail("poll: %s", errname(errno));
		if (!ret)
			fail("%u of %u channels silent for %d s", open,
			     opt->channels, opt->timeout_ms / 1000);
	}
}

int cmd_many(const struct options *opt)
{
	uint64_t rounds = opt->count ? opt->count : 20;
	struct rng r = rng_seed(opt->seed, 0);
	struct lane *lanes = calloc(opt->channels, sizeof(*lanes));
	struct pollfd *fds = calloc(opt->channels, sizeof(*fds));
	ivc_context *ctx = must_register(opt);
	uint64_t n;
	uint32_t i;

	if (!lanes || !fds)
		fail("out of memory");
	lanes_open(lanes, ctx, opt);
	for (n = 0; n < rounds; n++) {
		lanes_round(lanes, fds, &r, opt);
		print_progress(n, rounds);
	}
	if (opt->channels)
		print_stats("many (the first)", lanes[0].ch);
	for (i = 0; i < opt->channels; i++)
		expect_ret("ivc_close", ivc_close(lanes[i].ch), 0);
	ivc_unregister(ctx);
	free(fds);
	free(lanes);
	printf("PASS many: %u channels, %llu rounds\n", opt->channels,
	       (unsigned long long)rounds);
	return 0;
}

int cmd_cycle(const struct options *opt)
{
	uint64_t count = opt->count ? opt->count : 1000;
	ivc_context *ctx = must_register(opt);
	int64_t start = now_ns();
	uint64_t n;

	for (n = 0; n < count; n++) {
		ivc_channel *ch = must_connect(ctx, opt);
		uint64_t out = n ^ opt->seed << 32, in = 0;

		must_write(ch, opt, &out, sizeof(out));
		must_read(ch, opt, &in, sizeof(in));
		if (in != out)
			fail("cycle %llu: %#llx came back as %#llx",
			     (unsigned long long)n, (unsigned long long)out,
			     (unsigned long long)in);
		expect_ret("ivc_close", ivc_close(ch), 0);
		print_progress(n, count);
	}
	ivc_unregister(ctx);
	printf("PASS cycle: %llu channels, %.3f ms each\n",
	       (unsigned long long)count,
	       (double)(now_ns() - start) / 1e6 / (double)count);
	return 0;
}
