/* SPDX-License-Identifier: GPL-2.0 */
/* A random sequence that a seed names: the same seed, the same test
 * (splitmix64). */
#ifndef TESTS_RNG_H
#define TESTS_RNG_H

#include <stdbool.h>
#include <stdint.h>

#define RNG_STEP 0x9e3779b97f4a7c15ull

struct rng {
	uint64_t state;
};

static inline uint64_t rng_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static inline uint64_t rng_next(struct rng *r)
{
	return rng_mix(r->state += RNG_STEP);
}

/* 0 to @n - 1; 0 if @n is 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

static inline bool rng_one_in(struct rng *r, uint32_t n)
{
	return !rng_below(r, n);
}

/* 1 to @max: often small, often near a whole number of cells. */
static inline uint32_t rng_size(struct rng *r, uint32_t max)
{
	uint32_t n;

	switch (rng_below(r, 4)) {
	case 0:
		n = 1 + rng_below(r, 64);
		break;
	case 1:
		/* A whole number of cells, give or take two bytes. */
		n = (1 + rng_below(r, max / 64 + 1)) * 64 - 10 +
		    rng_below(r, 5);
		break;
	default:
		n = 1 + rng_below(r, max);
		break;
	}
	return n > max ? max : n;
}

#endif /* TESTS_RNG_H */
