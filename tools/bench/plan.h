/* SPDX-License-Identifier: MIT */
/* What a program is asked to measure: its command line. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "contender.h"

#define PLAN_SIZES 32
#define PLAN_SIZE_MAX (16u << 20)

struct plan {
	const char *contender;
	int cpus[2];	    /* -1: wherever */
	unsigned int ms;    /* of a row, timed; a fifth of that to warm up */
	unsigned int limit; /* iterations of a row at most, 0: none */
	uint32_t ring;
	unsigned int n_sizes[TESTS];
	uint32_t sizes[TESTS][PLAN_SIZES];
};

extern const char *const test_names[TESTS];

/* Ends the program with 64 after saying what is wrong. */
void plan_read(struct plan *p, int argc, char **argv);

/* The largest size of any test. */
uint32_t plan_largest(const struct plan *p);

/* This thread, from now on, on that CPU alone. -errno; < 0 is fine. */
int pin(int cpu);

#endif
