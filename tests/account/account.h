/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of "exactly once, to the byte" share: a random sequence that
 * a seed names, a stream of known bytes for each direction, and the account of
 * one direction of a channel. Whatever happens to a channel, in the end
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

/* The seed of the channel under test; a failure names it. */
extern uint64_t account_seed;
extern const char *account_program;

/* Print why, and how to see it again; exit 1. */
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
	uint64_t wrote; /* what write said it took */
	uint64_t got;	/* what read gave, or was released */
	uint64_t asked; /* upper bound of that while a call is under way */
};

/* The reader was given @len bytes at @buf, and has used them. */
void account_got(struct account *a, const void *buf, size_t len);

/* Decides everything in the channel under test. */
extern struct rng dice;

/* Ends that have been tried, and of how many something was undelivered. */
extern uint64_t account_ends, account_lossy;

/*
 * The main() of a test: "program [-n ENDS] [SEED]". Tries one channel after the
 * other by @channel(), each with a seed of its own, until so many ends have
 * been tried; or only the channel of SEED. Prints what was done.
 */
int account_main(int argc, char **argv, void (*channel)(void));

#endif /* ACCOUNT_H */
