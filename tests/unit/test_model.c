/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All operations of both ends in random order, compared with the behaviour of a
 * byte stream. The seed is fixed and printed with a failure; IVC_SEED=n repeats
 * a run.
 */
#include "unit.h"

#define RUNS 60
#define STEPS 6000

/* The state of the model: bytes written, bytes read, bytes reserved. */
struct model {
	struct pair p;
	struct rng r;
	uint64_t seed;
	uint64_t sent, got;
	uint8_t *room; /* of a pending reserve */
	uint32_t reserved;
};

#define must(m, cond)                                                          \
	do {                                                                   \
		if (!(cond))                                                   \
			ck_abort_msg("seed %llu: %s after %llu and %llu "      \
				     "bytes",                                  \
				     (unsigned long long)(m)->seed, #cond,     \
				     (unsigned long long)(m)->sent,            \
				     (unsigned long long)(m)->got);            \
	} while (0)

static void do_write(struct model *m)
{
	uint32_t len = rng_size(&m->r, 2 * m->p.size);
	uint8_t *buf = exact(len);
	int64_t n;

	bytes_fill(m->seed, m->sent, buf, len);
	/* The fast path, and the general one where the fast path gives up. */
	if (rng_below(&m->r, 2) && tx_one(&m->p.tx, buf, len))
		n = len;
	else
		n = ivc_tx_write(&m->p.tx, buf, len);
	m->reserved = 0;
	must(m, n >= 0 && n <= len);
	m->sent += (uint64_t)n;
	/* An empty ring accepts at least part of any write. */
	must(m, n || m->sent > m->got || ivc_tx_known_free(&m->p.tx) == 0);
	free(buf);
}

static void do_reserve(struct model *m)
{
	uint32_t quarter = m->p.size / 4 - 8;
	uint32_t min = rng_below(&m->r, 4) ? rng_size(&m->r, quarter)
					   : rng_size(&m->r, m->p.size);
	uint32_t max = rng_size(&m->r, m->p.size);
	void *room = NULL;
	int64_t n = ivc_tx_reserve(&m->p.tx, min, max, &room);

	m->reserved = 0;
	if (min > quarter) {
		must(m, n == -EMSGSIZE);
		return;
	}
	must(m, n == 0 || n >= min);
	must(m, n == 0 || n <= (max > min ? max : min));
	must(m, n <= quarter);
	if (!n)
		return;
	m->room = room;
	m->reserved = (uint32_t)n;
	must(m, m->room >= m->p.data + 8);
	must(m, m->room + n <= m->p.data + m->p.size);
	bytes_fill(m->seed, m->sent, m->room, (size_t)n);
}

static void do_commit(struct model *m)
{
	uint32_t len = rng_below(&m->r, m->reserved + 1);
	int ret;

	if (!rng_below(&m->r, 4)) {
		ret = ivc_tx_commit(&m->p.tx,
				    m->reserved + 1 + rng_below(&m->r, 1000));
		must(m, ret == -EINVAL);
	}
	if (rng_below(&m->r, 2))
		len = m->reserved;
	ret = ivc_tx_commit(&m->p.tx, len);
	must(m, ret == 0);
	m->sent += len;
	m->reserved = 0;
}

static void do_read(struct model *m)
{
	uint32_t len = rng_size(&m->r, 2 * m->p.size);
	uint8_t *buf = exact(len);
	int64_t n = 0;

	if (ivc_ring_one(len, m->p.rx.cells) && rng_below(&m->r, 2)) {
		if (rx_one(&m->p.rx, buf, len))
			n = len;
	} else {
		n = ivc_rx_read(&m->p.rx, buf, len);
		/* Returns all data, if the buffer has room for it. */
		must(m, n == (int64_t)(m->sent - m->got < len ? m->sent - m->got
							      : len));
	}
	must(m, n >= 0 && n <= len && m->got + (uint64_t)n <= m->sent);
	bytes_check(m->seed, m->got, buf, (size_t)n);
	m->got += (uint64_t)n;
	free(buf);
}

static void do_peek(struct model *m)
{
	const void *view = NULL;
	const uint8_t *v;
	int64_t n = ivc_rx_peek(&m->p.rx, &view);
	uint32_t k;

	must(m, n >= 0 && m->got + (uint64_t)n <= m->sent);
	must(m, (n > 0) == (m->sent > m->got));
	if (!n)
		return;
	v = view;
	must(m, v >= m->p.data + 8 && v + n <= m->p.data + m->p.size);
	bytes_check(m->seed, m->got, v, (size_t)n);
	if (!rng_below(&m->r, 4))
		must(m, ivc_rx_release(&m->p.rx, (uint32_t)n + 1) == -EINVAL);
	k = rng_below(&m->r, 2) ? (uint32_t)n
				: rng_below(&m->r, (uint32_t)n + 1);
	must(m, ivc_rx_release(&m->p.rx, k) == 0);
	m->got += k;
}

/* Invariants of the ring, after each operation. */
static void invariants(struct model *m)
{
	struct pair *p = &m->p;
	uint32_t used = p->tx.pos - p->rx.pos;

	must(m, used < p->tx.cells);
	must(m, p->tx.pos - p->ctrl->cons < p->tx.cells);
	must(m, p->rx.pos - p->ctrl->cons < p->rx.batch || p->rx.batch == 0);
	/*
	 * The pointers of the fast paths agree with the positions and stay in
	 * the ring.
	 */
	must(m, p->tx.cell == (uint8_t *)ivc_tx_hdr(&p->tx, p->tx.pos));
	must(m, p->tx.stop >= p->tx.cell && p->tx.stop < p->data + p->size);
	must(m, p->rx.len ||
			p->rx.cell ==
				(const uint8_t *)ivc_rx_hdr(&p->rx, p->rx.pos));
	must(m, p->rx.turn > p->data && p->rx.turn <= p->data + p->size);
	/* The header that the consumer will read next is zero. */
	must(m, *ivc_tx_hdr(&p->tx, p->tx.pos) == 0 || m->reserved);
	must(m, !p->tx.error && !p->rx.error);
	must(m, (used == 0) == (m->sent == m->got) || used);
}

static void run(uint64_t seed)
{
	struct model m = { .r = { seed }, .seed = seed };
	int i;

	pair_init(&m.p, 4096u << rng_below(&m.r, 3),
		  start_positions[rng_below(&m.r,
					    (uint32_t)n_start_positions)]);
	for (i = 0; i < STEPS; i++) {
		/* In phases, so that the ring becomes full and empty. */
		int phase = i / 64 % 3;
		int bias = (phase == 1) - (phase == 2);
		int what = (int)rng_below(&m.r, 6) - bias;

		if (what < 2) {
			do_write(&m);
		} else if (what < 4) {
			do_reserve(&m);
			if (rng_below(&m.r, 8))
				do_commit(&m);
		} else if (rng_below(&m.r, 2)) {
			do_read(&m);
		} else {
			do_peek(&m);
		}
		invariants(&m);
	}
	while (m.got < m.sent)
		do_peek(&m);
	pair_free(&m.p);
}

START_TEST(random_operations)
{
	const char *only = getenv("IVC_SEED");

	if (!only)
		run((uint64_t)_i);
	else if (_i == 0)
		run(strtoull(only, NULL, 0));
}
END_TEST

Suite *suite_model(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("model");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, random_operations, 0, RUNS);
	suite_add_tcase(s, t);
	return s;
}
