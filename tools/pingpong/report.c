/* SPDX-License-Identifier: MIT */
/* Writing the results: see report.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/json-string.h"
#include "../common/output.h"
#include "report.h"

const char *const percentile_names[PERCENTILES] = {
	"p1", "p10", "p50", "p90", "p99", "max",
};

struct report {
	const struct options *o;
	FILE *table;
	struct output *csv, *json;
	int error;     /* of a file: the last one */
	int last_test; /* the test whose heading the table has */
	bool begun, first_row, verified;
	uint64_t messages, bytes;
};

enum unit test_unit(enum test test)
{
	return test == TEST_LATENCY ? UNIT_US : UNIT_MBPS;
}

static bool progress_shown;

void progress(const char *fmt, ...)
{
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
	progress_shown = true;
}

void progress_end(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}

/* NULL if @path is NULL. */
static int open_output(struct output **out, const char *path)
{
	int ret = path ? output_open(out, path) : 0;

	if (ret)
		fprintf(stderr, "ivc-pingpong: cannot write %s: %s\n", path,
			strerror(-ret));
	return ret;
}

static const char *wait_name(enum wait_mode wait)
{
	return wait == WAIT_SPIN    ? "spin"
	       : wait == WAIT_SLEEP ? "sleep"
				    : "adaptive";
}

static void json_head(struct report *r, const char *peer,
		      const struct clock_info *clock)
{
	const struct options *o = r->o;
	FILE *f = output_stream(r->json);

	fprintf(f, "{\n  \"program\": \"ivc-pingpong\",\n  \"format\": 1,\n");
	fprintf(f, "  \"label\": ");
	json_string(f, o->label);
	fprintf(f, ",\n  \"transport\": \"%s\",\n  \"peer\": ", o->ops->name);
	json_string(f, peer);
	fprintf(f, ",\n  \"wait\": \"%s\",\n  \"spin_ns\": %lld,\n",
		wait_name(o->hello.wait), (long long)o->hello.spin_ns);
	fprintf(f, "  \"zero_copy\": %s,\n  \"verify\": %s,\n",
		o->hello.zero_copy ? "true" : "false",
		o->hello.verify ? "true" : "false");
	fprintf(f, "  \"seed\": %llu,\n", (unsigned long long)o->hello.seed);
	fprintf(f, "  \"clock_cost_ns\": %.1f,\n  \"clock_step_ns\": %.0f,\n",
		clock->cost_ns, clock->step_ns);
	fprintf(f, "  \"results\": [");
}

static void csv_head(FILE *f)
{
	fprintf(f, "label,transport,test,size,window,batch,iterations,"
		   "seconds,unit,mean");
	for (int i = 0; i < PERCENTILES; i++)
		fprintf(f, ",%s", percentile_names[i]);
	fprintf(f, ",messages_per_s\n");
}

struct report *report_open(const struct options *o)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r) {
		fprintf(stderr, "ivc-pingpong: out of memory\n");
		return NULL;
	}
	r->o = o;
	r->last_test = -1;
	r->first_row = true;
	/* Where CSV or JSON goes to standard output, the table does not. */
	r->table = (o->csv && !strcmp(o->csv, "-")) ||
				   (o->json && !strcmp(o->json, "-"))
			   ? stderr
			   : stdout;
	if (open_output(&r->csv, o->csv))
		goto err_free;
	if (open_output(&r->json, o->json))
		goto err_close_csv;
	return r;

err_close_csv:
	output_close(r->csv);
err_free:
	free(r);
	return NULL;
}

void report_begin(struct report *r, const char *peer,
		  const struct clock_info *clock)
{
	const struct hello *h = &r->o->hello;

	r->begun = true;
	if (r->csv)
		csv_head(output_stream(r->csv));
	if (r->json)
		json_head(r, peer, clock);
	fprintf(r->table, "%s; %s wait%s%s\n", peer, wait_name(h->wait),
		h->zero_copy ? ", zero copy" : "",
		h->verify ? ", every byte checked (in the times, too)" : "");
	fprintf(r->table,
		"reading the clock costs %.0f ns, its step is %.0f ns\n",
		clock->cost_ns, clock->step_ns);
	if (h->verify)
		fprintf(r->table, "seed %llu\n", (unsigned long long)h->seed);
}

static void table_head(struct report *r, enum test test)
{
	static const char *const titles[TESTS] = {
		[TEST_LATENCY] = "One-way latency, microseconds (half a round "
				 "trip)",
		[TEST_BANDWIDTH] = "Bandwidth, MB/s (10^6 bytes; windows, each "
				   "acknowledged)",
		[TEST_RATE] = "Message rate (windows, each acknowledged)",
		[TEST_BIBW] = "Bidirectional bandwidth, MB/s, both directions "
			      "together",
		[TEST_MIXED] = "Mixed sizes, both directions together",
	};
	FILE *f = r->table;

	fprintf(f, "\n%s\n%9s %10s", titles[test], "size",
		test_unit(test) == UNIT_US ? "mean" : "MB/s");
	if (test == TEST_LATENCY || test == TEST_BANDWIDTH || test == TEST_BIBW)
		for (int i = 0; i < PERCENTILES; i++)
			fprintf(f, " %9s", percentile_names[i]);
	if (test != TEST_LATENCY)
		fprintf(f, " %12s", "messages/s");
	fprintf(f, " %10s",
		test == TEST_LATENCY ? "iterations"
		: test == TEST_MIXED ? "messages"
				     : "windows");
	if (test == TEST_LATENCY)
		fprintf(f, " %6s", "batch");
	fputc('\n', f);
}

