/* SPDX-License-Identifier: GPL-2.0 */
/* One ring, one thread: sizes, wraps, full and empty. */
#include "unit.h"

/* Send @len known bytes through the ring, in pieces of any size. */
static void through(struct pair *p, uint64_t seed, size_t len)
{
	uint8_t *out = exact(len), *in = exact(len);
	size_t sent = 0, got = 0;

	bytes_fill(seed, 0, out, len);
	while (got < len) {
		int64_t w = ivc_tx_write(&p->tx, out + sent, len - sent);
		int64_t r;

		ck_assert_int_ge(w, 0);
		ck_assert_uint_le((uint64_t)w, len - sent);
		sent += (size_t)w;
		r = ivc_rx_read(&p->rx, in + got, len - got);
		ck_assert_int_ge(r, 0);
		got += (size_t)r;
		/*
		 * All data in the ring must come out, and the writer must get
		 * some in.
		 */
		ck_assert_uint_eq(got, sent);
		ck_assert(w > 0);
	}
	bytes_check(seed, 0, in, len);
	/* One read of the empty ring returns all credits. */
	ck_assert_int_eq(ivc_rx_read(&p->rx, in, 1), 0);
	ck_assert_uint_eq(pair_used(p), 0);
	free(in);
	free(out);
}

START_TEST(every_size)
{
	struct pair p;
	uint32_t len;

	pair_init(&p, ring_sizes[_i], 0);
	for (len = 1; len <= 4096; len++)
		through(&p, len, len);
	pair_free(&p);
}
END_TEST

START_TEST(edges)
{
	uint32_t size = ring_sizes[_i];
	uint32_t cells = size / 64;
	/* Lengths in cells, and one byte more and less. */
	uint32_t marks[] = { 1,		2,	   cells / 16, cells / 8,
			     cells / 4, cells / 2, cells - 1,  cells,
			     cells + 1, 2 * cells, 3 * cells };
	uint32_t starts[] = { 0, 1, cells / 2, cells - 2, cells - 1 };
	struct pair p;
	size_t m, s;
	int d;

	pair_init(&p, size, 0);
	for (m = 0; m < sizeof(marks) / sizeof(marks[0]); m++)
		for (s = 0; s < sizeof(starts) / sizeof(starts[0]); s++)
			for (d = -9; d <= 9; d++) {
				pair_reset(&p, starts[s]);
				through(&p, m + s,
					marks[m] * 64 - 8 + (uint32_t)d);
				through(&p, m + s, marks[m] * 64 + (uint32_t)d);
			}
	pair_free(&p);
}
END_TEST

/* The free-running positions pass 2^32 at every place of the ring. */
START_TEST(positions_wrap)
{
	uint32_t start = start_positions[_i];
	uint32_t turns;
	struct pair p;
	int k;

	for (k = 0; k < N_RING_SIZES - 1; k++) {
		struct rng r = { (uint64_t)_i };

		pair_init(&p, ring_sizes[k], start);
		for (turns = 0; turns < 3; turns++) {
			uint32_t from = p.tx.pos;

			while (p.tx.pos - from < p.tx.cells)
				through(&p, turns, rng_size(&r, 3000));
		}
		pair_free(&p);
	}
}
END_TEST

START_TEST(full_of_cells)
{
	uint32_t start = start_positions[_i];
	uint32_t i, k, freed = 0;
	struct pair p;
	uint64_t v;

	pair_init(&p, 4096, start);
	for (k = 0; k < 5; k++) {
		/* All cells but the one that stays zero. */
		for (i = 0; i < 63; i++) {
			v = k * 100 + i;
			ck_assert_int_eq(ivc_tx_write(&p.tx, &v, 8), 8);
		}
		for (i = 0; i < 3; i++)
			ck_assert_int_eq(ivc_tx_write(&p.tx, &v, 8), 0);
		for (i = 0; i < 63; i++) {
			ck_assert_int_eq(ivc_rx_read(&p.rx, &v, 8), 8);
			ck_assert_uint_eq(v, k * 100 + i);
		}
		ck_assert_int_eq(ivc_rx_read(&p.rx, &v, 8), 0);
		freed += 63;
		ck_assert_uint_eq(p.ctrl->cons, start + freed);
	}
	pair_free(&p);
}
END_TEST

/* Credits are returned an eighth of the ring at a time. */
START_TEST(freed_in_batches)
{
	struct pair p;
	uint64_t v = 0;
	int i, before;

	pair_init(&p, 4096, 0);
	while (ivc_tx_write(&p.tx, &v, 8) == 8)
		v++;
	ck_assert_uint_eq(v, 63);
	for (i = 1; i <= 63; i++) {
		before = (int)p.ctrl->cons;
		ck_assert_int_eq(ivc_rx_read(&p.rx, &v, 8), 8);
		ck_assert_int_eq((int)p.ctrl->cons, i % 8 ? before : i);
		if (i == 7)
			ck_assert_int_eq(ivc_tx_write(&p.tx, &v, 8), 0);
		if (i == 8) {
			int n = 0;

			while (ivc_tx_write(&p.tx, &v, 8) == 8)
				n++;
			ck_assert_int_eq(n, 8);
		}
	}
	pair_free(&p);
}
END_TEST

