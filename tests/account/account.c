/* SPDX-License-Identifier: GPL-2.0 */
/* Dice, streams and accounts: see account.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"

uint64_t account_seed;
const char *account_program;

/* splitmix64 */
uint64_t dice_next(struct dice *d)
{
	uint64_t x = d->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

uint32_t dice_below(struct dice *d, uint32_t n)
{
	return (uint32_t)((dice_next(d) >> 32) * n >> 32);
}

uint32_t dice_size(struct dice *d, uint32_t max)
{
	uint32_t n;

	switch (dice_below(d, 4)) {
	case 0:
		n = 1 + dice_below(d, 64);
		break;
	case 1:
		n = (1 + dice_below(d, max / 64 + 1)) * 64 - 10 +
		    dice_below(d, 5);
		break;
	case 2:
		n = 1 + dice_below(d, max / 8 + 1);
		break;
	default:
		n = 1 + dice_below(d, max);
		break;
	}
	return n > max ? max : n;
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

/* A period that no size of a cell, a record or a ring divides. */
#define PERIOD 65521u

static uint8_t *bytes;

void stream_init(void)
{
	struct dice d = { 1 };

	bytes = malloc(PERIOD + STREAM_MAX);
	if (!bytes)
		abort();
	for (uint32_t i = 0; i < PERIOD; i++)
		bytes[i] = (uint8_t)dice_next(&d);
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

void account_args(struct account_run *run, int argc, char **argv)
{
	int opt;

	account_program = argv[0];
	while ((opt = getopt(argc, argv, "n:")) != -1) {
		if (opt != 'n')
			exit(2);
		run->ends = strtoull(optarg, NULL, 0);
	}
	if (optind < argc) {
		run->seed = strtoull(argv[optind], NULL, 0);
		run->one = true;
	}
	stream_init();
}

void account_end(const struct account_run *run, uint64_t channels,
		 uint64_t ends, uint64_t lost)
{
	printf("%s: %" PRIu64 " channels from seed %" PRIu64 ", of %" PRIu64
	       " something was undelivered\n"
	       "%s: %" PRIu64 " passed, 0 failed\n",
	       account_program, channels, run->seed, lost, account_program,
	       ends);
}
