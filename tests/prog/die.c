/* SPDX-License-Identifier: GPL-2.0 */
/*
 * die and expect-end: the end of a channel that is not closed.
 *
 * Both sides compute all bytes from their offset alone. So any data before the
 * end is verified, and with --after also its length.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "apitest.h"

static __attribute__((noreturn)) void end_like(const char *how)
{
	fflush(stdout);
	if (!strcmp(how, "abort"))
		abort();
	/* Exit without a close. */
	if (!strcmp(how, "exit"))
		_exit(0);
	/* Wait until the guest is destroyed. */
	if (!strcmp(how, "wait"))
		for (;;)
			pause();
	if (*how && strcmp(how, "kill"))
		fail("--how %s: kill, abort, exit, wait or close", how);
	raise(SIGKILL);
	_exit(1);
}

int cmd_die(const struct options *opt)
{
	ivc_context *ctx = must_register(opt);
	ivc_channel *ch = must_connect(ctx, opt);
	uint8_t buf[4096];
	uint64_t at;
	size_t n;

	for (at = 0; at < opt->after; at += n) {
		n = sizeof(buf);
		if (n > opt->after - at)
			n = (size_t)(opt->after - at);
		pattern_fill(opt->seed, at, buf, n);
		must_write(ch, opt, buf, n);
	}
	if (!strcmp(opt->how, "close")) {
		expect_ret("ivc_close", ivc_close(ch), 0);
		ivc_unregister(ctx);
		printf("PASS die: closed after %llu bytes\n",
		       (unsigned long long)at);
		return 0;
	}
	printf("die: after %llu bytes\n", (unsigned long long)at);
	end_like(opt->how);
}

/*
 * Read until the end, and return the error. *@at bytes came, the last at
 * *@when.
 */
static int read_to_end(ivc_channel *ch, const struct options *opt, uint64_t *at,
		       int64_t *when)
{
	uint8_t buf[8192];

	for (;;) {
		ssize_t n = ivc_read(ch, buf, sizeof(buf));
		size_t good;
		int ret;

		if (n < 0)
			return (int)n;
		if (!n) {
			ret = ivc_wait(ch, IVC_READABLE, opt->timeout_ms);
			if (ret < 0)
				fail("ivc_wait: %s", errname(ret));
			if (!ret)
				fail("neither data nor an end for %d s, after "
				     "%llu bytes",
				     opt->timeout_ms / 1000,
				     (unsigned long long)*at);
			continue;
		}
		*when = now_ns();
		good = pattern_check(opt->seed, *at, buf, (size_t)n);
		if (good != (size_t)n)
			fail("byte %llu is wrong",
			     (unsigned long long)(*at + good));
		*at += (uint64_t)n;
	}
}

/* Write until the end; the peer does not read. */
static int write_to_end(ivc_channel *ch, const struct options *opt,
			int64_t *when)
{
	static const uint8_t buf[8192];

	for (;;) {
		ssize_t n = ivc_write(ch, buf, sizeof(buf));
		int ret;

		if (n < 0)
			return (int)n;
		*when = now_ns();
		if (n)
			continue;
		ret = ivc_wait(ch, IVC_WRITABLE, opt->timeout_ms);
		if (ret < 0)
			fail("ivc_wait: %s", errname(ret));
		if (!ret)
			fail("no end for %d s", opt->timeout_ms / 1000);
	}
}

int cmd_expect_end(const struct options *opt)
{
	ivc_context *ctx = must_register(opt);
	ivc_channel *ch;
	uint64_t at = 0;
	int64_t when, ms;
	uint8_t byte = 0;
	int end;

	printf("expect-end: ready\n");
	ch = must_accept(ctx, opt);
	when = now_ns();
	if (!strcmp(opt->how, "write")) {
		end = write_to_end(ch, opt, &when);
		at = opt->after;
	} else {
		end = read_to_end(ch, opt, &at, &when);
	}
	ms = (now_ns() - when) / 1000000;

	if (end != -opt->other_error)
		expect_ret("the end", end, -opt->error);
	if (opt->after != UINT64_MAX && at != opt->after)
		fail("%llu bytes came of %llu", (unsigned long long)at,
		     (unsigned long long)opt->after);
	if (opt->within_ms && ms > opt->within_ms)
		fail("the end came %lld ms after the last byte, allowed %d",
		     (long long)ms, opt->within_ms);
	expect_ret("write after the end", ivc_write(ch, &byte, 1), end);
	if (strcmp(opt->how, "write"))
		expect_ret("read after the end", ivc_read(ch, &byte, 1), end);
	print_stats("expect-end", ch);
	expect_ret("ivc_close", ivc_close(ch), end);
	ivc_unregister(ctx);
	printf("PASS expect-end: %llu bytes, then %s %lld ms after the last\n",
	       (unsigned long long)at, errname(end), (long long)ms);
	return 0;
}
