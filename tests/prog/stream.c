/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stream and sink: the receiver computes the number, size and every byte of the
 * messages itself. So loss, duplication, reordering and damage are all found.
 *
 * The sender announces what it will send. With `both` the sink sends as many
 * other messages back, from another thread. With `until` the number is open:
 * the sender continues until that file exists, and the sink until the sender
 * has ended.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "apitest.h"

struct hello {
	uint64_t magic;
	uint64_t seed;
	uint64_t messages;
	uint32_t max;
	uint32_t both;
};

#define HELLO_MAGIC 0x6d61657274737669ull

struct head {
	uint64_t number;
	uint32_t len;
	uint32_t check;
};

#define LEN_LAST 0xffffffffu
#define ENDLESS UINT64_MAX /* messages */

/* One direction of a channel in use. */
struct flow {
	ivc_channel *ch;
	const struct options *opt;
	uint64_t seed;
	uint64_t messages;
	uint32_t max;
	uint64_t bytes;
	struct rng rng; /* decides the pieces, not the data */
	uint32_t quarter;
	struct flow *other; /* the other direction, or NULL */
	bool ended;	    /* received all */
};

/* Sizes at the limits of a ring of 64-byte cells. */
static const uint32_t edges[] = { 1,   2,   7,	 8,   9,    55,	  56,
				  57,  63,  64,	 65,  119,  120,  121,
				  183, 184, 185, 511, 4087, 4088, 4096 };

static uint32_t message_len(struct rng *r, uint32_t max)
{
	uint32_t len;

	switch (rng_below(r, 4)) {
	case 0:
		len = 1 + rng_below(r, 64);
		break;
	case 1:
		len = edges[rng_below(r, sizeof(edges) / sizeof(edges[0]))];
		break;
	default:
		len = 1 + rng_below(r, max);
		break;
	}
	return len > max ? max : len;
}

static struct head message_make(uint64_t seed, uint64_t number, uint32_t max,
				uint8_t *payload)
{
	struct rng r = rng_seed(seed, number);
	struct head h = { .number = number };

	h.len = message_len(&r, max);
	h.check = (uint32_t)rng_next(&r);
	rng_fill(&r, payload, h.len);
	return h;
}

static uint64_t seed_back(uint64_t seed)
{
	return ~seed;
}

static void flow_wait(struct flow *f, int event, const char *what)
{
	int ret = ivc_wait(f->ch, event, f->opt->timeout_ms);

	if (ret < 0)
		fail("%s: ivc_wait: %s", what, errname(ret));
	if (!ret)
		fail("%s: no progress for %d s after %llu bytes", what,
		     f->opt->timeout_ms / 1000, (unsigned long long)f->bytes);
	if (ret != event)
		fail("%s: waited for %#x, got %#x", what, event, ret);
}

/* Send a part. Returns its bytes. */
static size_t send_some(struct flow *f, const uint8_t *buf, size_t len)
{
	size_t min, n;
	ssize_t room;
	void *p;
	int ret;

	if (!f->opt->zero_copy) {
		room = ivc_write(f->ch, buf, len);
		if (room < 0)
			fail("write: %s after %llu bytes", errname((int)room),
			     (unsigned long long)f->bytes);
		if ((size_t)room > len)
			fail("write of %zu took %zd", len, room);
		return (size_t)room;
	}
	min = 1 +
	      rng_below(&f->rng, len < f->quarter ? (uint32_t)len : f->quarter);
	room = ivc_reserve(f->ch, min, len, &p);
	if (room < 0)
		fail("reserve: %s after %llu bytes", errname((int)room),
		     (unsigned long long)f->bytes);
	if (!room)
		return 0;
	if ((size_t)room < min || (size_t)room > len)
		fail("reserve of %zu to %zu gave %zd", min, len, room);
	n = rng_below(&f->rng, 4) ? (size_t)room
				  : rng_below(&f->rng, (uint32_t)room + 1);
	memcpy(p, buf, n);
	ret = ivc_commit(f->ch, n);
	if (ret)
		fail("commit of %zu of %zd: %s", n, room, errname(ret));
	return n ? n : send_some(f, buf, len);
}

