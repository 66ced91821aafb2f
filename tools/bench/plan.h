/* SPDX-License-Identifier: MIT */
/* The plan of a measurement: the command line of a program. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "contender.h"

#define PLAN_SIZES 32
#define PLAN_SIZE_MAX (16u << 20)

struct plan {
	const char *contender;
	int cpus[2];	 /* -1: any */
	unsigned int ms; /* timed per row, after a fifth of that to warm up */
	unsigned int limit; /* of iterations per row, 0: no limit */
	uint32_t ring;
	unsigned int n_sizes[TESTS];
	uint32_t sizes[TESTS][PLAN_SIZES];
};

extern const char *const test_names[TESTS];

/* Exits with 64 after printing an error. */
void plan_read(struct plan *p, int argc, char **argv);

/* The largest size of any test. */
uint32_t plan_largest(const struct plan *p);

/* Pin this thread to @cpu; < 0: do nothing. 0 or -errno. */
int pin(int cpu);

#endif
