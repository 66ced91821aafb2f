/* SPDX-License-Identifier: MIT */
/* The monotonic clock, and the cost of reading it. */
#ifndef TOOLS_COMMON_CLOCK_H
#define TOOLS_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

struct clock_info {
	double cost_ns; /* mean duration of one reading */
	double step_ns; /* smallest difference between two readings */
};

void clock_measure(struct clock_info *info);

#endif
