/* SPDX-License-Identifier: MIT */
/* Results, as a table for people, and as CSV and JSON for programs. */
#ifndef PINGPONG_REPORT_H
#define PINGPONG_REPORT_H

#include <stdio.h>

#include "options.h"
#include "../common/clock.h"

/* What a row's figures are in. */
enum unit { UNIT_US, UNIT_MBPS };

enum { P1, P10, P50, P90, P99, PMAX, PERCENTILES };

extern const char *const percentile_names[PERCENTILES];

struct row {
	enum test test;
	uint32_t size, window, batch;
	uint64_t iterations; /* round trips or windows or messages, timed */
	uint64_t messages;   /* timed, both directions */
	double seconds;
	double mean;
	double p[PERCENTILES];
	double per_second; /* messages */
};

enum unit test_unit(enum test test);

/* Places after the point that make about four digits of it. */
int figure_digits(double v);

struct report;

/* Opens what is to be written; NULL after saying why not. */
struct report *report_open(const struct options *o);
void report_begin(struct report *r, const char *peer,
		  const struct clock_info *clock);
void report_row(struct report *r, const struct row *row);
/* What was verified, at both ends; call before close if --verify. */
void report_verified(struct report *r, uint64_t messages, uint64_t bytes);
/*
 * @whole: all the tests were run. -errno, after saying so, if a file could not
 * be written. Without report_begin() the files stay as they were. The table is
 * standard output's: output_end().
 */
int report_close(struct report *r, bool whole);

/* One line on a terminal, rewritten; nothing elsewhere. NULL: wipe it. */
__attribute__((format(printf, 1, 2))) void progress(const char *fmt, ...);
void progress_end(void);

int compare_files(const struct options *o);

#endif
