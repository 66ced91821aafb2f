/* SPDX-License-Identifier: MIT */
/* See loops.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/clock.h"
#include "../common/histogram.h"
#include "loops.h"

#define LATENCY_BATCH 8		/* round trips: the clock costs less than 2 % */
#define WINDOW_BYTES (4u << 20) /* well under a scheduler's slice */
#define WINDOW_MIN 4
#define WINDOW_MAX 1024
#define ACK_BYTES 4
#define SAMPLES_MAX 65536u
#define WARM_STEPS 4
#define PARTS 4 /* of a row's time, a step each */

struct step {
	uint32_t test;
	uint32_t size;
	uint32_t window;
	uint32_t count; /* batches of round trips, or windows; 0: the end */
	uint32_t mode;
	uint32_t pad[3];
};

static struct histogram histogram;
static uint64_t times[SAMPLES_MAX];

static int round_trips(struct end *e, const struct step *s)
{
	const struct contender *k = e->contender;
	uint64_t last = clock_ns();

	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t now;

		for (int j = 0; j < LATENCY_BATCH; j++) {
			int ret = k->send(e, e->out, s->size);

			if (!ret)
				ret = k->recv(e, e->in, s->size);
			if (ret)
				return ret;
		}
		now = clock_ns();
		times[i] = now - last;
		last = now;
	}
	return 0;
}

static int echo(struct end *e, const struct step *s)
{
	const struct contender *k = e->contender;

	for (uint64_t i = 0; i < (uint64_t)s->count * LATENCY_BATCH; i++) {
		int ret = k->recv(e, e->in, s->size);

		if (!ret)
			ret = k->send(e, e->out, s->size);
		if (ret)
			return ret;
	}
	return 0;
}

static int windows(struct end *e, const struct step *s)
{
	const struct contender *k = e->contender;
	uint32_t back = s->test == TEST_BI ? s->window : 0;
	uint64_t last = clock_ns();

	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t now;
		int ret = k->burst(e, s->size, s->window, back);

		if (!ret && !back)
			ret = k->recv(e, e->in, ACK_BYTES);
		if (ret)
			return ret;
		now = clock_ns();
		times[i] = now - last;
		last = now;
	}
	return 0;
}

static int windows_back(struct end *e, const struct step *s)
{
	const struct contender *k = e->contender;
	uint32_t back = s->test == TEST_BI ? s->window : 0;

	for (uint32_t i = 0; i < s->count; i++) {
		int ret = k->burst(e, s->size, back, s->window);

		if (!ret && !back)
			ret = k->send(e, e->out, ACK_BYTES);
		if (ret)
			return ret;
	}
	return 0;
}

static int run_step(struct end *e, const struct step *s, uint64_t *total)
{
	int ret = e->contender->send(e, s, sizeof(*s));

	e->mode = s->mode;
	if (!ret)
		ret = s->test == TEST_LATENCY ? round_trips(e, s)
					      : windows(e, s);
	*total = 0;
	for (uint32_t i = 0; !ret && i < s->count; i++)
		*total += times[i];
	return ret;
}

/*
 * Set *each to the duration of an iteration in ns, when everything is warm. The
 * first step makes connections and touches memory, so it does not count.
 */
static int warm_up(struct end *e, struct step *s, uint64_t budget,
		   uint32_t limit, double *each)
{
	uint64_t spent = 0, total;
	uint32_t count = 1;

	for (int i = 0; i < WARM_STEPS || spent < budget; i++) {
		int ret;

		s->count = count;
		ret = run_step(e, s, &total);
		if (ret)
			return ret;
		if (i)
			spent += total;
		*each = (double)total / count;
		count *= 4;
		if (*each * count > (double)budget)
			count = (uint32_t)((double)budget / *each) + 1;
		if (count > limit)
			count = limit;
		if (limit < SAMPLES_MAX && i)
			break;
	}
	return 0;
}

