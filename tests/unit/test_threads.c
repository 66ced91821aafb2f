/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two threads and one ring. A long stream passes in records and reads of random
 * sizes, with and without copies on either side. The threads yield when the
 * ring is full or empty. Every byte is checked.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include "unit.h"

#ifndef STREAM_MESSAGES
#define STREAM_MESSAGES 400000
#endif

struct stream {
	struct pair p;
	uint64_t seed;
	uint32_t messages;
	uint32_t max;
	bool reserve, peek;
	uint64_t sent; /* by the producer, when it is done */
	int done;
};

/* Yield: mostly at once, sometimes for the time of a short sleep. */
static void give_way(struct rng *r)
{
	struct timespec ts = { 0, 20000 };

	if (rng_below(r, 256))
		sched_yield();
	else
		nanosleep(&ts, NULL);
}

static uint64_t put_copy(struct stream *s, struct rng *r, uint64_t at,
			 uint32_t len, uint8_t *buf)
{
	uint32_t off = 0;

	bytes_fill(s->seed, at, buf, len);
	while (off < len) {
		int64_t n = 0;

		if (tx_one(&s->p.tx, buf + off, len - off))
			n = len - off;
		else
			n = ivc_tx_write(&s->p.tx, buf + off, len - off);
		if (n < 0)
			return UINT64_MAX;
		if (!n)
			give_way(r);
		off += (uint32_t)n;
	}
	return len;
}

static uint64_t put_reserve(struct stream *s, struct rng *r, uint64_t at,
			    uint32_t len)
{
	uint32_t quarter = s->p.size / 4 - 8;
	uint32_t min = len < quarter ? len : quarter;
	void *room = NULL;
	int64_t n;

	while (!(n = ivc_tx_reserve(&s->p.tx, min, len, &room)))
		give_way(r);
	if (n < 0)
		return UINT64_MAX;
	if (!rng_below(r, 8))
		n = 1 + rng_below(r, (uint32_t)n);
	bytes_fill(s->seed, at, room, (size_t)n);
	if (ivc_tx_commit(&s->p.tx, (uint32_t)n))
		return UINT64_MAX;
	return (uint64_t)n;
}

static void *produce(void *arg)
{
	struct stream *s = arg;
	struct rng r = { s->seed * 2 };
	uint8_t *buf = exact(s->max);
	uint64_t at = 0, n;
	uint32_t i;

	for (i = 0; i < s->messages; i++) {
		uint32_t len = rng_size(&r, s->max);

		n = s->reserve ? put_reserve(s, &r, at, len)
			       : put_copy(s, &r, at, len, buf);
		if (n == UINT64_MAX)
			break;
		at += n;
	}
	s->sent = at;
	ivc_store_rel(&s->done, i == s->messages ? 1 : -1);
	free(buf);
	return NULL;
}

/* Returns how many bytes came, 0 for none. */
static size_t take(struct stream *s, struct rng *r, uint64_t at, uint8_t *buf)
{
	uint32_t len = rng_size(r, s->max);
	const void *view = NULL;
	int64_t n;

	if (!s->peek) {
		if (rx_one(&s->p.rx, buf, len)) {
			n = len;
		} else {
			n = ivc_rx_read(&s->p.rx, buf, len);
		}
		ck_assert_int_ge(n, 0);
		bytes_check(s->seed, at, buf, (size_t)n);
		return (size_t)n;
	}
	n = ivc_rx_peek(&s->p.rx, &view);
	ck_assert_int_ge(n, 0);
	if (!n)
		return 0;
	if (!rng_below(r, 4) && len < n)
		n = len;
	bytes_check(s->seed, at, view, (size_t)n);
	ck_assert_int_eq(ivc_rx_release(&s->p.rx, (uint32_t)n), 0);
	return (size_t)n;
}

static void consume(struct stream *s)
{
	struct rng r = { s->seed * 2 + 1 };
	uint8_t *buf = exact(s->max);
	uint64_t at = 0;

	for (;;) {
		/*
		 * Load `done` before the ring: then all published data is
		 * visible.
		 */
		int done = ivc_load_acq(&s->done);
		size_t n = take(s, &r, at, buf);

		at += n;
		ck_assert_int_ge(done, 0);
		if (!n && done)
			break;
		if (!n)
			give_way(&r);
	}
	ck_assert_uint_eq(at, s->sent);
	free(buf);
}

static const struct {
	uint32_t size, max;
	bool reserve, peek;
} streams[] = {
	{ 4096, 300, false, false },  { 4096, 300, true, false },
	{ 4096, 300, false, true },   { 4096, 300, true, true },
	{ 65536, 56, false, false },  { 65536, 4000, true, false },
	{ 65536, 4000, false, true }, { 65536, 4000, true, true },
};

#define N_STREAMS ((int)(sizeof(streams) / sizeof(streams[0])))

START_TEST(every_byte)
{
	struct stream s = { .seed = 1000 + (uint64_t)_i,
			    .max = streams[_i].max,
			    .reserve = streams[_i].reserve,
			    .peek = streams[_i].peek };
	pthread_t thread;

	s.messages = STREAM_MESSAGES;
	if (s.max > 1000)
		s.messages /= 10;
	/* The positions pass 2^32 on the way. */
	pair_init(&s.p, streams[_i].size, 0u - 100000);
	ck_assert_int_eq(pthread_create(&thread, NULL, produce, &s), 0);
	consume(&s);
	pthread_join(thread, NULL);
	ck_assert_int_eq(s.done, 1);
	pair_free(&s.p);
}
END_TEST

/* Ping-pong, the latency path: one message at a time. */
struct echo {
	struct pair to, from;
	uint64_t rounds;
};

static void *answer(void *arg)
{
	struct echo *e = arg;
	uint64_t i, v;

	for (i = 0; i < e->rounds; i++) {
		/* Like ivc_read(): the fast path, else the general one. */
		while (!rx_one(&e->to.rx, &v, 8) &&
		       !ivc_rx_read(&e->to.rx, &v, 8))
			sched_yield();
		v = ~v;
		while (!tx_one(&e->from.tx, &v, 8) &&
		       !ivc_tx_write(&e->from.tx, &v, 8))
			;
	}
	return NULL;
}

START_TEST(there_and_back)
{
	struct echo e = { .rounds = STREAM_MESSAGES / 4 };
	pthread_t thread;
	void *failed;
	uint64_t i, v;

	pair_init(&e.to, 4096, 0xffff0000u);
	pair_init(&e.from, 4096, 0x7fff0000u);
	ck_assert_int_eq(pthread_create(&thread, NULL, answer, &e), 0);
	for (i = 0; i < e.rounds; i++) {
		v = i;
		ck_assert_int_eq(ivc_tx_write(&e.to.tx, &v, 8), 8);
		while (!ivc_rx_read(&e.from.rx, &v, 8))
			sched_yield();
		ck_assert_uint_eq(v, ~i);
	}
	pthread_join(thread, &failed);
	ck_assert_ptr_null(failed);
	pair_free(&e.from);
	pair_free(&e.to);
}
END_TEST

Suite *suite_threads(void)
{
	Suite *s = suite_create("threads");
	TCase *t = tcase_create("threads");

	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, every_byte, 0, N_STREAMS);
	tcase_add_test(t, there_and_back);
	suite_add_tcase(s, t);
	return s;
}
