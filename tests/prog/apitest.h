/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-apitest: programs for guests that use libivc and check every result.
 *
 * One command per process, one file per noun. A command returns 0 for success.
 * Any failure ends the process by fail(), with one line of explanation and the
 * exit status 1.
 */
#ifndef APITEST_H
#define APITEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ivc/ivc.h>

#include "../rng.h"
#include "../slower.h"

#define IDS_MAX 64

/* A sorted list of process ids: --expect 3,5,7. */
struct ids {
	bool given;
	unsigned int n;
	uint32_t id[IDS_MAX];
};

struct options {
	uint64_t magic;
	uint32_t id;
	uint32_t peer;
	uint64_t member;
	uint64_t messages;
	uint32_t max; /* bytes of the largest message */
	uint64_t seed;
	uint64_t count;
	uint64_t after; /* bytes; UINT64_MAX if not given */
	uint32_t channels;
	uint32_t tx_size, rx_size;
	int64_t spin;
	bool spin_given;
	int timeout_ms; /* without progress */
	int hold_ms;
	int within_ms;
	int error;	 /* positive errno */
	int other_error; /* another result that is right */
	const char *how;
	const char *until; /* path */
	bool zero_copy;
	bool both;
	struct ids expect, forbid;
};

struct command {
	const char *name;
	int (*run)(const struct options *opt);
	const char *args;
	const char *help;
};

/* common.c */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *fmt, ...);
const char *errname(int err);
int errnumber(const char *name);
int64_t now_ns(void);
void sleep_ms(int ms);
/* Fail unless @got, 0 or a negative errno, is @want. */
void expect_ret(const char *what, int64_t got, int64_t want);
ivc_context *must_register(const struct options *opt);
ivc_peer must_find(ivc_context *ctx, const struct options *opt);
ivc_channel *must_connect(ivc_context *ctx, const struct options *opt);
ivc_channel *must_accept(ivc_context *ctx, const struct options *opt);
void must_write(ivc_channel *ch, const struct options *opt, const void *buf,
		size_t len);
void must_read(ivc_channel *ch, const struct options *opt, void *buf,
	       size_t len);
/*
 * Fail unless the channel ends with @want, a negative errno, and no more data.
 */
void must_end(ivc_channel *ch, const struct options *opt, int want);
/* In a long run, print a line from time to time. */
void print_progress(uint64_t done, uint64_t of);
void print_stats(const char *who, const ivc_channel *ch);

/* Bytes that both sides compute. */
struct rng rng_seed(uint64_t seed, uint64_t stream);
void rng_fill(struct rng *r, void *buf, size_t len);

/* Each byte of an endless stream is a function of @seed and its offset. */
void pattern_fill(uint64_t seed, uint64_t offset, uint8_t *buf, size_t len);
/* Returns the index of the first wrong byte, or @len. */
size_t pattern_check(uint64_t seed, uint64_t offset, const uint8_t *buf,
		     size_t len);

/* The commands. */
int cmd_echo(const struct options *opt);
int cmd_stream(const struct options *opt);
int cmd_sink(const struct options *opt);
int cmd_hosts(const struct options *opt);
int cmd_reach(const struct options *opt);
int cmd_events(const struct options *opt);
int cmd_many(const struct options *opt);
int cmd_cycle(const struct options *opt);
int cmd_remote_peer(const struct options *opt);
int cmd_closers(const struct options *opt);
int cmd_die(const struct options *opt);
int cmd_shuttle(const struct options *opt);
int cmd_fate(const struct options *opt);
int cmd_states(const struct options *opt);
int cmd_load(const struct options *opt);
int cmd_expect_end(const struct options *opt);
int cmd_figure5_client(const struct options *opt);
int cmd_figure5_server(const struct options *opt);

#endif