int figure_digits(double v)
{
	return v >= 100 ? 1 : v >= 10 ? 2 : v >= 1 ? 3 : 4;
}

static void table_row(struct report *r, const struct row *row)
{
	FILE *f = r->table;

	if (r->last_test != (int)row->test)
		table_head(r, row->test);
	r->last_test = row->test;
	fprintf(f, "%9u %10.*f", row->size, figure_digits(row->mean),
		row->mean);
	if (row->test != TEST_RATE && row->test != TEST_MIXED)
		for (int i = 0; i < PERCENTILES; i++)
			fprintf(f, " %9.*f", figure_digits(row->p[i]),
				row->p[i]);
	if (row->test != TEST_LATENCY)
		fprintf(f, " %12.0f", row->per_second);
	fprintf(f, " %10llu", (unsigned long long)row->iterations);
	if (row->test == TEST_LATENCY)
		fprintf(f, " %6u", row->batch);
	fputc('\n', f);
	output_push(f);
}

static void csv_row(struct report *r, const struct row *row)
{
	FILE *f = output_stream(r->csv);

	fputc('"', f);
	for (const char *s = r->o->label; *s; s++)
		fprintf(f, *s == '"' ? "\"\"" : "%c", *s);
	fprintf(f, "\",%s,%s,%u,%u,%u,%llu,%.6f,%s,%.4f", r->o->ops->name,
		test_names[row->test], row->size, row->window, row->batch,
		(unsigned long long)row->iterations, row->seconds,
		test_unit(row->test) == UNIT_US ? "us" : "MB/s", row->mean);
	for (int i = 0; i < PERCENTILES; i++)
		fprintf(f, ",%.4f", row->p[i]);
	fprintf(f, ",%.1f\n", row->per_second);
}

static void json_row(struct report *r, const struct row *row)
{
	FILE *f = output_stream(r->json);

	fprintf(f, "%s\n    {\"test\": \"%s\", \"size\": %u, \"window\": %u, ",
		r->first_row ? "" : ",", test_names[row->test], row->size,
		row->window);
	fprintf(f, "\"batch\": %u, \"iterations\": %llu, \"seconds\": %.6f, ",
		row->batch, (unsigned long long)row->iterations, row->seconds);
	fprintf(f, "\"unit\": \"%s\", \"mean\": %.4f",
		test_unit(row->test) == UNIT_US ? "us" : "MB/s", row->mean);
	for (int i = 0; i < PERCENTILES; i++)
		fprintf(f, ", \"%s\": %.4f", percentile_names[i], row->p[i]);
	fprintf(f, ", \"messages_per_s\": %.1f}", row->per_second);
	r->first_row = false;
}

static void json_tail(struct report *r, bool whole)
{
	FILE *f = output_stream(r->json);

	fprintf(f, "\n  ],\n  \"complete\": %s", whole ? "true" : "false");
	if (r->verified)
		fprintf(f,
			",\n  \"verified_messages\": %llu,\n"
			"  \"verified_bytes\": %llu",
			(unsigned long long)r->messages,
			(unsigned long long)r->bytes);
	fprintf(f, "\n}\n");
}

/*
 * Each row is written to the files before the next row is measured, so that a
 * killed run leaves its rows. A JSON file is complete after each row, and the
 * next row overwrites its end; a pipe gets the end only once.
 */
static void json_flush(struct report *r)
{
	FILE *f = output_stream(r->json);
	long at = -1;

	if (output_can_rewind(r->json)) {
		at = ftell(f);
		json_tail(r, false);
	}
	output_flush(r->json);
	if (at >= 0)
		fseek(f, at, SEEK_SET);
}

void report_row(struct report *r, const struct row *row)
{
	progress_end();
	table_row(r, row);
	if (r->csv) {
		csv_row(r, row);
		output_flush(r->csv);
	}
	if (r->json) {
		json_row(r, row);
		json_flush(r);
	}
}

void report_verified(struct report *r, uint64_t messages, uint64_t bytes)
{
	r->verified = true;
	r->messages = messages;
	r->bytes = bytes;
}

/* Close an output, and print its error. */
static void finish(struct report *r, struct output *out, const char *path)
{
	int ret;

	if (out && r->begun)
		output_flush(out);
	ret = output_close(out);
	if (!ret)
		return;
	fprintf(stderr, "ivc-pingpong: cannot write all of %s: %s\n",
		strcmp(path, "-") ? path : "the results", strerror(-ret));
	r->error = ret;
}

int report_close(struct report *r, bool whole)
{
	int ret;

	if (r->json && r->begun)
		json_tail(r, whole);
	finish(r, r->json, r->o->json);
	finish(r, r->csv, r->o->csv);
	if (r->verified)
		fprintf(r->table,
			"\nverified %llu messages, %llu bytes: none lost, "
			"duplicated, reordered or changed\n",
			(unsigned long long)r->messages,
			(unsigned long long)r->bytes);
	output_push(r->table);
	ret = r->error;
	free(r);
	return ret;
}
