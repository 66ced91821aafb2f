/* SPDX-License-Identifier: GPL-2.0 */
/* Scenarios before a channel is established. */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ivc/protocol/ring.h>
#include "closers.h"

static void ids(struct stage *s)
{
	ivc_context *twin = ivc_register(s->opt->magic, s->opt->id);
	ivc_context *other;

	if (twin)
		fail("id %u registered twice", s->opt->id);
	expect_ret("second registration", -errno, -EADDRINUSE);
	/*
	 * A process in the guest of the remote peer must not get the id,
	 * either.
	 */
	order(s,
	      (struct remote_cmd){ .op = REMOTE_REGISTER, .arg = s->opt->id },
	      -EADDRINUSE);
	/* In another group the id is free. */
	other = ivc_register(s->opt->magic + 1, s->opt->id);
	if (!other)
		fail("same id in another group: %s", errname(errno));
	if (ivc_get_hosts(other)[0].member)
		fail("the other group is not empty");
	ivc_unregister(other);
	/* And the id is free again after an unregister. */
	remote_in(s);
	remote_out(s);
	remote_in(s);
	remote_out(s);
}

static void unknown(struct stage *s)
{
	struct ivc_channel_options co = { .timeout_ms = 5000 };
	ivc_peer peer, gone;
	ivc_channel *ch;

	remote_in(s);
	gone = remote_peer(s);
	remote_out(s);
	/*
	 * The backend learns of it after the process of the remote peer has
	 * gone on.
	 */
	while (!ivc_find(s->ctx, REMOTE_ID(s), 0, &peer))
		sleep_ms(10);
	expect_ret("connect to a member gone",
		   ivc_connect_opt(s->ctx, gone, &co, &ch), -ENOENT);
	if (ch)
		fail("failed connect left a channel");
	peer = gone;
	peer.member = 0;
	expect_ret("connect to nobody", ivc_connect_opt(s->ctx, peer, &co, &ch),
		   -ENOENT);
	peer.member = UINT64_MAX;
	expect_ret("connect to a member that never was",
		   ivc_connect_opt(s->ctx, peer, &co, &ch), -ENOENT);
	expect_ret("find what is gone",
		   ivc_find(s->ctx, REMOTE_ID(s), 100, &peer), -ETIMEDOUT);
	expect_ret("find, looking once",
		   ivc_find(s->ctx, REMOTE_ID(s), 0, &peer), -ETIMEDOUT);
}

static void bad_options(struct stage *s)
{
	static const uint32_t sizes[] = { 1,	 2048,	 4095,	   4097,
					  12288, 100000, 33554432, UINT32_MAX };
	struct ivc_channel_options co;
	ivc_channel *ch;
	ivc_peer peer;
	size_t i;

	remote_in(s);
	peer = remote_peer(s);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		co = (struct ivc_channel_options){ .tx_size = sizes[i] };
		expect_ret("bad tx_size",
			   ivc_connect_opt(s->ctx, peer, &co, &ch), -EINVAL);
		expect_ret("accept, bad tx_size",
			   ivc_accept_opt(s->ctx, &co, &ch), -EINVAL);
		co = (struct ivc_channel_options){ .rx_size = sizes[i] };
		expect_ret("bad rx_size",
			   ivc_connect_opt(s->ctx, peer, &co, &ch), -EINVAL);
	}
	co = (struct ivc_channel_options){ .reserved[4] = 1 };
	expect_ret("reserved not zero", ivc_connect_opt(s->ctx, peer, &co, &ch),
		   -EINVAL);
	remote_out(s);
}

/* @ns must be @ms or a little more. */
static void about(const char *what, int64_t ns, int ms)
{
	if (ns < (ms - 5) * 1000000ll || ns > (ms + 2000) * 1000000ll)
		fail("%s took %lld ms, expected %d", what,
		     (long long)ns / 1000000, ms);
}

/*
 * A close does not wait for the backend. An accept on another guest's control
 * ring may overtake it, and gets a channel that ends at once. Here that must
 * not happen.
 */
static void settle(void)
{
	struct timespec ts = { .tv_nsec = 300000000 };

	nanosleep(&ts, NULL);
}

static void timeouts(struct stage *s)
{
	struct ivc_channel_options co = { .timeout_ms = 200 };
	ivc_channel *ch;
	int64_t start = now_ns();

	expect_ret("accept without offer", ivc_accept_opt(s->ctx, &co, &ch),
		   -ETIMEDOUT);
	about("accept", now_ns() - start, 200);
	remote_in(s);
	start = now_ns();
	expect_ret("connect without accept",
		   ivc_connect_opt(s->ctx, remote_peer(s), &co, &ch),
		   -ETIMEDOUT);
	about("connect", now_ns() - start, 200);
	/* The offer has been withdrawn: an accept must not get it. */
	settle();
	order(s, (struct remote_cmd){ .op = REMOTE_ACCEPT, .arg = 200 },
	      -ETIMEDOUT);
	remote_out(s);
}

