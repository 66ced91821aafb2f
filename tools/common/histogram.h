/* SPDX-License-Identifier: MIT */
/*
 * Times: the clock and what reading it costs, and a histogram of samples.
 *
 * The histogram has 256 bins per power of two, so a percentile is right to
 * 0.4 %; minimum, maximum and mean are exact. It is filled between the timed
 * stretches, never inside one.
 */
#ifndef TOOLS_COMMON_HISTOGRAM_H
#define TOOLS_COMMON_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

struct clock_info {
	double cost_ns; /* one reading, mean */
	double step_ns; /* smallest difference seen between two readings */
};

void clock_measure(struct clock_info *info);

#define SAMPLE_BINS (57 * 256)

struct samples {
	uint64_t bins[SAMPLE_BINS];
	uint64_t n, min, max;
	double sum;
};

void samples_reset(struct samples *s);
void samples_add(struct samples *s, uint64_t ns);
/* @percent from 0 to 100; 0 when there are no samples. */
double samples_percentile(const struct samples *s, double percent);

#endif
