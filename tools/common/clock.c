/* SPDX-License-Identifier: MIT */
/* The cost of reading the clock. */
#include "clock.h"

#define CLOCK_READS 20000

void clock_measure(struct clock_info *info)
{
	uint64_t start = clock_ns(), last = start, step = UINT64_MAX;

	for (int i = 0; i < CLOCK_READS; i++) {
		uint64_t now = clock_ns();

		if (now > last && now - last < step)
			step = now - last;
		last = now;
	}
	info->cost_ns = (double)(last - start) / CLOCK_READS;
	info->step_ns = step == UINT64_MAX ? 0 : (double)step;
}