static void nonblocking(struct stage *s)
{
	struct ivc_channel_options co = { 0 };
	ivc_channel *ch;
	uint8_t buf[100], want[100];
	const void *cp;
	void *p;

	remote_in(s);
	expect_ret("nonblocking connect",
		   ivc_connect_opt(s->ctx, remote_peer(s), &co, &ch), 0);
	expect_ret("connected, at once", ivc_connected(ch, 0), -ETIMEDOUT);
	expect_ret("connected, a while", ivc_connected(ch, 50), -ETIMEDOUT);
	expect_ret("write while connecting", ivc_write(ch, buf, 100), 0);
	expect_ret("large write while connecting", ivc_write(ch, buf, 57), 0);
	expect_ret("read while connecting", ivc_read(ch, buf, 100), 0);
	expect_ret("small read while connecting", ivc_read(ch, buf, 8), 0);
	expect_ret("reserve while connecting", ivc_reserve(ch, 1, 1, &p), 0);
	expect_ret("peek while connecting", ivc_peek(ch, &cp), 0);
	expect_ret("wait while connecting", ivc_wait(ch, IVC_READABLE, 50), 0);
	expect_ret("arm while connecting", ivc_arm(ch, IVC_WRITABLE), 0);
	tell(s, (struct remote_cmd){ .op = REMOTE_ACCEPT, .arg = 5000 });
	/* ivc_wait() waits for the connection first. */
	expect_ret("wait", ivc_wait(ch, IVC_WRITABLE, 5000), IVC_WRITABLE);
	expect_ret("remote peer: accept", answer(s).ret, 0);
	expect_ret("connected, now", ivc_connected(ch, 0), 0);
	order(s, (struct remote_cmd){ .op = REMOTE_WRITE, .arg = 100 }, 0);
	must_read(ch, s->opt, buf, 100);
	pattern_fill(REMOTE_SEED, 0, want, 100);
	if (memcmp(buf, want, 100))
		fail("wrong bytes");
	channel_done(s, ch, 0, -EPIPE);
	remote_out(s);
}

/* An event loop learns of the connection as of later data. */
static void armed_while_connecting(struct stage *s)
{
	struct ivc_channel_options co = { 0 };
	struct pollfd pfd = { .events = POLLIN };
	ivc_channel *ch;

	remote_in(s);
	expect_ret("nonblocking connect",
		   ivc_connect_opt(s->ctx, remote_peer(s), &co, &ch), 0);
	pfd.fd = ivc_channel_fd(ch);
	expect_ret("arm while connecting", ivc_arm(ch, IVC_WRITABLE), 0);
	expect_ret("poll while connecting", poll(&pfd, 1, 50), 0);
	tell(s, (struct remote_cmd){ .op = REMOTE_ACCEPT, .arg = 5000 });
	do
		expect_ret("poll", poll(&pfd, 1, 20000), 1);
	while (!ivc_arm(ch, IVC_WRITABLE));
	expect_ret("connected", ivc_connected(ch, 0), 0);
	expect_ret("remote peer: accept", answer(s).ret, 0);
	channel_done(s, ch, 0, -EPIPE);
	remote_out(s);
}

static void close_while_connecting(struct stage *s)
{
	struct ivc_channel_options co = { 0 };
	ivc_channel *ch;
	int i;

	remote_in(s);
	for (i = 0; i < 10; i++) {
		expect_ret("nonblocking connect",
			   ivc_connect_opt(s->ctx, remote_peer(s), &co, &ch),
			   0);
		expect_ret("close while connecting", ivc_close(ch), 0);
	}
	settle();
	order(s, (struct remote_cmd){ .op = REMOTE_ACCEPT, .arg = 200 },
	      -ETIMEDOUT);
	remote_out(s);
}

static void target_leaves(struct stage *s)
{
	struct ivc_channel_options co = { 0 };
	ivc_channel *ch;
	uint8_t byte;

	remote_in(s);
	expect_ret("nonblocking connect",
		   ivc_connect_opt(s->ctx, remote_peer(s), &co, &ch), 0);
	remote_out(s);
	expect_ret("the target has left", ivc_connected(ch, 5000),
		   -ECONNREFUSED);
	expect_ret("again", ivc_connected(ch, 0), -ECONNREFUSED);
	expect_ret("read", ivc_read(ch, &byte, 1), -ECONNREFUSED);
	expect_ret("write", ivc_write(ch, &byte, 1), -ECONNREFUSED);
	expect_ret("wait", ivc_wait(ch, IVC_READABLE, 1000), IVC_READABLE);
	expect_ret("close", ivc_close(ch), -ECONNREFUSED);
}

