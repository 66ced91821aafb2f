/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile producer, which writes anything wherever it can write. The consumer
 * must return -EPROTO, go on returning it, and touch no byte outside its own
 * buffers. Rings stand between guard pages, and buffers have exactly the length
 * that is passed.
 */
#include <pthread.h>
#include "unit.h"

static uint64_t header(uint32_t seq, uint32_t len)
{
	return (uint64_t)seq << 32 | len;
}

static void put(struct pair *p, uint32_t pos, uint64_t hdr)
{
	ivc_store_rel(ivc_tx_hdr(&p->tx, pos), hdr);
}

/* The consumer does not use this ring any more. */
static void reader_broken(struct pair *p)
{
	uint8_t *buf = exact(100);
	uint32_t pos = p->rx.pos, cons = p->ctrl->cons;
	const void *view = NULL;
	int i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(ivc_rx_read(&p->rx, buf, 100), -EPROTO);
		ck_assert_int_eq(ivc_rx_read(&p->rx, buf, 1), -EPROTO);
		ck_assert(!rx_one(&p->rx, buf, 8));
		ck_assert_int_eq(ivc_rx_peek(&p->rx, &view), -EPROTO);
		ck_assert_int_eq(ivc_rx_next(&p->rx), -EPROTO);
		ck_assert_int_eq(ivc_rx_release(&p->rx, 1), -EINVAL);
		/* A header that would have been right does not help, */
		put(p, pos, header(pos + 1, 8));
		ck_assert(!rx_one(&p->rx, buf, 8));
		ck_assert_int_eq(ivc_rx_read(&p->rx, buf, 8), -EPROTO);
		/* nor none. */
		put(p, pos, 0);
	}
	ck_assert_uint_eq(p->rx.pos, pos);
	ck_assert_uint_eq(p->ctrl->cons, cons);
	free(buf);
}

/* Each stands at position @pos of a ring of 64 cells, @at cells from the end.
 */
static const struct {
	const char *what;
	uint32_t seq; /* added to the right one */
	uint32_t len;
	uint32_t at;
} bad[] = {
	{ "next position's", 1, 8, 32 },
	{ "position before", 0u - 1, 8, 32 },
	{ "last lap's", 0u - 64, 8, 32 },
	{ "next lap's", 64, 8, 32 },
	{ "half the positions away", 0x80000000u, 8, 32 },
	{ "length 0", 0, 0, 32 },
	{ "one byte past the end", 0, 32 * 64 - 7, 32 },
	{ "one byte past the end, last cell", 0, 57, 1 },
	{ "the whole ring", 0, 4096, 64 },
	{ "one byte past a whole ring", 0, 4089, 64 },
	{ "just below the skip", 0, 0xfffffffeu, 32 },
	{ "sign bit", 0, 0x80000000u, 32 },
	{ "16 MiB", 0, 1u << 24, 32 },
	{ "skip at the start", 0, IVC_RING_SKIP, 64 },
	{ "skip of another position", 1, IVC_RING_SKIP, 32 },
	{ "skip of the last lap", 0u - 64, IVC_RING_SKIP, 32 },
};

#define N_BAD ((int)(sizeof(bad) / sizeof(bad[0])))

/* Alone, and after good data, which is read first. */
START_TEST(bad_header)
{
	uint32_t lap, behind;

	for (lap = 0; lap < 3; lap++)
		for (behind = 0; behind < 2; behind++) {
			uint32_t pos = (lap - 1) * 64 + 64 - bad[_i].at;
			struct pair p;
			uint8_t *buf = exact(8);

			pair_guarded(&p, 4096, pos - behind);
			if (behind)
				ck_assert_int_eq(ivc_tx_write(&p.tx, "good", 4),
						 4);
			put(&p, pos,
			    header(pos + 1 + bad[_i].seq, bad[_i].len));
			if (behind) {
				ck_assert_int_eq(ivc_rx_read(&p.rx, buf, 8), 4);
				ck_assert_mem_eq(buf, "good", 4);
			}
			reader_broken(&p);
			free(buf);
			pair_free(&p);
		}
}
END_TEST

/* One skip record is valid; another one at the start of the ring is not. */
START_TEST(skip_loop)
{
	struct pair p;

	pair_guarded(&p, 4096, 32);
	put(&p, 32, header(33, IVC_RING_SKIP));
	put(&p, 64, header(65, IVC_RING_SKIP));
	ck_assert_int_eq(ivc_rx_next(&p.rx), -EPROTO);
	ck_assert_uint_eq(p.rx.pos, 64);
	reader_broken(&p);
	pair_free(&p);
}
END_TEST

/*
 * Each record that the inlined reader accepts, ivc_ring_parse() accepts, too.
 */
