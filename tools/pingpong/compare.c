/* SPDX-License-Identifier: MIT */
/* --compare: results of several runs side by side, against the first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/text-file.h"
#include "json.h"
#include "report.h"

#define FILE_MAX (16 << 20)

struct run {
	struct json *doc;
	const char *label;
	const struct json *results;
};

static int load(struct run *run, const char *path)
{
	const char *program;
	size_t len;
	char *text;
	int line, ret = text_file_read(path, FILE_MAX, &text, &len);

	if (ret) {
		fprintf(stderr, "ivc-pingpong: cannot read %s: %s\n", path,
			strerror(-ret));
		return ret;
	}
	run->doc = json_parse(text, len, &line);
	free(text);
	if (!run->doc) {
		fprintf(stderr, "ivc-pingpong: %s:%d: this is not JSON\n", path,
			line);
		return -EINVAL;
	}
	program = json_text(run->doc, "program");
	run->results = json_get(run->doc, "results");
	run->label = json_text(run->doc, "label");
	if (!program || strcmp(program, "ivc-pingpong") || !run->results ||
	    run->results->type != JSON_ARRAY || !run->label) {
		fprintf(stderr,
			"ivc-pingpong: %s: not a result file of ivc-pingpong "
			"--json\n",
			path);
		return -EINVAL;
	}
	return 0;
}

/* The row of the same test and size in another run. */
static const struct json *same(const struct run *run, const struct json *row)
{
	const char *test = json_text(row, "test");
	const struct json *r;

	for (r = run->results->child; r; r = r->next) {
		const char *t = json_text(r, "test");

		if (test && t && !strcmp(t, test) &&
		    json_number(r, "size", -1) == json_number(row, "size", -2))
			return r;
	}
	return NULL;
}

static const char *figure(const char *test, const char *by)
{
	if (!strcmp(test, "latency"))
		return by;
	return !strcmp(test, "rate") ? "messages_per_s" : "mean";
}

static void heading(const struct run *runs, int n, const char *test,
		    const char *by)
{
	static const struct {
		const char *test, *title;
	} titles[] = {
		{ "latency", "One-way latency, microseconds" },
		{ "bandwidth", "Bandwidth, MB/s" },
		{ "rate", "Message rate, messages/s" },
		{ "bibw", "Bidirectional bandwidth, MB/s" },
		{ "mixed", "Mixed sizes, MB/s" },
	};
	const char *title = test;

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (!strcmp(titles[i].test, test))
			title = titles[i].title;
	printf("\n%s", title);
	if (!strcmp(test, "latency"))
		printf(" (%s)", by);
	printf("\n%9s %14.14s", "size", runs[0].label);
	for (int i = 1; i < n; i++)
		printf(" %14.14s %9s", runs[i].label, "ratio");
	putchar('\n');
}

static void one_figure(double v, const char *test)
{
	if (v < 0)
		printf(" %14s", "-");
	else
		printf(" %14.*f", strcmp(test, "rate") ? figure_digits(v) : 0,
		       v);
}

static void line(const struct run *runs, int n, const struct json *row,
		 const char *test, const char *key)
{
	double first = json_number(row, key, -1);

	printf("%9.0f", json_number(row, "size", 0));
	one_figure(first, test);
	for (int i = 1; i < n; i++) {
		double v = json_number(same(&runs[i], row), key, -1);

		one_figure(v, test);
		if (v >= 0 && first > 0)
			printf(" %8.*fx", figure_digits(v / first) - 1,
			       v / first);
		else
			printf(" %9s", "-");
	}
	putchar('\n');
}

static void table(const struct run *runs, int n, const char *by)
{
	const struct json *row;
	const char *last = "";

	for (row = runs[0].results->child; row; row = row->next) {
		const char *test = json_text(row, "test");

		if (!test)
			continue;
		if (strcmp(test, last))
			heading(runs, n, test, by);
		last = test;
		line(runs, n, row, test, figure(test, by));
	}
}

static int known_figure(const char *by)
{
	if (!strcmp(by, "mean"))
		return 1;
	for (int i = 0; i < PERCENTILES; i++)
		if (!strcmp(by, percentile_names[i]))
			return 1;
	fprintf(stderr,
		"ivc-pingpong: --by %s: must be mean, p1, p10, p50, p90, p99 "
		"or max\n",
		by);
	return 0;
}

int compare_files(const struct options *o)
{
	struct run *runs = calloc(o->n_files, sizeof(*runs));
	int ret = runs ? 0 : -ENOMEM;

	if (!known_figure(o->by))
		ret = -EINVAL;
	for (int i = 0; i < o->n_files && !ret; i++)
		ret = load(&runs[i], o->files[i]);
	if (!ret) {
		for (int i = 0; i < o->n_files; i++) {
			const char *peer = json_text(runs[i].doc, "peer");
			const char *wait = json_text(runs[i].doc, "wait");

			printf("%s: %s, %s wait\n", runs[i].label,
			       peer ? peer : "?", wait ? wait : "?");
		}
		printf("ratio: to %s\n", runs[0].label);
		table(runs, o->n_files, o->by);
	}
	for (int i = 0; runs && i < o->n_files; i++)
		json_free(runs[i].doc);
	free(runs);
	return ret ? EXIT_WRONG : EXIT_FINE;
}