/* The accepter may be slower than the whole life of the offerer's end. */
static void quick(struct stage *s)
{
	struct ivc_channel_options co = { .timeout_ms = 10000 };
	uint8_t buf[5000], want[5000];
	ivc_channel *ch;
	int i;

	pattern_fill(REMOTE_SEED, 0, want, sizeof(want));
	order(s,
	      (struct remote_cmd){ .op = REMOTE_REGISTER, .arg = REMOTE_ID(s) },
	      0);
	for (i = 0; i < 20; i++) {
		tell(s, (struct remote_cmd){ .op = REMOTE_CONNECT,
					     .arg = s->opt->id,
					     .arg2 = 10000 });
		tell(s, (struct remote_cmd){ .op = REMOTE_WRITE,
					     .arg = sizeof(buf) });
		tell(s, (struct remote_cmd){ .op = REMOTE_CLOSE });
		expect_ret("accept", ivc_accept_opt(s->ctx, &co, &ch), 0);
		if (i % 2)
			sleep_ms(20);
		must_read(ch, s->opt, buf, sizeof(buf));
		if (memcmp(buf, want, sizeof(buf)))
			fail("wrong bytes");
		must_end(ch, s->opt, -EPIPE);
		expect_ret("close", ivc_close(ch), -EPIPE);
		expect_ret("remote peer: connect", answer(s).ret, 0);
		expect_ret("remote peer: write", answer(s).ret, 0);
		expect_ret("remote peer: close", answer(s).ret, 0);
	}
	remote_out(s);
}

static void sizes(struct stage *s)
{
	const char *transport = getenv("IVC_TRANSPORT");
	bool local = transport && !strcmp(transport, "local");
	long usual = 1l << (local ? IVC_RING_DEFAULT_LOCAL_SHIFT
				  : IVC_RING_DEFAULT_SHIFT);
	struct ivc_stats st;
	ivc_channel *ch;

	remote_in(s);
	ch = channel_to(s, 4096, 1u << 20);
	expect_ret("stats", ivc_get_stats(ch, &st), 0);
	expect_ret("own ring", st.tx_size, 4096);
	expect_ret("the peer's ring", st.rx_size, 1u << 20);
	order(s, (struct remote_cmd){ .op = REMOTE_FILL }, 0);
	channel_done(s, ch, 0, -EPIPE);
	ch = channel_to(s, 0, 0);
	expect_ret("stats", ivc_get_stats(ch, &st), 0);
	expect_ret("own ring by default", st.tx_size, usual);
	expect_ret("the peer's by default", st.rx_size, usual);
	channel_done(s, ch, 0, -EPIPE);
	remote_out(s);
}

static void events(struct stage *s)
{
	struct ivc_event ev;
	ivc_peer peer;

	/* Take the events of the group until now. */
	while (ivc_next_event(s->ctx, &ev, 300) == 1)
		;
	remote_in(s);
	peer = remote_peer(s);
	expect_ret("event", ivc_next_event(s->ctx, &ev, 5000), 1);
	expect_ret("join", ev.type, IVC_EVENT_JOIN);
	expect_ret("who", ev.peer.member, peer.member);
	expect_ret("id", ev.peer.id, REMOTE_ID(s));
	remote_out(s);
	expect_ret("event", ivc_next_event(s->ctx, &ev, 5000), 1);
	expect_ret("leave", ev.type, IVC_EVENT_LEAVE);
	expect_ret("who", ev.peer.member, peer.member);
	expect_ret("no event", ivc_next_event(s->ctx, &ev, 100), 0);
	expect_ret("no event, at once", ivc_next_event(s->ctx, &ev, 0), 0);
}

const struct scenario open_scenarios[] = {
	{ "process ids", ids },
	{ "unknown members", unknown },
	{ "options that make no sense", bad_options },
	{ "accept and connect time out", timeouts },
	{ "nonblocking connect", nonblocking },
	{ "armed while connecting", armed_while_connecting },
	{ "close while connecting", close_while_connecting },
	{ "the target leaves", target_leaves },
	{ "closed before the accepter looks", quick },
	{ "ring sizes", sizes },
	{ "join and leave", events },
	{ NULL, NULL },
};
