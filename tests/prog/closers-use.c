/* SPDX-License-Identifier: GPL-2.0 */
/* Scenarios of a channel in use: waiting, and its end in every state. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include "closers.h"

/* After so long, the wake-up came from the library's backstop of 1 s. */
/*
 * A sleeper that wakes later was woken by its own backstop, not by its peer.
 * One such wait in many can be a busy machine; a wake-up that a bug loses is
 * lost often.
 */
#define LATE_MS 900
#define LATE_MAX 2

static struct remote_cmd cmd_write(uint64_t n)
{
	return (struct remote_cmd){ .op = REMOTE_WRITE, .arg = n };
}

static void read_known(struct stage *s, ivc_channel *ch, uint64_t *at, size_t n)
{
	uint8_t buf[4096];

	while (n) {
		size_t k = n < sizeof(buf) ? n : sizeof(buf);

		must_read(ch, s->opt, buf, k);
		if (pattern_check(REMOTE_SEED, *at, buf, k) != k)
			fail("wrong bytes at %llu", (unsigned long long)*at);
		*at += k;
		n -= k;
	}
}

static void end_with_full_ring(struct stage *s)
{
	uint64_t at = 0, n;
	uint8_t byte = 0;
	ivc_channel *ch;

	remote_in(s);
	ch = channel_to(s, 0, 0);
	n = order(s, (struct remote_cmd){ .op = REMOTE_FILL }, 0);
	if (n < 32768)
		fail("a ring of 64 KiB or more took %llu bytes",
		     (unsigned long long)n);
	order(s, (struct remote_cmd){ .op = REMOTE_CLOSE }, 0);
	/* The write may be too late; the read must not fail. */
	expect_ret("wait", ivc_wait(ch, IVC_WRITABLE, 1000), IVC_WRITABLE);
	sleep_ms(100);
	expect_ret("write to a closed channel", ivc_write(ch, &byte, 1),
		   -EPIPE);
	read_known(s, ch, &at, n);
	must_end(ch, s->opt, -EPIPE);
	expect_ret("wait", ivc_wait(ch, IVC_READABLE | IVC_WRITABLE, 1000),
		   IVC_READABLE | IVC_WRITABLE);
	expect_ret("arm", ivc_arm(ch, IVC_READABLE), IVC_READABLE);
	expect_ret("close", ivc_close(ch), -EPIPE);
	remote_out(s);
}

static void end_half_read(struct stage *s)
{
	uint64_t at = 0;
	const void *p;
	ivc_channel *ch;
	ssize_t n;

	remote_in(s);
	ch = channel_to(s, 0, 0);
	order(s, cmd_write(30000), 0);
	read_known(s, ch, &at, 1234);
	n = ivc_peek(ch, &p);
	if (n <= 0 || pattern_check(REMOTE_SEED, at, p, (size_t)n) != (size_t)n)
		fail("peek: %zd or wrong bytes", n);
	order(s, (struct remote_cmd){ .op = REMOTE_CLOSE }, 0);
	sleep_ms(100);
	/* Data peeked at before the end is still there and the same. */
	if (pattern_check(REMOTE_SEED, at, p, (size_t)n) != (size_t)n)
		fail("peeked bytes changed at the end");
	expect_ret("release", ivc_release(ch, (size_t)n), 0);
	at += (uint64_t)n;
	read_known(s, ch, &at, 30000 - (size_t)at);
	must_end(ch, s->opt, -EPIPE);
	expect_ret("close", ivc_close(ch), -EPIPE);
	remote_out(s);
}

static void both_close(struct stage *s)
{
	ivc_channel *ch;
	int i;

	remote_in(s);
	for (i = 0; i < 20; i++) {
		struct remote_reply r;

		ch = channel_to(s, 0, 0);
		must_write(ch, s->opt, "never read", 10);
		tell(s, (struct remote_cmd){ .op = REMOTE_CLOSE });
		if (i % 2)
			sleep_ms(1);
		r.ret = ivc_close(ch);
		if (r.ret && r.ret != -EPIPE)
			fail("close: %s", errname((int)r.ret));
		r = answer(s);
		if (r.ret && r.ret != -EPIPE)
			fail("remote peer: close: %s", errname((int)r.ret));
	}
	remote_out(s);
}

