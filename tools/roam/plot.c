/* SPDX-License-Identifier: MIT */
/* Latency over time, as a gnuplot script with its data and as text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../common/output.h"
#include "roam.h"

#define COLUMNS 72
#define ROWS_PER_DECADE 4
#define DECADES 9 /* 0.1 us to 100 s */
#define ROWS (DECADES * ROWS_PER_DECADE + 1)
#define MARGIN 9

static void data_of(const struct record *r, FILE *f, bool ivc)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *w = &r->rows[i];

		if (w->count && w->ivc == ivc)
			fprintf(f, "%.3f %.1f %.1f %.1f\n", w->t, w->p50,
				w->p99, w->max);
	}
}

/* gnuplot reads blocks of data with two empty lines between them. */
static void data(const struct record *r, FILE *f)
{
	static const char *const names[] = { "TCP", "IVC" };

	for (int i = 0; i < 2; i++) {
		fprintf(f, "# %s: seconds, then p50, p99, max in us\n",
			names[i]);
		/* gnuplot would not count a block without points. */
		fprintf(f, "-1 nan nan nan\n");
		data_of(r, f, i);
		fprintf(f, "\n\n");
	}
}

static void script(const struct record *r, FILE *f, const char *path)
{
	double end = r->n_rows ? r->rows[r->n_rows - 1].t : 1;

	fprintf(f,
		"# gnuplot %s   writes %s.png\n"
		"set terminal pngcairo size 1000,500\n"
		"set output '%s.png'\n"
		"set logscale y\n"
		"set xrange [0:%.3f]\n"
		"set xlabel 'seconds'\n"
		"set ylabel '%s, us'\n"
		"set key outside top horizontal\n"
		"set grid ytics\n",
		path, path, path, end, record_what(r));
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *w = &r->rows[i];

		if (w->to_ivc || w->to_tcp)
			fprintf(f,
				"set arrow from %.3f, graph 0 to %.3f, graph 1 "
				"nohead dashtype 2 lc rgb '%s'\n",
				w->t, w->t, w->to_ivc ? "web-blue" : "red");
	}
	fprintf(f,
		"data = '%s.dat'\n"
		"plot data index 0 using 1:2 title 'TCP, p50' pt 7 ps 0.4 lc "
		"rgb 'red', \\\n"
		"     data index 0 using 1:4 title 'TCP, max' with dots lc rgb "
		"'red', \\\n"
		"     data index 1 using 1:2 title 'IVC, p50' pt 7 ps 0.4 lc "
		"rgb 'web-blue', \\\n"
		"     data index 1 using 1:4 title 'IVC, max' with dots lc rgb "
		"'web-blue'\n",
		path);
}

void plot_files(const struct record *r, const char *path)
{
	data(r, output_stream(r->data));
	script(r, output_stream(r->plot), path);
	output_flush(r->data);
	output_flush(r->plot);
}

struct picture {
	char at[ROWS][COLUMNS];
	char below[COLUMNS]; /* switches, and intervals without messages */
	int low, high;	     /* rows in use */
};

/* The row that stands for @us microseconds; row 0 is 0.1 us. */
static int row_of(double us)
{
	int row = us > 0.1 ? (int)lround(log10(us / 0.1) * ROWS_PER_DECADE) : 0;

	return row < ROWS ? row : ROWS - 1;
}

static void put(struct picture *p, int row, int column, char c)
{
	if (row < p->low)
		p->low = row;
	if (row > p->high)
		p->high = row;
	p->at[row][column] = c;
}

/*
 * Draw the intervals from @a to before @b in one column: the letter is at the
 * p50 of an interval in the middle, the dot at the largest maximum.
 */
static void column_of(const struct record *r, size_t a, size_t b,
		      struct picture *p, int column)
{
	const struct row *mid = NULL, *top = NULL;
	bool to_ivc = false, to_tcp = false;

	for (size_t i = a; i < b; i++) {
		const struct row *w = &r->rows[i];

		to_ivc |= w->to_ivc;
		to_tcp |= w->to_tcp;
		if (!w->count)
			continue;
		if (!top || w->max > top->max)
			top = w;
		if (!mid || i <= (a + b) / 2)
			mid = w;
	}
	p->below[column] = to_ivc && to_tcp ? 'x'
			   : to_ivc	    ? 'i'
			   : to_tcp	    ? 't'
			   : mid	    ? ' '
					    : '_';
	if (!mid)
		return;
	put(p, row_of(top->max), column, '.');
	put(p, row_of(mid->p50), column, mid->ivc ? 'I' : 'T');
}

static void scale(int row, FILE *f)
{
	static const char *const unit[] = { "us", "ms", "s" };
	double us = 0.1;
	int u = 0;

	if (row % ROWS_PER_DECADE) {
		fprintf(f, "%*s |", MARGIN - 2, "");
		return;
	}
	for (int i = 0; i < row / ROWS_PER_DECADE; i++)
		us *= 10;
	for (; us > 999 && u < 2; u++)
		us /= 1000;
	fprintf(f, "%*.3g %-2s+", MARGIN - 4, us, unit[u]);
}

static void line(const char *s, FILE *f)
{
	int len = COLUMNS;

	while (len && s[len - 1] == ' ')
		len--;
	fprintf(f, "%.*s\n", len, s);
}

void plot_ascii(const struct record *r, FILE *f)
{
	struct picture p = { .low = ROWS, .high = -1 };
	size_t n = r->n_rows;
	int columns = n < COLUMNS ? (int)n : COLUMNS;

	memset(p.at, ' ', sizeof(p.at));
	memset(p.below, ' ', sizeof(p.below));
	for (int c = 0; c < columns; c++)
		column_of(r, n * (size_t)c / (size_t)columns,
			  n * (size_t)(c + 1) / (size_t)columns, &p, c);
	if (p.high < 0) {
		fprintf(f, "nothing to draw\n");
		return;
	}
	/* Whole decades, so that the scale has at least one label. */
	p.low -= p.low % ROWS_PER_DECADE;
	while (p.high % ROWS_PER_DECADE)
		p.high++;
	fprintf(f, "%s over time, p50: I by IVC, T by TCP; . max\n",
		record_what(r));
	for (int row = p.high; row >= p.low; row--) {
		scale(row, f);
		line(p.at[row], f);
	}
	fprintf(f, "%*s ", MARGIN - 1, "switch");
	line(p.below, f);
	fprintf(f,
		"%*s 0 to %.1f s; i: to IVC, t: to TCP, x: both, _: nothing "
		"came\n",
		MARGIN - 1, "", r->rows[n - 1].t);
}
