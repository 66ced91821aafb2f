/* SPDX-License-Identifier: GPL-2.0 */
/* What every command needs: failure, time, the usual calls, known bytes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "apitest.h"

void fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("FAIL: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	/* _exit(): other threads may still use the library. */
	fflush(stderr);
	_Exit(1);
}

static const struct {
	const char *name;
	int err;
} errors[] = {
#define E(e)                                                                   \
	{                                                                      \
#e, e                                                          \
	}
	E(EPIPE),	 E(ECONNRESET), E(EPROTO),     E(ENODEV),    E(EINVAL),
	E(ECONNREFUSED), E(ENOENT),	E(EADDRINUSE), E(ETIMEDOUT), E(EDQUOT),
	E(EBUSY),	 E(EINTR),	E(EMSGSIZE),   E(EACCES),    E(ENOMEM),
	E(EAGAIN),	 E(EREMCHG),	E(EALREADY),   E(ENOTCONN),  E(ENOSPC),
	E(ECONNABORTED),
#undef E
};

const char *errname(int err)
{
	size_t i;

	if (err < 0)
		err = -err;
	if (!err)
		return "success";
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].err == err)
			return errors[i].name;
	return strerror(err);
}

int errnumber(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].err;
	return -1;
}

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

void sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

void expect_ret(const char *what, int64_t got, int64_t want)
{
	if (got == want)
		return;
	fail("%s: got %lld (%s), want %lld (%s)", what, (long long)got,
	     got < 0 ? errname((int)got) : "-", (long long)want,
	     want < 0 ? errname((int)want) : "-");
}

ivc_context *must_register(const struct options *opt)
{
	ivc_context *ctx = ivc_register(opt->magic, opt->id);

	if (!ctx)
		fail("ivc_register(%#llx, %u): %s",
		     (unsigned long long)opt->magic, opt->id, errname(errno));
	return ctx;
}

ivc_peer must_find(ivc_context *ctx, const struct options *opt)
{
	ivc_peer peer;
	int ret = ivc_find(ctx, opt->peer, opt->timeout_ms, &peer);

	if (ret)
		fail("ivc_find(%u): %s", opt->peer, errname(ret));
	if (peer.id != opt->peer || !peer.member)
		fail("ivc_find(%u): found id %u, member %llu", opt->peer,
		     peer.id, (unsigned long long)peer.member);
	return peer;
}

ivc_channel *must_connect(ivc_context *ctx, const struct options *opt)
{
	struct ivc_channel_options co = { .tx_size = opt->tx_size,
					  .rx_size = opt->rx_size,
					  .timeout_ms = opt->timeout_ms };
	ivc_peer peer = must_find(ctx, opt);
	ivc_channel *ch;
	int ret = ivc_connect_opt(ctx, peer, &co, &ch);

	if (ret)
		fail("connect to %u: %s", opt->peer, errname(ret));
	if (ivc_peer_id(ch) != opt->peer)
		fail("connected to %u, peer is %u", opt->peer, ivc_peer_id(ch));
	if (opt->spin_given)
		ivc_set_spin(ch, opt->spin);
	return ch;
}

ivc_channel *must_accept(ivc_context *ctx, const struct options *opt)
{
	struct ivc_channel_options co = { .tx_size = opt->tx_size,
					  .timeout_ms = opt->timeout_ms };
	ivc_channel *ch;
	int ret = ivc_accept_opt(ctx, &co, &ch);

	if (ret)
		fail("accept: %s", errname(ret));
	if (opt->peer && ivc_peer_id(ch) != opt->peer)
		fail("accepted %u, expected %u", ivc_peer_id(ch), opt->peer);
	if (opt->spin_given)
		ivc_set_spin(ch, opt->spin);
	return ch;
}

void must_write(ivc_channel *ch, const struct options *opt, const void *buf,
		size_t len)
{
	size_t done;
	ssize_t ret = ivc_write_all(ch, buf, len, opt->timeout_ms, &done);

	if (ret != (ssize_t)len)
		fail("write of %zu: %s after %zu bytes", len, errname((int)ret),
		     done);
}

void must_read(ivc_channel *ch, const struct options *opt, void *buf,
	       size_t len)
{
	size_t done;
	ssize_t ret = ivc_read_all(ch, buf, len, opt->timeout_ms, &done);

	if (ret != (ssize_t)len)
		fail("read of %zu: %s after %zu bytes", len, errname((int)ret),
		     done);
}

void must_end(ivc_channel *ch, const struct options *opt, int want)
{
	uint8_t byte;
	ssize_t ret = ivc_read_all(ch, &byte, 1, opt->timeout_ms, NULL);

	if (ret == 1)
		fail("a byte more than was sent");
	expect_ret("end of the channel", ret, want);
	/* And it stays that way. */
	expect_ret("read after the end", ivc_read(ch, &byte, 1), want);
	expect_ret("write after the end", ivc_write(ch, &byte, 1), want);
}

void print_progress(uint64_t done, uint64_t of)
{
	static int64_t last;
	int64_t now = now_ns();

	if (!last)
		last = now;
	if (now - last < 5000000000)
		return;
	last = now;
	printf("%llu of %llu\n", (unsigned long long)done,
	       (unsigned long long)of);
	fflush(stdout);
}

void print_stats(const char *who, const ivc_channel *ch)
{
	struct ivc_stats st;
	int ret = ivc_get_stats(ch, &st);

	if (ret)
		fail("ivc_get_stats: %s", errname(ret));
	printf("%s: tx %llu bytes %llu calls %llu full; "
	       "rx %llu bytes %llu calls %llu empty; "
	       "sleeps %llu kicks %llu wakeups %llu spurious %llu kept %llu; "
	       "rings %u %u\n",
	       who, (unsigned long long)st.tx_bytes,
	       (unsigned long long)st.tx_calls, (unsigned long long)st.tx_full,
	       (unsigned long long)st.rx_bytes, (unsigned long long)st.rx_calls,
	       (unsigned long long)st.rx_empty, (unsigned long long)st.sleeps,
	       (unsigned long long)st.kicks, (unsigned long long)st.wakeups,
	       (unsigned long long)st.spurious, (unsigned long long)st.kept,
	       st.tx_size, st.rx_size);
}

struct rng rng_seed(uint64_t seed, uint64_t stream)
{
	uint64_t s = rng_mix(seed + RNG_STEP) ^ stream;

	return (struct rng){ rng_mix(s + RNG_STEP) + RNG_STEP };
}

void rng_fill(struct rng *r, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		uint64_t v = rng_next(r);
		size_t n = len < sizeof(v) ? len : sizeof(v);

		memcpy(p, &v, n);
		p += n;
		len -= n;
	}
}

void pattern_fill(uint64_t seed, uint64_t offset, uint8_t *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		uint64_t at = offset + i;

		buf[i] = (uint8_t)(rng_mix((seed ^ at / 8) + RNG_STEP) >>
				   at % 8 * 8);
	}
}

size_t pattern_check(uint64_t seed, uint64_t offset, const uint8_t *buf,
		     size_t len)
{
	uint64_t word = 0;
	bool have = false;
	size_t i;

	for (i = 0; i < len; i++) {
		uint64_t at = offset + i;

		if (!have || at % 8 == 0) {
			word = rng_mix((seed ^ at / 8) + RNG_STEP);
			have = true;
		}
		if (buf[i] != (uint8_t)(word >> at % 8 * 8))
			return i;
	}
	return len;
}
