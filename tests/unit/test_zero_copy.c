/* SPDX-License-Identifier: GPL-2.0 */
/* reserve and commit, peek and release, each alone. */
#include "unit.h"

static struct pair p;

static void setup(void)
{
	pair_init(&p, 4096, 0);
}

static void teardown(void)
{
	pair_free(&p);
}

/* Move both ends to cell @at of the ring, which is empty before and after. */
static void move_to(uint32_t at)
{
	uint8_t b = 0;

	while (p.tx.pos % p.tx.cells != at) {
		ck_assert_int_eq(ivc_tx_write(&p.tx, &b, 1), 1);
		ck_assert_int_eq(ivc_rx_read(&p.rx, &b, 1), 1);
	}
	ck_assert_int_eq(ivc_rx_read(&p.rx, &b, 1), 0);
}

static void expect(uint64_t seed, size_t len)
{
	uint8_t *buf = exact(len);

	ck_assert_int_eq(ivc_rx_read(&p.rx, buf, len), (int64_t)len);
	bytes_check(seed, 0, buf, len);
	free(buf);
}

START_TEST(commit_is_a_write)
{
	void *room = NULL;
	uint32_t len;

	for (len = 1; len <= 16 * 64 - 8; len++) {
		int64_t n = ivc_tx_reserve(&p.tx, len, len, &room);

		ck_assert_int_eq(n, len);
		bytes_fill(len, 0, room, len);
		/* Nothing is visible before. */
		ck_assert_int_eq(ivc_rx_next(&p.rx), 0);
		ck_assert_int_eq(ivc_tx_commit(&p.tx, len), 0);
		expect(len, len);
	}
}
END_TEST

START_TEST(bounds)
{
	void *room = NULL;
	uint32_t most = 16 * 64 - 8;

	ck_assert_int_eq(ivc_tx_reserve(&p.tx, most + 1, most + 1, &room),
			 -EMSGSIZE);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, UINT32_MAX, UINT32_MAX, &room),
			 -EMSGSIZE);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 1, UINT32_MAX, &room), most);
	/*
	 * At least one byte, even if 0 is requested; else at least the minimum.
	 */
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 0, 0, &room), 1);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 100, 10, &room), 100);
	ck_assert_uint_eq(p.tx.pos, 0);
}
END_TEST

START_TEST(commit_less)
{
	void *room = NULL;

	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 500, 500, &room), 500);
	bytes_fill(1, 0, room, 500);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 3), 0);
	ck_assert_uint_eq(p.tx.pos, 1);
	expect(1, 3);
	/* Only once. */
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 1), -EINVAL);
	ck_assert_int_eq(ivc_rx_next(&p.rx), 0);
}
END_TEST

START_TEST(commit_nothing)
{
	void *room = NULL;

	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 500, 500, &room), 500);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 0), 0);
	ck_assert_uint_eq(p.tx.pos, 0);
	ck_assert_int_eq(ivc_rx_next(&p.rx), 0);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 1), -EINVAL);
	/* Nor without a reservation. */
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 0), 0);
	ck_assert_int_eq(ivc_rx_next(&p.rx), 0);
}
END_TEST

START_TEST(commit_too_much)
{
	void *room = NULL;

	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 100, 100, &room), 100);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 101), -EINVAL);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, UINT32_MAX), -EINVAL);
	ck_assert_int_eq(ivc_rx_next(&p.rx), 0);
	/* The reservation is still valid. */
	bytes_fill(2, 0, room, 100);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 100), 0);
	expect(2, 100);
}
END_TEST

START_TEST(write_cancels)
{
	uint8_t buf[200];
	void *room = NULL;
	int small;

	for (small = 0; small < 3; small++) {
		size_t len = small ? 8 : 200;

		ck_assert_int_eq(ivc_tx_reserve(&p.tx, 900, 900, &room), 900);
		bytes_fill(3, 0, buf, len);
		/* The fast path refuses while a reservation is pending. */
		if (small == 2)
			ck_assert(!tx_one(&p.tx, buf, 8));
		ck_assert_int_eq(ivc_tx_write(&p.tx, buf, len), (int64_t)len);
		ck_assert_int_eq(ivc_tx_commit(&p.tx, 900), -EINVAL);
		ck_assert_int_eq(ivc_tx_commit(&p.tx, 1), -EINVAL);
		expect(3, len);
		ck_assert_int_eq(ivc_rx_next(&p.rx), 0);
	}
}
END_TEST

START_TEST(second_replaces)
{
	void *a, *b;

	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 900, 900, &a), 900);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 10, 10, &b), 10);
	ck_assert_ptr_eq(a, b);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 11), -EINVAL);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 10), 0);
	/* A reserve that fails cancels the earlier one, too. */
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 900, 900, &a), 900);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 5000, 5000, &b), -EMSGSIZE);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 1), -EINVAL);
}
END_TEST

/* From every cell, for every size: contiguous, with a skip where needed. */
START_TEST(skips)
{
	uint32_t at, need;
	void *room = NULL;

	for (at = 0; at < 64; at++)
		for (need = 1; need <= 16; need++) {
			uint32_t len = need * 64 - 8;
			uint8_t *r;

			move_to(at);
			ck_assert_int_eq(ivc_tx_reserve(&p.tx, len, len, &room),
					 len);
			r = room;
			if (64 - at < need)
				ck_assert_ptr_eq(r, p.data + 8);
			else
				ck_assert_ptr_eq(r, p.data + at * 64 + 8);
			bytes_fill(at, 0, room, len);
			/* A skip record alone is no data. */
			ck_assert_int_eq(ivc_rx_next(&p.rx), 0);
			ck_assert_int_eq(ivc_tx_commit(&p.tx, len), 0);
			expect(at, len);
			ck_assert_int_eq(ivc_rx_next(&p.rx), 0);
			ck_assert_uint_eq(pair_used(&p), 0);
		}
}
END_TEST

