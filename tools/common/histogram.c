/* SPDX-License-Identifier: MIT */
/* A histogram of durations. */
#include <string.h>

#include "histogram.h"

static unsigned int bin_of(uint64_t v)
{
	int top;

	if (v < 256)
		return v;
	top = 63 - __builtin_clzll(v);
	return (top - 7) * 256u + ((v >> (top - 8)) & 255);
}

/* The middle of the range of values that fall into the bin. */
static double bin_value(unsigned int bin)
{
	unsigned int shift;

	if (bin < 256)
		return bin;
	shift = bin / 256 - 1;
	return ((double)(256 + bin % 256) + 0.5) * (double)(1ull << shift);
}

void histogram_reset(struct histogram *s)
{
	memset(s, 0, sizeof(*s));
	s->min = UINT64_MAX;
}

void histogram_add(struct histogram *s, uint64_t ns)
{
	s->bins[bin_of(ns)]++;
	s->n++;
	s->sum += (double)ns;
	if (ns < s->min)
		s->min = ns;
	if (ns > s->max)
		s->max = ns;
}

double histogram_percentile(const struct histogram *s, double percent)
{
	uint64_t want, seen = 0;

	if (!s->n)
		return 0;
	want = (uint64_t)(percent / 100 * (double)s->n + 0.5);
	if (want < 1)
		want = 1;
	if (percent >= 100 || want > s->n)
		return (double)s->max;
	for (unsigned int i = 0; i < HISTOGRAM_BINS; i++) {
		double v;

		seen += s->bins[i];
		if (seen < want)
			continue;
		v = bin_value(i);
		if (v < (double)s->min)
			return (double)s->min;
		return v > (double)s->max ? (double)s->max : v;
	}
	return (double)s->max;
}