START_TEST(one_judge)
{
	struct rng r = { 11 };
	struct pair p;
	int i, taken = 0;

	pair_guarded(&p, 4096, 0);
	for (i = 0; i < 300000; i++) {
		uint32_t pos = (uint32_t)rng_next(&r);
		uint32_t want = 1 + rng_below(&r, 56);
		uint32_t len = rng_below(&r, 4) ? rng_below(&r, 64)
						: (uint32_t)rng_next(&r);
		uint32_t seq =
			rng_below(&r, 4) ? pos + 1 : (uint32_t)rng_next(&r);
		uint8_t *buf = exact(want);
		uint32_t parsed;
		int cells;

		pair_reset(&p, pos);
		put(&p, pos, header(seq, len));
		cells = ivc_ring_parse(header(seq, len), pos, 64, &parsed);
		if (rx_one(&p.rx, buf, want)) {
			taken++;
			ck_assert_int_eq(cells, 1);
			ck_assert_uint_eq(parsed, want);
			ck_assert_uint_eq(len, want);
			ck_assert_uint_eq(seq, pos + 1);
		} else if (seq == pos + 1 && len == want) {
			ck_abort_msg("refused a good one");
		}
		/* No header leads out of the ring. */
		if (cells > 0)
			ck_assert_uint_le((uint32_t)cells, 64 - pos % 64);
		ck_assert_uint_le(parsed, (64 - pos % 64) * 64 - 8);
		free(buf);
	}
	ck_assert_int_gt(taken, 1000);
	pair_free(&p);
}
END_TEST

/*
 * A thread that stores random words all over the ring, some of them nearly
 * right.
 */
START_TEST(random_producer)
{
	struct rng r = { (uint64_t)_i };
	int round, i;

	for (round = 0; round < 300; round++) {
		struct pair p;
		uint64_t read = 0;

		pair_guarded(&p, 4096u << rng_below(&r, 3),
			     (uint32_t)rng_next(&r));
		for (i = 0; i < 300; i++) {
			uint32_t pos = p.rx.pos + rng_below(&r, 3);
			uint32_t len = rng_below(&r, 2)
					       ? rng_size(&r, p.size)
					       : (uint32_t)rng_next(&r);
			uint32_t n = rng_size(&r, 2 * p.size);
			uint8_t *buf = exact(n);
			const void *view = NULL;
			int64_t ret;

			switch (rng_below(&r, 8)) {
			case 0:
				put(&p, pos, rng_next(&r));
				break;
			case 1:
				put(&p, pos, header(pos + 1, IVC_RING_SKIP));
				break;
			case 2:
				put(&p, pos, 0);
				break;
			default:
				put(&p, pos, header(pos + 1, len));
				break;
			}
			if (rng_below(&r, 2)) {
				ret = ivc_rx_read(&p.rx, buf, n);
				ck_assert(ret == -EPROTO ||
					  (ret >= 0 && ret <= n));
			} else {
				ret = ivc_rx_peek(&p.rx, &view);
				if (ret > 0) {
					const uint8_t *v = view;

					ck_assert(v >= p.data);
					ck_assert(v + ret <= p.data + p.size);
					ck_assert_int_eq(
						ivc_rx_release(&p.rx,
							       (uint32_t)ret),
						0);
				}
			}
			free(buf);
			if (ret > 0)
				read += (uint64_t)ret;
			if (ret < 0) {
				ck_assert_int_eq(ret, -EPROTO);
				reader_broken(&p);
				break;
			}
		}
		(void)read;
		pair_free(&p);
	}
}
END_TEST

/* All pages of the producer change while the consumer reads them. */
struct vandal {
	struct pair p;
	int stop;
};

static void *vandalize(void *arg)
{
	struct vandal *v = arg;
	struct rng r = { 17 };

	while (!ivc_load(&v->stop)) {
		uint32_t pos = ivc_load(&v->p.rx.pos) + rng_below(&r, 4);
		uint64_t *hdr = ivc_tx_hdr(&v->p.tx, pos);

		if (rng_below(&r, 2))
			ivc_store(hdr + 1 + rng_below(&r, 7), rng_next(&r));
		else
			ivc_store(hdr,
				  header(pos + 1, rng_size(&r, v->p.size)));
		if (!rng_below(&r, 64))
			ivc_store(hdr, rng_next(&r));
	}
	return NULL;
}

START_TEST(changed_while_read)
{
	struct vandal v = { .stop = 0 };
	struct rng r = { (uint64_t)_i };
	uint64_t bytes = 0, broken = 0;
	pthread_t thread;
	int i;

	pair_guarded(&v.p, 4096, 0xffffff00u);
	ck_assert_int_eq(pthread_create(&thread, NULL, vandalize, &v), 0);
	for (i = 0; i < 200000; i++) {
		uint32_t n = rng_size(&r, 5000);
		uint8_t *buf = exact(n);
		int64_t ret = ivc_rx_read(&v.p.rx, buf, n);

		free(buf);
		ck_assert(ret == -EPROTO || (ret >= 0 && ret <= n));
		if (ret > 0)
			bytes += (uint64_t)ret;
		if (ret < 0) {
			broken++;
			/* Start again; the other thread does not stop. */
			v.p.rx.error = 0;
			ivc_store(&v.p.rx.pos, v.p.rx.pos + 1);
			ivc_rx_aim(&v.p.rx);
		}
	}
	ivc_store(&v.stop, 1);
	pthread_join(thread, NULL);
	ck_assert_msg(bytes && broken, "%llu bytes, broken %llu times",
		      (unsigned long long)bytes, (unsigned long long)broken);
	pair_free(&v.p);
}
END_TEST

TCase *case_hostile_producer(void)
{
	TCase *t = tcase_create("hostile producer");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, bad_header, 0, N_BAD);
	tcase_add_test(t, skip_loop);
	tcase_add_test(t, one_judge);
	tcase_add_loop_test(t, random_producer, 0, 10);
	return t;
}

/*
 * In a function of its own: an intended data race, hidden from race detectors.
 */
TCase *case_hostile_vandal(void)
{
	TCase *t = tcase_create("hostile vandal");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, changed_while_read, 0, 3);
	return t;
}