/* A write that does not fit is accepted in part; the parts make the whole. */
START_TEST(partial_counts)
{
	uint32_t size = ring_sizes[_i];
	size_t len = 5 * (size_t)size + 123;
	uint8_t *out = exact(len), *in = exact(len);
	size_t sent = 0, got = 0;
	struct pair p;
	int64_t n;

	bytes_fill(7, 0, out, len);
	pair_init(&p, size, 0xfffffff0u);
	n = ivc_tx_write(&p.tx, out, len);
	/* At least all free bytes but an eighth of the ring. */
	ck_assert_int_gt(n, size - size / 8);
	ck_assert_int_lt(n, size);
	ck_assert_int_eq(ivc_tx_write(&p.tx, out + n, len - (size_t)n), 0);
	sent = (size_t)n;
	while (got < len) {
		size_t want = len - got < 1000 ? len - got : 1000;

		n = ivc_rx_read(&p.rx, in + got, want);
		ck_assert_int_ge(n, 0);
		got += (size_t)n;
		n = ivc_tx_write(&p.tx, out + sent, len - sent);
		ck_assert_int_ge(n, 0);
		sent += (size_t)n;
		ck_assert_uint_le(sent - got, size);
	}
	ck_assert_uint_eq(sent, len);
	bytes_check(7, 0, in, len);
	pair_free(&p);
	free(in);
	free(out);
}
END_TEST

START_TEST(empty)
{
	uint8_t buf[64];
	struct pair p;

	pair_init(&p, 4096, start_positions[_i]);
	ck_assert_int_eq(ivc_rx_read(&p.rx, buf, sizeof(buf)), 0);
	ck_assert_int_eq(ivc_rx_read(&p.rx, buf, 0), 0);
	ck_assert_int_eq(ivc_tx_write(&p.tx, buf, 0), 0);
	ck_assert_int_eq(ivc_rx_read(&p.rx, buf, sizeof(buf)), 0);
	ck_assert_uint_eq(p.tx.pos, start_positions[_i]);
	ck_assert(!rx_one(&p.rx, buf, 8));
	pair_free(&p);
}
END_TEST

/* A small message touches its own cell and the next header, nothing else. */
START_TEST(one_line)
{
	uint8_t *shadow = exact(4096);
	struct pair p;
	uint32_t len;

	pair_init(&p, 4096, 0);
	for (len = 1; len <= 56; len++) {
		uint8_t *buf = exact(len);
		uint32_t at = p.tx.pos % 64 * 64, next = (at + 64) % 4096, i;

		memset(p.data, 0xa5, 4096);
		memset(shadow, 0xa5, 4096);
		bytes_fill(len, 0, buf, len);
		if (len & 1)
			ck_assert_int_eq(ivc_tx_write(&p.tx, buf, len), len);
		else
			ck_assert(tx_one(&p.tx, buf, len));
		memset(shadow + next, 0, 8);
		memcpy(shadow + at, p.data + at, 8 + len);
		for (i = 0; i < 4096; i++)
			ck_assert_uint_eq(shadow[i], p.data[i]);
		bytes_check(len, 0, p.data + at + 8, len);
		ck_assert_int_eq(ivc_rx_read(&p.rx, buf, len), len);
		free(buf);
	}
	pair_free(&p);
	free(shadow);
}
END_TEST

/* The fast path returns credits as early as the general one. */
START_TEST(small_gives_back)
{
	struct pair a, b;
	uint64_t v = 7;
	int round, i;

	pair_init(&a, 65536, start_positions[_i]);
	pair_init(&b, 65536, start_positions[_i]);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 900; i++) {
			ck_assert_int_eq(ivc_tx_write(&a.tx, &v, 8), 8);
			ck_assert_int_eq(ivc_tx_write(&b.tx, &v, 8), 8);
		}
		for (i = 0; i < 900; i++) {
			ck_assert_int_eq(ivc_rx_read(&a.rx, &v, 8), 8);
			ck_assert(rx_one(&b.rx, &v, 8));
			ck_assert_uint_eq(a.ctrl->cons, b.ctrl->cons);
		}
	}
	pair_free(&a);
	pair_free(&b);
}
END_TEST

