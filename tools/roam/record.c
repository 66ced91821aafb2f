/* SPDX-License-Identifier: MIT */
/* The received messages over time: rows of a table, and sums. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/output.h"
#include "roam.h"

#define US 1000.0

const char *record_what(const struct record *r)
{
	return r->gaps ? "time between messages"
		       : "latency (half a round trip)";
}

static void table_head(const struct record *r)
{
	fprintf(output_stream(r->table),
		"# %s, in microseconds; by: the transport, I IVC, T TCP\n"
		"#%11s %2s %9s %12s %12s %12s  %s\n",
		record_what(r), "seconds", "by", "count", "p50", "p99", "max",
		"switch");
	output_flush(r->table);
}

static int open_output(struct output **out, const char *path,
		       const char *suffix)
{
	char *name;
	int ret;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return EXIT_LOST;
	ret = output_open(out, name);
	if (ret)
		complain("cannot write %s: %s", name, strerror(-ret));
	free(name);
	return ret ? EXIT_LOST : 0;
}

int record_open(struct record *r, const struct options *o)
{
	int ret = 0;

	memset(r, 0, sizeof(*r));
	r->o = o;
	if (o->table)
		ret = open_output(&r->table, o->table, "");
	if (!ret && o->plot)
		ret = open_output(&r->plot, o->plot, "");
	if (!ret && o->plot)
		ret = open_output(&r->data, o->plot, ".dat");
	return ret;
}

void record_start(struct record *r, bool gaps, uint64_t now)
{
	r->gaps = gaps;
	r->start = r->last = now;
	r->next = now + r->o->interval_ms * (uint64_t)MS;
	histogram_reset(&r->interval);
	histogram_reset(&r->by[0]);
	histogram_reset(&r->by[1]);
	if (r->table)
		table_head(r);
}

void record_sample(struct record *r, uint64_t now, uint64_t ns, bool ivc)
{
	if (now - r->last > r->gap) {
		r->gap = now - r->last;
		r->gap_at = now;
	}
	r->last = now;
	r->now_ivc += ivc;
	histogram_add(&r->interval, ns);
	histogram_add(&r->by[ivc], ns);
}

void record_switch(struct record *r, bool ivc)
{
	if (ivc)
		r->now.to_ivc++;
	else
		r->now.to_tcp++;
}

static void print(const struct record *r, const struct row *row)
{
	FILE *f = output_stream(r->table);

	fprintf(f, "%12.3f %2c %9u ", row->t, row->ivc ? 'I' : 'T', row->count);
	if (row->count)
		fprintf(f, "%12.1f %12.1f %12.1f", row->p50, row->p99,
			row->max);
	else
		fprintf(f, "%12s %12s %12s", "-", "-", "-");
	fprintf(f, "  %s%s%s\n", row->to_ivc ? ">I" : "",
		row->to_tcp ? ">T" : "", row->to_ivc || row->to_tcp ? "" : "-");
	output_flush(r->table);
}

static void keep(struct record *r, const struct row *row)
{
	size_t max = r->max_rows ? 2 * r->max_rows : 1024;
	struct row *more;

	if (r->n_rows == r->max_rows) {
		more = reallocarray(r->rows, max, sizeof(*more));
		if (!more) {
			r->error = -ENOMEM;
			return;
		}
		r->rows = more;
		r->max_rows = max;
	}
	r->rows[r->n_rows++] = *row;
}

static void close_row(struct record *r, uint64_t at, bool ivc)
{
	struct row *row = &r->now;
	const struct histogram *s = &r->interval;

	row->t = (float)((double)(at - r->start) / SECOND);
	row->count = (uint32_t)s->n;
	row->ivc = s->n ? 2 * (uint64_t)r->now_ivc > s->n : ivc;
	if (s->n) {
		row->p50 = (float)(histogram_percentile(s, 50) / US);
		row->p99 = (float)(histogram_percentile(s, 99) / US);
		row->max = (float)((double)s->max / US);
		histogram_reset(&r->interval);
	}
	if (r->table)
		print(r, row);
	keep(r, row);
	memset(row, 0, sizeof(*row));
	r->now_ivc = 0;
}

void record_tick(struct record *r, uint64_t now, bool ivc)
{
	while (now >= r->next) {
		close_row(r, r->next, ivc);
		r->next += r->o->interval_ms * (uint64_t)MS;
	}
}

void record_end(struct record *r, uint64_t now, bool ivc)
{
	record_tick(r, now, ivc);
	if (r->interval.n || r->now.to_ivc || r->now.to_tcp)
		close_row(r, now, ivc);
}

static int close_output(struct output **out, const char *path,
			const char *suffix)
{
	int ret = output_close(*out);

	*out = NULL;
	if (ret)
		complain("cannot write all of %s%s: %s", path, suffix,
			 strerror(-ret));
	return ret ? EXIT_LOST : 0;
}

int record_close(struct record *r)
{
	int table, data, plot;

	if (!r->o)
		return 0; /* record_open() was not called */
	table = close_output(&r->table, r->o->table, "");
	data = close_output(&r->data, r->o->plot, ".dat");
	plot = close_output(&r->plot, r->o->plot, "");

	free(r->rows);
	r->rows = NULL;
	return table ? table : data ? data : plot;
}
