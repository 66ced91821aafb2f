/* SPDX-License-Identifier: MIT */
/* One line of results: how often to repeat a test, and its figures. */
#include "client.h"
#include "errors.h"

#define WARMUP_SHARE 0.1
#define STEPS_PER_ROW 8
#define CLOCK_SHARE 0.05 /* of a sample: the cost of reading the clock */

static void mixed_progress(uint64_t done, uint64_t of)
{
	static uint64_t shown;
	uint64_t now = clock_ns();

	if (now - shown < 200000000)
		return;
	shown = now;
	progress("mixed sizes: %llu of %llu messages, %.0f %%",
		 (unsigned long long)done, (unsigned long long)of,
		 100.0 * (double)done / (double)of);
}

/* The smallest time that the clock can measure. */
static double clock_cost(const struct client *c)
{
	return c->clock.step_ns > c->clock.cost_ns ? c->clock.step_ns
						   : c->clock.cost_ns;
}

/*
 * The duration of an iteration, as the warm-up measures it. An interruption of
 * the process spoils the mean of a step, so choose_batch() uses the quickest
 * step.
 */
struct pace {
	double each_ns;	    /* in the last step, which is the longest */
	double quickest_ns; /* in the quickest step */
};

/*
 * One step of the warm-up. The clock is read only before and after the step: on
 * a machine with a slow clock, more readings would dominate the measurement.
 */
static int warm_step(struct client *c, struct step *step, struct pace *pace)
{
	int status = run_step(c, step);

	if (status)
		return status;
	pace->each_ns = (double)c->timing.total_ns / (double)step->count;
	if (!pace->quickest_ns || (pace->each_ns < pace->quickest_ns &&
				   (double)c->timing.total_ns > clock_cost(c)))
		pace->quickest_ns = pace->each_ns;
	return EXIT_FINE;
}

/*
 * Warm up in growing steps until the time for that is used. Their durations
 * tell the duration of an iteration.
 */
static int warm_up(struct client *c, struct step *step, struct pace *pace)
{
	const struct options *o = c->o;
	double spent = 0, budget = o->seconds * WARMUP_SHARE * 1e9;
	uint64_t count = 1;
	int status = EXIT_FINE;

	*pace = (struct pace){ 0 };
	c->timing.batch = UINT32_MAX;
	if (o->warmup != UINT64_MAX) {
		step->count = o->warmup;
		return o->warmup ? warm_step(c, step, pace) : EXIT_FINE;
	}
	while (!status && spent < budget && count <= COUNT_MAX) {
		step->count = count;
		status = warm_step(c, step, pace);
		spent += (double)c->timing.total_ns;
		count *= 8;
		if (pace->each_ns * (double)count > budget)
			count = (uint64_t)(budget / pace->each_ns) + 1;
	}
	return status;
}

static uint32_t choose_batch(const struct client *c, double each_ns)
{
	double cost = clock_cost(c);

	if (c->o->batch)
		return c->o->batch;
	if (each_ns <= 0 || each_ns * CLOCK_SHARE >= cost)
		return 1;
	return (uint32_t)(cost / (each_ns * CLOCK_SHARE)) + 1;
}

static void fill_row(const struct client *c, struct row *row, uint64_t total_ns)
{
	static const double percents[PERCENTILES] = { 1, 10, 50, 90, 99, 100 };
	double window_bytes = (double)row->size * row->window *
			      (row->test == TEST_BIBW ? 2 : 1);

	row->seconds = (double)total_ns / 1e9;
	if (!total_ns)
		return;
	row->per_second = (double)row->messages / row->seconds;
	if (row->test == TEST_LATENCY)
		row->mean = (double)total_ns / (double)row->iterations / 2e3;
	else
		row->mean = window_bytes * (double)row->iterations /
			    (double)total_ns * 1e3;
	for (int i = 0; i < PERCENTILES; i++) {
		double ns;

		if (row->test == TEST_LATENCY) {
			ns = histogram_percentile(&c->histogram, percents[i]);
			row->p[i] = ns / row->batch / 2e3;
			continue;
		}
		/* The slow windows are the low percentiles of bandwidth. */
		ns = histogram_percentile(&c->histogram, 100 - percents[i]);
		if (i == PMAX)
			ns = (double)c->histogram.min;
		row->p[i] = ns > 0 ? window_bytes / ns * 1e3 : 0;
	}
}

