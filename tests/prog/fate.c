/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One end of a channel (`fate`), which stays in a given state, or passes
 * through one state after the other, until something happens to it. `states`:
 * the expected result. For tests/lab/fates.sh and races.sh.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <ivc/protocol/state.h>
#include "apitest.h"

/* A guest with a rate of one request per second needs patience. */
#define A_SECOND 1100

/*
 * Two requests per second are answered. These delay the next request for 4 s,
 * and a request is given up after 5 s.
 */
#define IN_LINE 8

/*
 * Of two processes that act at the same time, sometimes the one is first,
 * sometimes the other.
 */
static void a_moment(struct rng *r)
{
	sleep_ms((int)rng_below(r, 20));
}

/*
 * List the members again and again, so that this guest is above its rate, and
 * its other requests are delayed or refused.
 */
static void *rush(void *ctx)
{
	struct rng r = rng_seed((uint64_t)now_ns(), 1);
	ivc_peer peer;

	for (;;) {
		ivc_hosts(ctx, &peer, 1);
		a_moment(&r);
	}
	return NULL;
}

/* Above the rate this request is refused, too. */
static ivc_context *register_at_last(const struct options *opt)
{
	ivc_context *ctx;

	while (!(ctx = ivc_register(opt->magic, opt->id)))
		sleep_ms(A_SECOND);
	return ctx;
}

/* Ask for a member that does not exist: many such requests can wait. */
static void *ask(void *ctx)
{
	struct ivc_channel_options co = { .timeout_ms = A_SECOND };
	ivc_peer nobody = { .member = UINT64_MAX };
	ivc_channel *ch;

	for (;;)
		ivc_connect_opt(ctx, nobody, &co, &ch);
	return NULL;
}

static void start_other(const struct options *opt, void *(*what)(void *),
			unsigned int threads)
{
	struct options other = *opt;
	ivc_context *ctx;
	pthread_t thread;

	other.id += 100;
	ctx = register_at_last(&other);
	while (threads--)
		if (pthread_create(&thread, NULL, what, ctx))
			fail("no thread");
}

/* Connect to a member with that id, which may have left and joined again. */
static int reach(ivc_context *ctx, const struct options *opt, ivc_peer *peer,
		 int timeout_ms, ivc_channel **ch)
{
	struct ivc_channel_options co = { .timeout_ms = timeout_ms,
					  .tx_size = opt->tx_size,
					  .rx_size = opt->rx_size };
	int ret = 0;

	if (!opt->peer)
		return ivc_accept_opt(ctx, &co, ch);
	if (!peer->member)
		ret = ivc_find(ctx, opt->peer, opt->timeout_ms, peer);
	if (!ret)
		ret = ivc_connect_opt(ctx, *peer, &co, ch);
	if (ret == -ENOENT)
		peer->member = 0;
	return ret;
}

int cmd_fate(const struct options *opt)
{
	bool rushing = !strcmp(opt->how, "rush");
	bool loop = !strcmp(opt->how, "loop");
	bool again = loop || rushing || !strcmp(opt->how, "again");
	struct rng r = rng_seed((uint64_t)now_ns(), 2);
	ivc_context *ctx = register_at_last(opt);
	ivc_peer peer = { 0 };
	ivc_channel *ch;
	int ret;

	if (rushing)
		start_other(opt, rush, 1);
	else if (!strcmp(opt->how, "queue"))
		start_other(opt, ask, IN_LINE);
	while (opt->until && access(opt->until, F_OK))
		sleep_ms(20);
	do {
		a_moment(&r);
		ret = reach(ctx, opt, &peer, loop ? 20 : opt->timeout_ms, &ch);
		if (!ret && loop)
			ivc_close(ch);
	} while (loop || (ret && again));
	for (;;)
		pause();
}

int cmd_states(const struct options *opt)
{
	int state, ev;

	(void)opt;
	for (state = 0; state < IVC_CHAN_STATES; state++)
		for (ev = 0; ev < IVC_CHAN_EVENTS; ev++) {
			int next = ivc_chan_next[state][ev];

			printf("%s %s %s\n", ivc_chan_state_name[state],
			       ivc_chan_event_name[ev],
			       next == IVC_STATE_NONE
				       ? "-"
				       : ivc_chan_state_name[next]);
		}
	return 0;
}
