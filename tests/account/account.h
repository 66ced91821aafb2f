/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of "exactly once, to the byte" share: a random sequence for
 * each seed, a stream of known bytes for each direction, and the account of one
 * direction of a channel. At the end of every channel
 *
 *     written == read + undelivered
 *
 * and the undelivered bytes are the last ones of the stream, in order.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../rng.h"

/* A random size from 1 to @max: like rng_size(), and often below an eighth. */
uint32_t account_size(struct rng *r, uint32_t max);

/* The seed of the channel under test; a failure names it. */
extern uint64_t account_seed;
extern const char *account_program;

/* Print the reason and how to repeat the run; exit 1. */
__attribute__((noreturn, format(printf, 1, 2))) void wrong(const char *fmt,
							   ...);

#define must(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			wrong("%s:%d: not so: %s", __FILE__, __LINE__, #x);    \
	} while (0)

/* The bytes of stream @which from offset @at on, at most STREAM_MAX. */
#define STREAM_MAX (1u << 20)
void stream_init(void);
const uint8_t *stream_at(unsigned int which, uint64_t at);
void stream_check(unsigned int which, uint64_t at, const void *buf, size_t len);

/* One direction of a channel. */
struct account {
	unsigned int stream;
	uint64_t wrote; /* bytes that writes accepted */
	uint64_t got;	/* bytes that reads returned, or that were released */
	uint64_t asked; /* upper bound of `got` during a call */
};

/* The reader got @len bytes at @buf and has used them. */
void account_got(struct account *a, const void *buf, size_t len);

/* The source of every decision in the channel under test. */
extern struct rng dice;

/* The number of ends tested, and of those with undelivered bytes. */
extern uint64_t account_ends, account_lossy;

/*
 * The main() of a test: "program [-n ENDS] [SEED]". Calls @channel() for one
 * channel after the other, each with its own seed, until @ends ends have been
 * tested. With SEED it tests only that channel. Prints a summary.
 */
int account_main(int argc, char **argv, void (*channel)(void));

#endif /* ACCOUNT_H */