START_TEST(skip_without_room)
{
	uint8_t buf[64] = { 0 };
	void *room = NULL;
	uint32_t before;
	int i;

	/* 60 free cells needed: 4 to the end, and then 10 at the start, of
	 * which 2 are taken.
	 */
	move_to(60);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(ivc_tx_write(&p.tx, buf, 56), 56);
	for (i = 0; i < 55; i++)
		ck_assert_int_eq(ivc_tx_write(&p.tx, buf, 56), 56);
	before = p.tx.pos;
	/* Position 57: 2 cells free, 7 to the end. */
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 500, 500, &room), 0);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 300, 300, &room), 0);
	ck_assert_uint_eq(p.tx.pos, before);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 1), -EINVAL);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 120, 300, &room), 120);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 120), 0);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 1, 1, &room), 0);
	for (i = 0; i < 61; i++)
		ck_assert_int_eq(ivc_rx_read(&p.rx, buf, 56), 56);
	/* Now it fits, with a skip over the 5 cells that are left. */
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 500, 500, &room), 500);
	ck_assert_ptr_eq((uint8_t *)room, p.data + 8);
}
END_TEST

START_TEST(peek_and_release)
{
	uint8_t *buf = exact(300);
	const void *view = NULL;
	uint32_t off = 0;

	ck_assert_int_eq(ivc_rx_peek(&p.rx, &view), 0);
	bytes_fill(4, 0, buf, 300);
	ck_assert_int_eq(ivc_tx_write(&p.tx, buf, 300), 300);
	ck_assert_int_eq(ivc_tx_write(&p.tx, buf, 10), 10);
	while (off < 300) {
		int64_t n = ivc_rx_peek(&p.rx, &view);
		uint32_t k = off % 7 + 1;

		ck_assert_int_eq(n, 300 - off);
		bytes_check(4, off, view, (size_t)n);
		ck_assert_int_eq(ivc_rx_release(&p.rx, (uint32_t)n + 1),
				 -EINVAL);
		ck_assert_int_eq(ivc_rx_release(&p.rx, 0), 0);
		if (k > 300 - off)
			k = 300 - off;
		ck_assert_int_eq(ivc_rx_release(&p.rx, k), 0);
		off += k;
	}
	/* A peek ends with the record; a read goes on. */
	ck_assert_int_eq(ivc_rx_peek(&p.rx, &view), 10);
	ck_assert_int_eq(ivc_rx_release(&p.rx, 4), 0);
	ck_assert_int_eq(ivc_tx_write(&p.tx, buf, 100), 100);
	ck_assert_int_eq(ivc_rx_read(&p.rx, buf, 300), 106);
	bytes_check(4, 4, buf, 6);
	bytes_check(4, 0, buf + 6, 100);
	free(buf);
}
END_TEST

/* Nothing can be released without a peek, not even after a released record. */
START_TEST(release_nothing)
{
	const void *view = NULL;
	uint8_t buf[8];
	uint32_t len;

	ck_assert_int_eq(ivc_rx_release(&p.rx, 1), -EINVAL);
	for (len = 1; len <= 8; len++) {
		ck_assert_int_eq(ivc_tx_write(&p.tx, buf, len), len);
		ck_assert_int_eq(ivc_rx_read(&p.rx, buf, len), len);
		ck_assert_int_eq(ivc_rx_release(&p.rx, 1), -EINVAL);
		ck_assert_int_eq(ivc_rx_release(&p.rx, 0u - len), -EINVAL);
		ck_assert_int_eq(ivc_rx_release(&p.rx, UINT32_MAX), -EINVAL);
		ck_assert_int_eq(ivc_rx_release(&p.rx, 0), 0);
	}
	/* Peeked and half released, then read to the end. */
	ck_assert_int_eq(ivc_tx_write(&p.tx, "abcdefgh", 8), 8);
	ck_assert_int_eq(ivc_rx_next(&p.rx), 1);
	ck_assert_int_eq(ivc_rx_release(&p.rx, 3), -EINVAL);
	ck_assert_int_eq(ivc_rx_peek(&p.rx, &view), 8);
	ck_assert_int_eq(ivc_rx_release(&p.rx, 3), 0);
	ck_assert_int_eq(ivc_rx_read(&p.rx, buf, 8), 5);
	ck_assert_mem_eq(buf, "defgh", 5);
	ck_assert_int_eq(ivc_rx_release(&p.rx, 1), -EINVAL);
}
END_TEST

Suite *suite_zero_copy(void)
{
	Suite *s = suite_create("zero-copy");
	TCase *t = tcase_create("zero-copy");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, commit_is_a_write);
	tcase_add_test(t, bounds);
	tcase_add_test(t, commit_less);
	tcase_add_test(t, commit_nothing);
	tcase_add_test(t, commit_too_much);
	tcase_add_test(t, write_cancels);
	tcase_add_test(t, second_replaces);
	tcase_add_test(t, skips);
	tcase_add_test(t, skip_without_room);
	tcase_add_test(t, peek_and_release);
	tcase_add_test(t, release_nothing);
	suite_add_tcase(s, t);
	return s;
}