/* The same for each mode; the fastest mode is used from then on. */
static int warm_up_modes(struct end *e, struct step *s, uint64_t budget,
			 uint32_t limit, double *each)
{
	unsigned int modes = s->test == TEST_UNI && e->contender->modes
				     ? e->contender->modes
				     : 1;
	struct step best = *s;
	int ret = 0;

	*each = 0;
	for (s->mode = 0; s->mode < modes && !ret; s->mode++) {
		double ns = 0;

		ret = warm_up(e, s, budget, limit, &ns);
		if (s->mode && ns >= *each)
			continue;
		*each = ns;
		best.mode = s->mode;
	}
	*s = best;
	return ret;
}

static void print_row(const struct step *s)
{
	static const double percents[] = { 10, 50, 90, 99 };
	bool latency = s->test == TEST_LATENCY;
	double bytes =
		(double)s->size * s->window * (s->test == TEST_BI ? 2 : 1);

	printf("{\"test\": \"%s\", \"size\": %u, \"window\": %u, "
	       "\"samples\": %llu",
	       test_names[s->test], s->size, s->window,
	       (unsigned long long)histogram.n);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		/* The slow windows are the low percentiles of bandwidth. */
		double ns = histogram_percentile(&histogram,
						 latency ? percents[i]
							 : 100 - percents[i]);

		printf(", \"p%.0f\": %.4f", percents[i],
		       latency ? ns / LATENCY_BATCH / 2e3 : bytes / ns * 1e3);
	}
	printf("}\n");
	fflush(stdout);
}

static uint32_t window_of(enum test test, uint32_t size)
{
	uint32_t n = WINDOW_BYTES / size;

	if (test == TEST_LATENCY)
		return 1;
	return n < WINDOW_MIN ? WINDOW_MIN : n > WINDOW_MAX ? WINDOW_MAX : n;
}

static int run_row(struct end *e, const struct plan *p, enum test test,
		   uint32_t size)
{
	struct step s = { .test = test,
			  .size = size,
			  .window = window_of(test, size) };
	uint32_t limit =
		p->limit && p->limit < SAMPLES_MAX ? p->limit : SAMPLES_MAX;
	uint64_t budget = p->ms * 1000000ull, spent = 0, total;
	double each, part = (double)budget / PARTS;
	int ret = warm_up_modes(e, &s, budget / 5, limit, &each);

	histogram_reset(&histogram);
	while (!ret && spent < budget && histogram.n < limit) {
		s.count = limit;
		if (each > 0 && part / each < limit)
			s.count = (uint32_t)(part / each) + 1;
		ret = run_step(e, &s, &total);
		for (uint32_t i = 0; !ret && i < s.count; i++)
			histogram_add(&histogram, times[i]);
		spent += total;
		each = (double)total / s.count;
	}
	if (!ret)
		print_row(&s);
	return ret;
}

int loops_client(struct end *e, const struct plan *p)
{
	struct step end = { .count = 0 };

	memset(times, 0xff, sizeof(times));
	for (int t = 0; t < TESTS; t++) {
		if (!(e->contender->can & CAN(t)))
			continue;
		for (unsigned int i = 0; i < p->n_sizes[t]; i++) {
			int ret = run_row(e, p, (enum test)t, p->sizes[t][i]);

			if (ret)
				return ret;
		}
	}
	return e->contender->send(e, &end, sizeof(end));
}

int loops_server(struct end *e)
{
	for (;;) {
		struct step s;
		int ret = e->contender->recv(e, &s, sizeof(s));

		if (ret || !s.count)
			return ret;
		e->mode = s.mode;
		ret = s.test == TEST_LATENCY ? echo(e, &s)
					     : windows_back(e, &s);
		if (ret)
			return ret;
	}
}

int loops_room(struct end *e, const struct plan *p)
{
	size_t size = (plan_largest(p) + 4095ul) & ~4095ul;

	e->out = aligned_alloc(4096, size);
	e->in = aligned_alloc(4096, size);
	if (!e->out || !e->in)
		return -ENOMEM;
	memset(e->out, 0x5a, size);
	memset(e->in, 0xa5, size);
	return 0;
}