static void outlives_context(struct stage *s)
{
	struct options opt = *s->opt;
	struct ivc_channel_options co = { .timeout_ms = 5000 };
	ivc_context *ctx;
	ivc_channel *ch;
	uint64_t at = 0;

	remote_in(s);
	opt.id = OUR_ID(s);
	ctx = must_register(&opt);
	tell(s, (struct remote_cmd){ .op = REMOTE_ACCEPT, .arg = 5000 });
	expect_ret("connect", ivc_connect_opt(ctx, remote_peer(s), &co, &ch),
		   0);
	expect_ret("remote peer: accept", answer(s).ret, 0);
	ivc_unregister(ctx);
	remote_out(s);
	order(s, cmd_write(100000 / 2), 0);
	read_known(s, ch, &at, 50000);
	channel_done(s, ch, 0, -EPIPE);
}

static void ended_while_asleep(struct stage *s)
{
	ivc_channel *ch;
	int64_t start;
	int i, late = 0;

	remote_in(s);
	for (i = 0; i < LATE_MAX + 1; i++) {
		ch = channel_to(s, 0, 0);
		ivc_set_spin(ch, 0);
		tell(s, (struct remote_cmd){ .op = REMOTE_SLEEP, .arg = 200 });
		tell(s, (struct remote_cmd){ .op = REMOTE_CLOSE });
		start = now_ns();
		expect_ret("wait", ivc_wait(ch, IVC_READABLE, 20000),
			   IVC_READABLE);
		late += now_ns() - start > (200 + LATE_MS) * 1000000ll;
		must_end(ch, s->opt, -EPIPE);
		expect_ret("remote peer: sleep", answer(s).ret, 0);
		expect_ret("remote peer: close", answer(s).ret, 0);
		expect_ret("close", ivc_close(ch), -EPIPE);
	}
	if (late > LATE_MAX)
		fail("the end woke nobody");
	remote_out(s);
}