static void flow_send(struct flow *f, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len) {
		size_t n = send_some(f, p, len);

		if (!n)
			flow_wait(f, IVC_WRITABLE, "send");
		p += n;
		len -= n;
		f->bytes += n;
	}
}

static size_t recv_some(struct flow *f, uint8_t *buf, size_t len)
{
	size_t n = 1 + rng_below(&f->rng, (uint32_t)len);
	const void *p;
	ssize_t ret;

	if (!f->opt->zero_copy) {
		if (rng_below(&f->rng, 4))
			n = len;
		ret = ivc_read(f->ch, buf, n);
		if (ret > (ssize_t)n)
			fail("read of %zu gave %zd", n, ret);
	} else {
		ret = ivc_peek(f->ch, &p);
		if (ret > 0) {
			if (n > (size_t)ret || rng_below(&f->rng, 2))
				n = (size_t)ret < len ? (size_t)ret : len;
			memcpy(buf, p, n);
			ret = ivc_release(f->ch, n);
			if (ret)
				fail("release of %zu: %s", n,
				     errname((int)ret));
			ret = (ssize_t)n;
		}
	}
	if (ret < 0)
		fail("receive: %s after %llu bytes", errname((int)ret),
		     (unsigned long long)f->bytes);
	return (size_t)ret;
}

static void flow_recv(struct flow *f, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		size_t n = recv_some(f, p, len);

		if (!n)
			flow_wait(f, IVC_READABLE, "receive");
		p += n;
		len -= n;
		f->bytes += n;
	}
}

static uint8_t *flow_buffer(const struct flow *f)
{
	uint8_t *buf = malloc((size_t)f->max + 1);

	if (!buf)
		fail("out of memory");
	return buf;
}

/* Without a number: is it time to end, after @n messages? */
static bool send_enough(const struct flow *f, uint64_t n)
{
	if (f->messages != ENDLESS || n % 64)
		return false;
	if (f->opt->until)
		return !access(f->opt->until, F_OK);
	return __atomic_load_n(&f->other->ended, __ATOMIC_RELAXED);
}

static void *send_all(void *arg)
{
	struct flow *f = arg;
	uint8_t *buf = flow_buffer(f);
	struct head last = { .len = LEN_LAST };
	uint64_t i;

	for (i = 0; i < f->messages && !send_enough(f, i); i++) {
		struct head h = message_make(f->seed, i, f->max, buf);

		flow_send(f, &h, sizeof(h));
		flow_send(f, buf, h.len);
		if (i % 256 == 0 && f->messages != ENDLESS)
			print_progress(i, f->messages);
	}
	last.number = i;
	flow_send(f, &last, sizeof(last));
	f->messages = i;
	free(buf);
	return NULL;
}

static void *recv_all(void *arg)
{
	struct flow *f = arg;
	uint8_t *want = flow_buffer(f);
	uint8_t *got = flow_buffer(f);
	struct head h;
	uint64_t i;

	for (i = 0;; i++) {
		struct head expect = message_make(f->seed, i, f->max, want);
		uint32_t k;

		flow_recv(f, &h, sizeof(h));
		if (h.len == LEN_LAST || i == f->messages)
			break;
		if (memcmp(&h, &expect, sizeof(h)))
			fail("message %llu: header {%llu, %u, %#x}, expected "
			     "{%llu, %u, %#x}",
			     (unsigned long long)i,
			     (unsigned long long)h.number, h.len, h.check,
			     (unsigned long long)expect.number, expect.len,
			     expect.check);
		flow_recv(f, got, h.len);
		for (k = 0; k < h.len; k++)
			if (got[k] != want[k])
				fail("message %llu: byte %u of %u is %#x, not "
				     "%#x",
				     (unsigned long long)i, k, h.len, got[k],
				     want[k]);
	}
	if (h.number != i || h.len != LEN_LAST ||
	    (i != f->messages && f->messages != ENDLESS))
		fail("after %llu of %llu messages: {%llu, %u}, not the end",
		     (unsigned long long)i, (unsigned long long)f->messages,
		     (unsigned long long)h.number, h.len);
	f->messages = i;
	__atomic_store_n(&f->ended, true, __ATOMIC_RELAXED);
	free(got);
	free(want);
	return NULL;
}

