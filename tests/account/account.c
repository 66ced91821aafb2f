/* SPDX-License-Identifier: GPL-2.0 */
/* See account.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"

struct rng dice;
uint64_t account_seed, account_ends, account_lossy;
const char *account_program;

uint32_t account_size(struct rng *r, uint32_t max)
{
	return rng_one_in(r, 4) ? 1 + rng_below(r, (max + 7) / 8)
				: rng_size(r, max);
}

void wrong(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", account_program);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr,
		"\n%s: see it again: %s %" PRIu64 "\n%s: 0 passed, 1 failed\n",
		account_program, account_program, account_seed,
		account_program);
	_exit(1);
}

/* A prime, so that no size of a cell, record or ring divides it. */
#define PERIOD 65521u

static uint8_t *bytes;

void stream_init(void)
{
	struct rng d = { 1 };

	bytes = malloc(PERIOD + STREAM_MAX);
	if (!bytes)
		abort();
	for (uint32_t i = 0; i < PERIOD; i++)
		bytes[i] = (uint8_t)rng_next(&d);
	for (uint32_t i = 0; i < STREAM_MAX; i++)
		bytes[PERIOD + i] = bytes[i % PERIOD];
}

const uint8_t *stream_at(unsigned int which, uint64_t at)
{
	return bytes + (which * 12345u + at) % PERIOD;
}

void stream_check(unsigned int which, uint64_t at, const void *buf, size_t len)
{
	if (len > STREAM_MAX || memcmp(stream_at(which, at), buf, len))
		wrong("stream %u: %zu bytes at %" PRIu64 " are others", which,
		      len, at);
}

void account_got(struct account *a, const void *buf, size_t len)
{
	stream_check(a->stream, a->got, buf, len);
	a->got += len;
	a->asked = a->got;
}

int account_main(int argc, char **argv, void (*channel)(void))
{
	uint64_t ends = 20000, first = 1, channels = 0;
	bool one = false;
	int opt;

	account_program = argv[0];
	while ((opt = getopt(argc, argv, "n:")) != -1) {
		if (opt != 'n')
			exit(2);
		ends = strtoull(optarg, NULL, 0);
	}
	if (optind < argc) {
		first = strtoull(argv[optind], NULL, 0);
		one = true;
	}
	stream_init();
	account_seed = first;
	do {
		dice.state = account_seed * 0x2545f4914f6cdd1dull;
		channel();
		channels++;
		account_seed++;
	} while (account_ends < ends && !one);
	printf("%s: %" PRIu64 " channels from seed %" PRIu64 ", of %" PRIu64
	       " something was undelivered\n"
	       "%s: %" PRIu64 " passed, 0 failed\n",
	       account_program, channels, first, account_lossy, account_program,
	       account_ends);
	return 0;
}