/* The inlined paths leave exactly what the general ones do. */
START_TEST(small_is_the_same)
{
	struct rng r = { 3 };
	struct pair a, b;
	int i;

	pair_init(&a, 4096, 0xffffffe0u);
	pair_init(&b, 4096, 0xffffffe0u);
	for (i = 0; i < 20000; i++) {
		uint32_t len = 1 + rng_below(&r, 600);
		uint8_t *buf = exact(len), *in = exact(len);
		int64_t w;

		bytes_fill((uint64_t)i, 0, buf, len);
		w = ivc_tx_write(&a.tx, buf, len);
		/* The fast path does not load `cons`; the general one does. */
		if (tx_one(&b.tx, buf, len))
			ck_assert_int_eq(w, len);
		else
			ck_assert_int_eq(ivc_tx_write(&b.tx, buf, len), w);
		ck_assert_mem_eq(a.data, b.data, 4096);
		if (rng_below(&r, 2)) {
			int64_t n = ivc_rx_read(&a.rx, buf, len);
			bool small = rx_one(&b.rx, in, len);

			if (!small)
				ck_assert_int_eq(ivc_rx_read(&b.rx, in, len),
						 n);
			ck_assert_mem_eq(buf, in, (size_t)n);
		}
		ck_assert_uint_eq(a.rx.pos, b.rx.pos);
		ck_assert_uint_eq(a.ctrl->cons, b.ctrl->cons);
		ck_assert_uint_eq(a.tx.pos, b.tx.pos);
		free(in);
		free(buf);
	}
	pair_free(&b);
	pair_free(&a);
}
END_TEST

START_TEST(copy_every_length)
{
	uint32_t len, i;

	for (len = 1; len <= 56; len++) {
		uint8_t *from = exact(len), *to = exact(len);

		bytes_fill(len, 0, from, len);
		for (i = 0; i < len; i++)
			to[i] = (uint8_t)~from[i];
		ivc_ring_copy(to, from, len);
		bytes_check(len, 0, to, len);
		free(to);
		free(from);
	}
}
END_TEST

START_TEST(arithmetic)
{
	uint32_t n;

	ck_assert_uint_eq(ivc_ring_cells(1), 1);
	ck_assert_uint_eq(ivc_ring_cells(56), 1);
	ck_assert_uint_eq(ivc_ring_cells(57), 2);
	ck_assert_uint_eq(ivc_ring_cells(120), 2);
	ck_assert_uint_eq(ivc_ring_cells(121), 3);
	ck_assert_uint_eq(ivc_ring_room(0), 0);
	for (n = 1; n <= 1u << 18; n++) {
		ck_assert_uint_eq(ivc_ring_cells(ivc_ring_room(n)), n);
		ck_assert_uint_eq(ivc_ring_cells(ivc_ring_room(n) + 1), n + 1);
	}
	ck_assert(!ivc_ring_size_ok(0));
	ck_assert(!ivc_ring_size_ok(2048));
	ck_assert(!ivc_ring_size_ok(4097));
	ck_assert(!ivc_ring_size_ok(12288));
	ck_assert(ivc_ring_size_ok(4096));
	ck_assert(ivc_ring_size_ok(16u << 20));
	ck_assert(!ivc_ring_size_ok(32u << 20));
	ck_assert(!ivc_ring_size_ok((1ull << 32) + 4096));
	ck_assert(!ivc_ring_line(0));
	ck_assert(ivc_ring_line(1));
	ck_assert(ivc_ring_line(56));
	ck_assert(!ivc_ring_line(57));
}
END_TEST

START_TEST(wants)
{
	struct pair p;

	pair_init(&p, 4096, 0);
	ck_assert(!ivc_tx_peer_sleeps(&p.tx));
	ck_assert(!ivc_rx_peer_sleeps(p.ctrl));
	p.ctrl->want = IVC_WANT_SPACE;
	ck_assert(!ivc_tx_peer_sleeps(&p.tx));
	ck_assert(ivc_rx_peer_sleeps(p.ctrl));
	p.ctrl->want = IVC_WANT_DATA;
	ck_assert(ivc_tx_peer_sleeps(&p.tx));
	ck_assert(!ivc_rx_peer_sleeps(p.ctrl));
	pair_free(&p);
}
END_TEST

Suite *suite_ring(void)
{
	Suite *s = suite_create("ring");
	TCase *t = tcase_create("ring");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, arithmetic);
	tcase_add_test(t, copy_every_length);
	tcase_add_test(t, wants);
	tcase_add_loop_test(t, empty, 0, n_start_positions);
	tcase_add_test(t, one_line);
	tcase_add_loop_test(t, full_of_cells, 0, n_start_positions);
	tcase_add_test(t, freed_in_batches);
	tcase_add_test(t, small_is_the_same);
	tcase_add_loop_test(t, small_gives_back, 0, n_start_positions);
	tcase_add_loop_test(t, partial_counts, 0, N_RING_SIZES);
	tcase_add_loop_test(t, every_size, 0, N_RING_SIZES);
	tcase_add_loop_test(t, edges, 0, N_RING_SIZES - 1);
	tcase_add_loop_test(t, positions_wrap, 0, n_start_positions);
	suite_add_tcase(s, t);
	return s;
}
