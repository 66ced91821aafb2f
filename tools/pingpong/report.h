/* SPDX-License-Identifier: MIT */
/* Results, as a table for people, and as CSV and JSON for programs. */
#ifndef PINGPONG_REPORT_H
#define PINGPONG_REPORT_H

#include <stdio.h>

#include "options.h"
#include "../common/clock.h"

/* The units of a row's figures. */
enum unit { UNIT_US, UNIT_MBPS };

enum { P1, P10, P50, P90, P99, PMAX, PERCENTILES };

extern const char *const percentile_names[PERCENTILES];

struct row {
	enum test test;
	uint32_t size, window, batch;
	uint64_t iterations; /* timed round trips, windows or messages */
	uint64_t messages;   /* timed messages, both directions */
	double seconds;
	double mean;
	double p[PERCENTILES];
	double per_second; /* messages */
};

enum unit test_unit(enum test test);

/* The number of decimals that shows about four digits. */
int figure_digits(double v);

struct report;

/* Open the files of --csv and --json; NULL after printing the error. */
struct report *report_open(const struct options *o);
void report_begin(struct report *r, const char *peer,
		  const struct clock_info *clock);
void report_row(struct report *r, const struct row *row);
/* The sums of --verify at both ends; call before report_close(). */
void report_verified(struct report *r, uint64_t messages, uint64_t bytes);
/*
 * @whole: all the tests were run. -errno, after saying so, if a file could not
 * be written. Without report_begin() the files stay as they were. The table is
 * standard output's: output_end().
 */
int report_close(struct report *r, bool whole);

/* Print a line that the next one overwrites, on a terminal only. NULL: erase
 * it. */
__attribute__((format(printf, 1, 2))) void progress(const char *fmt, ...);
void progress_end(void);

int compare_files(const struct options *o);

#endif