static void armed(struct stage *s)
{
	struct pollfd pfd = { .events = POLLIN };
	uint64_t at = 0;
	ivc_channel *ch;
	int i;

	remote_in(s);
	ch = channel_to(s, 0, 0);
	pfd.fd = ivc_channel_fd(ch);
	for (i = 0; i < 10; i++) {
		expect_ret("arm", ivc_arm(ch, IVC_READABLE), 0);
		tell(s, (struct remote_cmd){ .op = REMOTE_SLEEP, .arg = 20 });
		tell(s, cmd_write(100));
		/*
		 * poll(2) has no backstop: after a lost wake-up it times out.
		 */
		do
			expect_ret("poll", poll(&pfd, 1, 20000), 1);
		while (!ivc_arm(ch, IVC_READABLE));
		read_known(s, ch, &at, 100);
		expect_ret("remote peer: sleep", answer(s).ret, 0);
		expect_ret("remote peer: write", answer(s).ret, 0);
	}
	channel_done(s, ch, 0, -EPIPE);
	remote_out(s);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Repeatedly: the first one may come before the call waits. */
static void alarms(bool on)
{
	struct itimerval it = { .it_value.tv_usec = on ? 50000 : 0,
				.it_interval.tv_usec = on ? 50000 : 0 };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void interrupted(struct stage *s)
{
	struct sigaction act = { .sa_handler = on_alarm,
				 .sa_flags = SA_RESTART };
	struct ivc_channel_options co = { .timeout_ms = 20000 };
	ivc_channel *ch;
	ivc_peer peer;
	int ret;

	remote_in(s);
	ch = channel_to(s, 0, 0);
	sigaction(SIGALRM, &act, NULL);
	alarms(true);
	ret = ivc_wait(ch, IVC_READABLE, 20000);
	alarms(false);
	expect_ret("wait, a signal", ret, -EINTR);
	channel_done(s, ch, 0, -EPIPE);
	alarms(true);
	ret = ivc_accept_opt(s->ctx, &co, &ch);
	alarms(false);
	expect_ret("accept, a signal", ret, -EINTR);
	peer = remote_peer(s);
	alarms(true);
	ret = ivc_connect_opt(s->ctx, peer, &co, &ch);
	alarms(false);
	expect_ret("connect, a signal", ret, -EINTR);
	remote_out(s);
}

static void wait_times_out(struct stage *s)
{
	int64_t start;
	ivc_channel *ch;

	remote_in(s);
	ch = channel_to(s, 0, 0);
	expect_ret("wait", ivc_wait(ch, IVC_READABLE | IVC_WRITABLE, 1000),
		   IVC_WRITABLE);
	start = now_ns();
	expect_ret("wait", ivc_wait(ch, IVC_READABLE, 150), 0);
	if (now_ns() - start < 145 * 1000000ll)
		fail("waited too short");
	expect_ret("wait for nothing", ivc_wait(ch, 0, 0), -EINVAL);
	expect_ret("wait for what is not", ivc_wait(ch, 8, 0), -EINVAL);
	channel_done(s, ch, 0, -EPIPE);
	remote_out(s);
}

struct side {
	struct stage *s;
	ivc_channel *ch;
	uint64_t bytes;
	int64_t latest; /* the longest single wait */
	uint64_t waits, late;
};

static void side_wait(struct side *side, int event)
{
	int64_t start = now_ns();
	int ret = ivc_wait(side->ch, event, side->s->opt->timeout_ms);

	if (ret != event)
		fail("wait for %d: %d", event, ret);
	side->waits++;
	side->late += now_ns() - start > LATE_MS * 1000000ll;
	if (now_ns() - start > side->latest)
		side->latest = now_ns() - start;
}

static void *side_read(void *arg)
{
	struct side *side = arg;
	uint64_t at = 0;
	uint8_t buf[700];

	while (at < side->bytes) {
		ssize_t n = ivc_read(side->ch, buf, sizeof(buf));

		if (n < 0)
			fail("read: %s", errname((int)n));
		if (!n)
			side_wait(side, IVC_READABLE);
		else if (pattern_check(REMOTE_SEED, at, buf, (size_t)n) !=
			 (size_t)n)
			fail("wrong bytes at %llu", (unsigned long long)at);
		at += (uint64_t)n;
	}
	return NULL;
}

static void *side_write(void *arg)
{
	struct side *side = arg;
	uint64_t at = 0;
	uint8_t buf[900];

	while (at < side->bytes) {
		size_t len = sizeof(buf);
		ssize_t n;

		if (len > side->bytes - at)
			len = (size_t)(side->bytes - at);
		pattern_fill(REMOTE_SEED, at, buf, len);
		n = ivc_write(side->ch, buf, len);
		if (n < 0)
			fail("write: %s", errname((int)n));
		if (!n)
			side_wait(side, IVC_WRITABLE);
		at += (uint64_t)n;
	}
	return NULL;
}

/*
 * A reading and a writing thread sleep on one doorbell. The remote peer gives
 * sometimes the one, sometimes the other what it waits for, in an order that
 * leaves the other one waiting. No wake-up may be lost to the wrong thread.
 */
static void two_threads(struct stage *s)
{
	const uint64_t rounds = 60, chunk = 3000;
	struct side r = { .s = s, .bytes = rounds * chunk };
	struct side w = { .s = s, .bytes = rounds * chunk };
	pthread_t rt, wt;
	uint64_t i;

	remote_in(s);
	/* A ring so small that the writer sleeps most of the time. */
	r.ch = channel_to(s, 4096, 4096);
	w.ch = r.ch;
	ivc_set_spin(r.ch, 0);
	if (pthread_create(&rt, NULL, side_read, &r) ||
	    pthread_create(&wt, NULL, side_write, &w))
		fail("pthread_create");
	for (i = 0; i < rounds; i++) {
		struct remote_cmd give = cmd_write(chunk);
		struct remote_cmd take = { .op = REMOTE_READ, .arg = chunk };

		order(s, i & 1 ? give : take, 0);
		if (i & 2)
			sleep_ms(5);
		order(s, i & 1 ? take : give, 0);
	}
	pthread_join(rt, NULL);
	pthread_join(wt, NULL);
	printf("closers: reader waited %llu times, writer %llu; longest %lld "
	       "and %lld ms\n",
	       (unsigned long long)r.waits, (unsigned long long)w.waits,
	       (long long)r.latest / 1000000, (long long)w.latest / 1000000);
	print_stats("closers", r.ch);
	if (r.late + w.late > LATE_MAX)
		fail("wake-ups were lost");
	channel_done(s, r.ch, 0, -EPIPE);
	remote_out(s);
}

const struct scenario use_scenarios[] = {
	{ "closed with a full ring", end_with_full_ring },
	{ "closed half read", end_half_read },
	{ "both close at once", both_close },
	{ "a channel outlives its context", outlives_context },
	{ "the end wakes a sleeper", ended_while_asleep },
	{ "arm and poll", armed },
	{ "signals", interrupted },
	{ "wait times out", wait_times_out },
	{ "two threads asleep on one channel", two_threads },
	{ NULL, NULL },
};