int run_row(struct client *c, enum test test, uint32_t size)
{
	static const enum step_kind kinds[TESTS] = {
		[TEST_LATENCY] = STEP_LATENCY,
		[TEST_BANDWIDTH] = STEP_BANDWIDTH,
		[TEST_RATE] = STEP_BANDWIDTH,
		[TEST_BIBW] = STEP_BIBW,
	};
	const struct options *o = c->o;
	struct row row = { .test = test, .size = size, .batch = 1 };
	struct step step = { .kind = kinds[test], .size = size };
	double each_ns, budget = o->seconds * 1e9;
	struct pace pace;
	uint64_t total_ns = 0, before = c->s.tx_seq + c->s.rx_seq;
	int status;

	row.window = step.window = test == TEST_LATENCY ? 1 : o->window;
	progress("%s, %u bytes: warming up", test_names[test], size);
	status = warm_up(c, &step, &pace);
	if (status)
		return status;
	if (test == TEST_LATENCY)
		row.batch = choose_batch(c, pace.quickest_ns);
	each_ns = pace.each_ns;
	c->timing.batch = row.batch;
	histogram_reset(&c->histogram);
	before = c->s.tx_seq + c->s.rx_seq;
	while (o->iterations ? row.iterations < o->iterations
			     : (double)total_ns < budget) {
		double want =
			each_ns > 0 ? budget / STEPS_PER_ROW / each_ns + 1 : 1;
		uint64_t most = (uint64_t)STEP_SAMPLES * row.batch;

		step.count = want > (double)most ? most : (uint64_t)want;
		if (o->iterations &&
		    step.count > o->iterations - row.iterations)
			step.count = o->iterations - row.iterations;
		status = run_step(c, &step);
		if (status)
			return status;
		for (uint32_t i = 0; i < c->timing.n; i++)
			histogram_add(&c->histogram, c->timing.ns[i]);
		row.iterations += step.count;
		total_ns += c->timing.total_ns;
		each_ns = (double)total_ns / (double)row.iterations;
		progress("%s, %u bytes: %.0f %%", test_names[test], size,
			 o->iterations ? 100.0 * (double)row.iterations /
						 (double)o->iterations
				       : 100.0 * (double)total_ns / budget);
	}
	row.messages = c->s.tx_seq + c->s.rx_seq - before;
	/* Acknowledgements do not count as messages. */
	if (step.kind == STEP_BANDWIDTH)
		row.messages -= row.iterations;
	fill_row(c, &row, total_ns);
	report_row(c->report, &row);
	return EXIT_FINE;
}

int run_mixed(struct client *c)
{
	const struct options *o = c->o;
	struct step step = {
		.kind = STEP_MIXED,
		.size = o->max,
		.window = 1,
		.count = o->mixed,
	};
	struct row row = {
		.test = TEST_MIXED,
		.size = o->max,
		.window = 1,
		.batch = 1,
		.iterations = 2 * o->mixed,
		.messages = 2 * o->mixed,
	};
	uint64_t server_before = c->server_bytes, here_before = c->s.rx_bytes;
	double bytes;
	int status;

	c->timing.progress = mixed_progress;
	status = run_step(c, &step);
	c->timing.progress = NULL;
	if (status)
		return status;
	bytes = (double)(c->server_bytes - server_before) +
		(double)(c->s.rx_bytes - here_before);
	row.seconds = (double)c->timing.total_ns / 1e9;
	row.mean = bytes / row.seconds / 1e6;
	row.per_second = (double)row.messages / row.seconds;
	report_row(c->report, &row);
	return EXIT_FINE;
}
