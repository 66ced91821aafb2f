/* SPDX-License-Identifier: MIT */
/* The options of the user, checked. */
#ifndef PINGPONG_OPTIONS_H
#define PINGPONG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "transport.h"

#define SIZES_MAX 64

/* Exit statuses, as the man page has them. */
enum {
	EXIT_FINE = 0,
	EXIT_FAULT = 1,	 /* verification found a wrong message */
	EXIT_LOST = 2,	 /* no peer, or it died, or something is missing */
	EXIT_WRONG = 64, /* wrong command line */
	EXIT_SIGNAL = 130,
};

enum test {
	TEST_LATENCY,
	TEST_BANDWIDTH,
	TEST_RATE,
	TEST_BIBW,
	TEST_MIXED,
	TESTS,
};

extern const char *const test_names[TESTS];

struct options {
	enum { ROLE_NONE, ROLE_SERVER, ROLE_CLIENT, ROLE_COMPARE } role;
	const struct transport_ops *ops;
	struct address addr;
	bool have_magic;
	bool loop;
	int timeout_s; /* 0: not given */
	int cpu;       /* -1: any */

	unsigned int tests; /* 1 << enum test */
	uint32_t sizes[SIZES_MAX];
	unsigned int n_sizes;
	bool own_sizes; /* given, not the default sweep */
	uint32_t min, max;
	double seconds;	     /* per row */
	uint64_t iterations; /* 0: by time */
	uint64_t warmup;     /* UINT64_MAX: by time */
	uint32_t window;
	uint32_t batch; /* 0: as the clock needs */
	uint64_t mixed;
	struct hello hello; /* verify, zero_copy, wait, spin_ns, seed */

	const char *csv, *json, *label;
	char **files; /* --compare */
	int n_files;
	const char *by;
};

extern const char help_text[];

/* Exits after --help, after --version, and after an error. */
void options_parse(struct options *o, int argc, char **argv);

#endif
