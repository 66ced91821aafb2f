/* SPDX-License-Identifier: GPL-2.0 */
/* The process: see load.h. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"

#define PEERS_MAX 128
#define FDS_MAX 4096

struct load load;
struct rng load_rng;

void load_must_be_end(const char *what, int err)
{
	switch (err) {
	case -EPIPE:
	case -ECONNRESET:
	case -ECONNREFUSED:
	case -ECONNABORTED:
	case -ENOENT:
	case -EBUSY:
	case -ETIMEDOUT:
		return;
	default:
		fail("%s: %s", what, errname(err));
	}
}

/* A process with this id may just have been killed. */
static ivc_context *join(const struct options *opt)
{
	int64_t end = now_ns() + opt->timeout_ms * 1000000ll;
	ivc_context *ctx;

	while (!(ctx = ivc_register(opt->magic, opt->id))) {
		if ((errno != EADDRINUSE && errno != EBUSY) || now_ns() > end)
			fail("ivc_register: %s", errname(errno));
		sleep_ms(20);
	}
	load.joins++;
	return ctx;
}

/*
 * For how many ms to poll(): processes with long pauses are one of many that
 * share the CPUs.
 */
static int glance(const struct options *opt)
{
	return opt->within_ms > 2000 ? opt->within_ms / 100 : 20;
}

/* Wait for data, or until a member may have joined. */
static void wait_for_more(ivc_context *ctx, const struct options *opt)
{
	static struct pollfd fds[FDS_MAX];
	int lanes, guests;

	fds[0].fd = ivc_context_fd(ctx);
	fds[0].events = POLLIN;
	lanes = lanes_arm(fds + 1, FDS_MAX - 1);
	if (lanes < 0)
		return;
	guests = guests_arm(fds + 1 + lanes, FDS_MAX - 1 - lanes);
	if (guests < 0)
		return;
	if (poll(fds, (nfds_t)(1 + lanes + guests), glance(opt)) < 0 &&
	    errno != EINTR)
		fail("poll: %s", errname(errno));
}

/* Be a member until @until; then finish all channels. */
static void stay(const struct options *opt, int64_t until)
{
	static ivc_peer peers[PEERS_MAX];
	ivc_context *ctx = join(opt);
	int64_t looked = 0, deadline = 0;
	int n = 0;

	for (;;) {
		int64_t now = now_ns();
		bool leaving = now >= until;
		bool moved;

		if (now - looked > 10000000ll * glance(opt)) {
			n = ivc_hosts(ctx, peers, PEERS_MAX);
			if (n < 0 && n != -EBUSY)
				fail("ivc_hosts: %s", errname(n));
			if (n > PEERS_MAX)
				fail("%d members", n);
			looked = now;
		}
		moved = lanes_step(ctx, opt, peers, n < 0 ? 0 : (unsigned)n,
				   leaving);
		moved |= guests_step(ctx, opt);
		if (leaving && lanes_quiet())
			break;
		if (leaving && !deadline)
			deadline = now + opt->timeout_ms * 1000000ll;
		if (deadline && now > deadline)
			fail("messages are not answered any more");
		if (!moved)
			wait_for_more(ctx, opt);
	}
	lanes_close();
	/*
	 * Other processes are in the middle of a message, which is the purpose.
	 */
	guests_close();
	ivc_unregister(ctx);
}

static double percentile(double p)
{
	uint64_t want = (uint64_t)(p * (double)load.messages), n = 0;
	unsigned int i;

	for (i = 0; i < 511; i++) {
		n += load.took[i];
		if (n > want)
			break;
	}
	/* The middle of the eighth, in ms */
	return (double)(1ull << i / 8) * (1 + (i % 8 + 0.5) / 8) / 1000;
}

int cmd_load(const struct options *opt)
{
	int64_t end = now_ns() + opt->hold_ms * 1000000ll;

	load_rng = rng_seed(opt->seed, opt->id);
	lanes_make(opt, opt->channels);
	printf("load: ready\n");
	while (now_ns() < end) {
		/* With --after S, no process stays longer. */
		int64_t until = end;

		if (opt->after != UINT64_MAX)
			until = now_ns() +
				1000000ll *
					rng_below(&load_rng,
						  (uint32_t)opt->after * 1000);
		stay(opt, until < end ? until : end);
		if (until < end)
			sleep_ms((int)rng_below(&load_rng, 1000));
	}
	printf("PASS load: %llu messages, %llu bytes, %llu lanes opened, "
	       "%llu closed, %llu ended by others, %llu refused, "
	       "%llu undelivered; %llu served; %llu joins; "
	       "round trip ms: half %.2f, 99 %% %.2f, 99.9 %% %.2f\n",
	       (unsigned long long)load.messages,
	       (unsigned long long)load.bytes, (unsigned long long)load.opened,
	       (unsigned long long)load.closed, (unsigned long long)load.ended,
	       (unsigned long long)load.refused,
	       (unsigned long long)load.undelivered,
	       (unsigned long long)load.served, (unsigned long long)load.joins,
	       percentile(0.5), percentile(0.99), percentile(0.999));
	return 0;
}