static struct flow flow_new(ivc_channel *ch, const struct options *opt,
			    const struct hello *hello, uint64_t seed)
{
	struct flow f = { .ch = ch,
			  .opt = opt,
			  .seed = seed,
			  .messages = hello->messages,
			  .max = hello->max,
			  .rng = rng_seed(seed, UINT64_MAX) };
	struct ivc_stats st;
	int ret = ivc_get_stats(ch, &st);

	if (ret)
		fail("ivc_get_stats: %s", errname(ret));
	f.quarter = st.tx_size / 4 - 8;
	return f;
}

/*
 * Send in one direction and receive in the other; with two directions each in
 * its own thread.
 */
static void flow_run(struct flow *send, struct flow *recv)
{
	pthread_t thread;

	if (!send) {
		recv_all(recv);
		return;
	}
	send->other = recv;
	if (recv && pthread_create(&thread, NULL, recv_all, recv))
		fail("pthread_create");
	send_all(send);
	if (recv)
		pthread_join(thread, NULL);
}

static void report(const char *who, uint64_t messages, uint64_t bytes,
		   int64_t start)
{
	double s = (double)(now_ns() - start) / 1e9;

	printf("PASS %s: %llu messages, %llu bytes, %.3f s, %.1f MB/s\n", who,
	       (unsigned long long)messages, (unsigned long long)bytes, s,
	       (double)bytes / 1e6 / (s > 0 ? s : 1e-9));
}

int cmd_stream(const struct options *opt)
{
	struct hello hello = { .magic = HELLO_MAGIC,
			       .seed = opt->seed,
			       .messages = opt->until ? ENDLESS : opt->messages,
			       .max = opt->max ? opt->max : 1,
			       .both = opt->both };
	ivc_context *ctx = must_register(opt);
	ivc_channel *ch = must_connect(ctx, opt);
	struct flow send = flow_new(ch, opt, &hello, opt->seed);
	struct flow recv = flow_new(ch, opt, &hello, seed_back(opt->seed));
	int64_t start = now_ns();

	must_write(ch, opt, &hello, sizeof(hello));
	flow_run(&send, opt->both ? &recv : NULL);
	report("stream", send.messages, send.bytes + recv.bytes, start);
	print_stats("stream", ch);
	expect_ret("ivc_close", ivc_close(ch), 0);
	ivc_unregister(ctx);
	return 0;
}

static void sink_one(ivc_channel *ch, const struct options *opt)
{
	struct hello hello;
	struct flow send, recv;
	int64_t start;

	must_read(ch, opt, &hello, sizeof(hello));
	if (hello.magic != HELLO_MAGIC || !hello.max || hello.max > 16u << 20)
		fail("not a stream at the other end");
	recv = flow_new(ch, opt, &hello, hello.seed);
	send = flow_new(ch, opt, &hello, seed_back(hello.seed));
	start = now_ns();
	flow_run(hello.both ? &send : NULL, &recv);
	must_end(ch, opt, -EPIPE);
	report("sink", recv.messages, recv.bytes + send.bytes, start);
	print_stats("sink", ch);
	expect_ret("ivc_close", ivc_close(ch), -EPIPE);
}

int cmd_sink(const struct options *opt)
{
	ivc_context *ctx = must_register(opt);
	uint64_t n = opt->count ? opt->count : 1;

	while (n--)
		sink_one(must_accept(ctx, opt), opt);
	ivc_unregister(ctx);
	return 0;
}
