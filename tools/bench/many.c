/* SPDX-License-Identifier: MIT */
/*
 * The cost of finding the ready channel among N: a process with N channels
 * answers each message on its channel; the other process sends on one channel
 * at a time, always the same or any, and waits for the answer.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/histogram.h"
#include "ivc-pair.h"
#include "plan.h"
#include "fork-pair.h"

#define CHANNELS_MAX 1024
#define BATCH 4 /* round trips per sample */
#define RING 16384
#define STOP UINT64_MAX

struct many {
	unsigned int n;
	ivc_channel *ch[CHANNELS_MAX];
	struct pollfd pfd[CHANNELS_MAX];
	int epoll;
};

static struct many m;
static struct histogram histogram;

/* Answer a message on channel @i: 1, 0 if there is none, or -errno. */
static inline int answer(unsigned int i, bool *stop)
{
	uint64_t word;
	ssize_t n = ivc_read(m.ch[i], &word, sizeof(word));

	if (n <= 0)
		return (int)n;
	*stop |= word == STOP;
	n = ivc_write(m.ch[i], &word, sizeof(word));
	return n < 0 ? (int)n : 1;
}

/* Answer all messages on channel @i, then arm it for the next one. */
static int answer_and_arm(unsigned int i, bool *stop)
{
	int ret;

	do {
		do
			ret = answer(i, stop);
		while (ret > 0 && !*stop);
		/* The peer closes its channels now. */
		if (*stop)
			return 0;
		if (!ret)
			ret = ivc_arm(m.ch[i], IVC_READABLE);
	} while (ret > 0);
	return ret;
}

static int serve_scan(void)
{
	bool stop = false;

	while (!stop) {
		for (unsigned int i = 0; i < m.n && !stop; i++) {
			int ret = answer(i, &stop);

			if (ret < 0)
				return ret;
		}
	}
	return 0;
}

static int serve_poll(void)
{
	bool stop = false;
	int ret = 0;

	for (unsigned int i = 0; i < m.n && !ret && !stop; i++) {
		m.pfd[i] = (struct pollfd){ .fd = ivc_channel_fd(m.ch[i]),
					    .events = POLLIN };
		ret = answer_and_arm(i, &stop);
	}
	while (!stop && !ret) {
		if (poll(m.pfd, m.n, -1) < 0)
			return -errno;
		for (unsigned int i = 0; i < m.n && !ret && !stop; i++)
			if (m.pfd[i].revents)
				ret = answer_and_arm(i, &stop);
	}
	return ret;
}

static int serve_epoll(void)
{
	struct epoll_event ev[16];
	bool stop = false;
	int ret = 0;

	m.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (m.epoll < 0)
		return -errno;
	for (unsigned int i = 0; i < m.n && !ret && !stop; i++) {
		ev[0] = (struct epoll_event){ .events = EPOLLIN,
					      .data.u32 = i };
		if (epoll_ctl(m.epoll, EPOLL_CTL_ADD, ivc_channel_fd(m.ch[i]),
			      &ev[0]))
			return -errno;
		ret = answer_and_arm(i, &stop);
	}
	while (!stop && !ret) {
		int n = epoll_wait(m.epoll, ev, 16, -1);

		if (n < 0)
			return -errno;
		for (int i = 0; i < n && !ret && !stop; i++)
			ret = answer_and_arm(ev[i].data.u32, &stop);
	}
	return ret;
}

static const struct method {
	const char *name;
	int (*serve)(void);
} methods[] = {
	{ "scan", serve_scan },
	{ "poll", serve_poll },
	{ "epoll", serve_epoll },
};

static int round_trip(unsigned int i, uint64_t word)
{
	ssize_t n = ivc_write(m.ch[i], &word, sizeof(word));

	/* Only one word is in transit, so there is room. */
	if (n != sizeof(word))
		return n < 0 ? (int)n : -EIO;
	do
		n = ivc_read(m.ch[i], &word, sizeof(word));
	while (!n);
	return n < 0 ? (int)n : 0;
}

/* A channel: always the last, or all in an order like a random one. */
static unsigned int pick(bool any)
{
	static uint32_t x = 1;

	if (!any)
		return m.n - 1;
	x = x * 1664525u + 1013904223u;
	return (x >> 8) % m.n;
}

static int ask(unsigned int ms, unsigned int limit, bool any)
{
	uint64_t begin = clock_ns(), last = begin;
	uint64_t warm = begin + ms * 200000ull, end = warm + ms * 1000000ull;

	histogram_reset(&histogram);
	while (last < end && (!limit || histogram.n < limit)) {
		uint64_t now;

		for (int i = 0; i < BATCH; i++) {
			int ret = round_trip(pick(any), i);

			if (ret)
				return ret;
		}
		now = clock_ns();
		if (now > warm || limit)
			histogram_add(&histogram, now - last);
		last = clock_ns();
	}
	return round_trip(0, STOP);
}

static int run(const struct method *how, bool server, const struct plan *p,
	       bool any, uint64_t magic)
{
	ivc_context *ctx;
	int ret = pin(p->cpus[server]);

	if (ret)
		return ret;
	ctx = ivc_pair_register(magic, server);
	if (!ctx)
		return -errno;
	ret = ivc_pair_connect(ctx, server, RING, m.ch, m.n);
	if (!ret)
		ret = server ? how->serve() : ask(p->ms, p->limit, any);
	for (unsigned int i = 0; i < m.n; i++)
		ivc_close(m.ch[i]);
	ivc_unregister(ctx);
	return ret;
}

const struct contender *const contenders[] = { NULL };

int main(int argc, char **argv)
{
	uint64_t magic = 0x6d61000000000000u | (uint32_t)getpid();
	const struct method *how = NULL;
	struct rlimit files;
	struct plan p;
	pid_t second;
	bool any;
	int ret;

	if (argc < 4)
		goto wrong;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(argv[1], methods[i].name))
			how = &methods[i];
	m.n = (unsigned int)strtoul(argv[2], NULL, 10);
	any = !strcmp(argv[3], "any");
	if (!how || !m.n || m.n > CHANNELS_MAX)
		goto wrong;
	plan_read(&p, argc - 3, argv + 3);
	/* Each channel needs some descriptors. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	second = fork_pair();
	if (second < 0)
		return 1;
	ret = run(how, !second, &p, any, magic);
	if (ret)
		fprintf(stderr, "%s, %s: %s\n", how->name,
			second ? "client" : "server", strerror(-ret));
	if (!second)
		return !!ret;
	fork_pair_end(second, ret);
	if (!ret)
		printf("{\"method\": \"%s\", \"channels\": %u, "
		       "\"busy\": \"%s\", \"p10\": %.4f, \"p50\": %.4f, "
		       "\"p90\": %.4f, \"p99\": %.4f}\n",
		       how->name, m.n, any ? "any" : "one",
		       histogram_percentile(&histogram, 10) / BATCH / 2e3,
		       histogram_percentile(&histogram, 50) / BATCH / 2e3,
		       histogram_percentile(&histogram, 90) / BATCH / 2e3,
		       histogram_percentile(&histogram, 99) / BATCH / 2e3);
	return !!ret;
wrong:
	fprintf(stderr, "usage: many scan|poll|epoll CHANNELS one|any "
			"[--cpus A,B] [--ms N] [--limit N]\n");
	return 64;
}
