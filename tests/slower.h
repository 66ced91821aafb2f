/* SPDX-License-Identifier: GPL-2.0 */
/* Times on a slow or busy machine. */
#ifndef TESTS_SLOWER_H
#define TESTS_SLOWER_H

#include <limits.h>
#include <stdlib.h>

/*
 * The lab measures how many times slower the machine is (scripts/lab/pace.sh)
 * and says so in LAB_SLOWER. A time of @ms milliseconds is longer by that
 * factor.
 */
static inline int slower(int ms)
{
	const char *times = getenv("LAB_SLOWER");
	int n = times ? atoi(times) : 1;

	return n < 1 || ms > INT_MAX / n ? ms : ms * n;
}

#endif
