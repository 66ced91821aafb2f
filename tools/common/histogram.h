/* SPDX-License-Identifier: MIT */
/*
 * A histogram of durations in nanoseconds, with 256 bins per power of two: a
 * percentile is exact to 0.4 %; minimum, maximum and mean are exact.
 *
 * Programs add to it between two timed stretches, never inside one.
 */
#ifndef TOOLS_COMMON_HISTOGRAM_H
#define TOOLS_COMMON_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BINS (57 * 256)

struct histogram {
	uint64_t bins[HISTOGRAM_BINS];
	uint64_t n, min, max;
	double sum;
};

void histogram_reset(struct histogram *s);
void histogram_add(struct histogram *s, uint64_t ns);
/* @percent from 0 to 100; 0 when there are no samples. */
double histogram_percentile(const struct histogram *s, double percent);

#endif
