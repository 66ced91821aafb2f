/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile consumer, which claims any position. The producer must return
 * -EPROTO, go on returning it, and write only to cells that are free. See also
 * test_hostile_rx.c.
 */
#include "unit.h"

/* The producer uses this ring no more. */
static void writer_broken(struct pair *p)
{
	uint32_t pos = p->tx.pos;
	uint8_t *before = exact(p->size);
	uint8_t *buf = exact(p->size);
	void *room = NULL;
	int i;

	memset(buf, 0x55, p->size);
	memcpy(before, p->data, p->size);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(ivc_tx_write(&p->tx, buf, 1), -EPROTO);
		ck_assert_int_eq(ivc_tx_write(&p->tx, buf, p->size), -EPROTO);
		ck_assert(!tx_one(&p->tx, buf, 8));
		ck_assert_int_eq(ivc_tx_reserve(&p->tx, 1, 1, &room), -EPROTO);
		ck_assert_int_eq(ivc_tx_commit(&p->tx, 0), -EPROTO);
		ck_assert_int_eq(ivc_tx_commit(&p->tx, 1), -EPROTO);
		ck_assert_int_eq(ivc_tx_refresh(&p->tx), -EPROTO);
		/* An index that would be right does not help. */
		p->ctrl->cons = pos;
	}
	ck_assert_uint_eq(p->tx.pos, pos);
	ck_assert_mem_eq(p->data, before, p->size);
	free(buf);
	free(before);
}

static void fill(struct pair *p)
{
	uint8_t buf[500] = { 0 };
	int64_t n;

	do {
		n = ivc_tx_write(&p->tx, buf, sizeof(buf));
		ck_assert_int_ge(n, 0);
	} while (n);
	do {
		n = ivc_tx_write(&p->tx, buf, 1);
		ck_assert_int_ge(n, 0);
	} while (n);
}

/* `cons` as it can only be if the consumer lies; relative to the producer. */
static const int64_t lies[] = { 1,	   2,	64,    1000,
				INT32_MAX, -64, -1000, -(int64_t)INT32_MAX };

#define N_LIES ((int)(sizeof(lies) / sizeof(lies[0])))

START_TEST(cons_ahead_or_far_back)
{
	int s;

	for (s = 0; s < n_start_positions; s++) {
		struct pair p;

		pair_guarded(&p, 4096, start_positions[s]);
		fill(&p);
		ck_assert_uint_eq(p.tx.pos - start_positions[s], 63);
		p.ctrl->cons = p.tx.pos + (uint32_t)lies[_i];
		writer_broken(&p);
		pair_free(&p);
	}
}
END_TEST

START_TEST(cons_goes_back)
{
	uint8_t *buf = exact(4096);
	uint32_t back;

	for (back = 1; back <= 10; back++) {
		struct pair p;

		pair_guarded(&p, 4096, start_positions[_i]);
		fill(&p);
		p.ctrl->cons += 10;
		ck_assert_int_eq(ivc_tx_write(&p.tx, buf, 4096) > 0, 1);
		fill(&p);
		p.ctrl->cons -= back;
		writer_broken(&p);
		pair_free(&p);
	}
	free(buf);
}
END_TEST

/* A valid reservation is void once the consumer has lied. */
START_TEST(reserve_then_lie)
{
	uint8_t *buf = exact(4096);
	struct pair p;
	void *room = NULL;

	pair_guarded(&p, 4096, 0);
	ck_assert_int_eq(ivc_tx_reserve(&p.tx, 500, 500, &room), 500);
	p.ctrl->cons = 1;
	ck_assert_int_eq(ivc_tx_refresh(&p.tx), -EPROTO);
	ck_assert_int_eq(ivc_tx_commit(&p.tx, 500), -EPROTO);
	writer_broken(&p);
	pair_free(&p);
	free(buf);
}
END_TEST

START_TEST(random_consumer)
{
	struct rng r = { (uint64_t)_i };
	int round, i;

	for (round = 0; round < 300; round++) {
		struct pair p;

		pair_guarded(&p, 4096u << rng_below(&r, 3),
			     (uint32_t)rng_next(&r));
		for (i = 0; i < 200; i++) {
			uint32_t n = rng_size(&r, 2 * p.size);
			uint32_t cons = p.ctrl->cons;
			uint8_t *buf = exact(n);
			int64_t ret;
			void *room = NULL;

			memset(buf, 1, n);
			switch (rng_below(&r, 8)) {
			case 0:
				cons = (uint32_t)rng_next(&r);
				break;
			case 1:
				cons -= rng_below(&r, 3);
				break;
			default:
				cons += rng_below(&r, p.tx.cells / 4);
				break;
			}
			p.ctrl->cons = cons;
			p.ctrl->want = (uint32_t)rng_next(&r);
			if (rng_below(&r, 2)) {
				ret = ivc_tx_write(&p.tx, buf, n);
				ck_assert(ret == -EPROTO ||
					  (ret >= 0 && ret <= n));
			} else {
				ret = ivc_tx_reserve(&p.tx, 1 + n / 16, n,
						     &room);
				if (ret > 0) {
					memset(room, 2, (size_t)ret);
					ck_assert_int_eq(
						ivc_tx_commit(&p.tx,
							      (uint32_t)ret),
						0);
				}
			}
			free(buf);
			if (ret == -EPROTO) {
				writer_broken(&p);
				break;
			}
		}
		pair_free(&p);
	}
}
END_TEST

TCase *case_hostile_consumer(void)
{
	TCase *t = tcase_create("hostile consumer");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, cons_ahead_or_far_back, 0, N_LIES);
	tcase_add_loop_test(t, cons_goes_back, 0, n_start_positions);
	tcase_add_test(t, reserve_then_lie);
	tcase_add_loop_test(t, random_consumer, 0, 10);
	return t;
}
