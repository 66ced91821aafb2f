/* SPDX-License-Identifier: MIT */
/* ivcctl stat: counters and rates per second, like vmstat. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/output.h"
#include "domain.h"
#include "ivcctl.h"
#include "options.h"
#include "table.h"

#define LINES_PER_HEAD 20

struct stat_options {
	const char *debugfs, *guest, *interval_text;
	int domid; /* -1: all */
	double interval;
	long long count; /* 0: for ever */
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void head(void)
{
	printf("%5s %-16s %9s %9s %9s %9s %11s %11s\n", "domid", "realm",
	       "contexts", "channels", "pages", "pending", "requests/s",
	       "refused/s");
}

static void plain(const struct table *t, unsigned int row, const char *column)
{
	const char *cell = table_cell(t, row, column);

	printf(" %9s", cell ? cell : "-");
}

/* The counter restarts at 0 when a guest is detached and attached again. */
static void per_second(const struct table *t, unsigned int row,
		       const struct table *before, const char *column,
		       double seconds)
{
	long long domid = table_number(t, row, "domid");
	long long value = table_number(t, row, column), was = -1;
	int old = table_find(before, "domid", domid);

	if (old >= 0)
		was = table_number(before, old, column);
	if (value < 0 || was < 0 || value < was || seconds <= 0)
		printf(" %11s", "-");
	else
		printf(" %11.1f", (double)(value - was) / seconds);
}

/* Returns the number of lines. */
static int show(const struct stat_options *o, const struct table *t,
		const struct table *before, double seconds)
{
	int lines = 0;

	for (unsigned int r = 0; r < t->rows; r++) {
		const char *realm = table_cell(t, r, "realm");
		long long domid = table_number(t, r, "domid");

		if (o->domid >= 0 && domid != o->domid)
			continue;
		printf("%5lld %-16s", domid, realm ? realm : "-");
		plain(t, r, "contexts");
		plain(t, r, "channels");
		plain(t, r, "pages");
		plain(t, r, "pending");
		per_second(t, r, before, "requests", seconds);
		per_second(t, r, before, "refused", seconds);
		putchar('\n');
		lines++;
	}
	output_push(stdout);
	return lines;
}

static void sleep_for(double seconds)
{
	struct timespec ts = { .tv_sec = (time_t)seconds };

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

static int run(const struct stat_options *o)
{
	struct table before = { 0 };
	int since_head = LINES_PER_HEAD, ret = 0;
	double last = now();

	for (long long i = 0; !stop && (!o->count || i < o->count); i++) {
		struct table t;
		double at;

		if (i)
			sleep_for(o->interval);
		if (stop)
			break;
		ret = table_read(&t, o->debugfs, "frontends");
		if (ret)
			break;
		at = now();
		if (since_head >= LINES_PER_HEAD) {
			head();
			since_head = 0;
		}
		since_head += show(o, &t, &before, at - last);
		table_free(&before);
		before = t;
		last = at;
	}
	table_free(&before);
	if (ret)
		table_explain(o->debugfs, ret);
	return ret ? EXIT_FAILED : EXIT_FINE;
}

static const struct option_rule rules[] = {
	OPTION_RULE_TEXT(struct stat_options, interval_text, "interval",
			 "SECONDS",
			 "between two lines, 0.01 to 86400 (default 1)"),
	OPTION_RULE_NUMBER(struct stat_options, count, "count", "N", 1,
			   1ll << 40,
			   "end after N lines (default: until Ctrl-C)"),
	OPTION_RULE_DEBUGFS(struct stat_options),
	OPTION_RULE_END,
};

static int parse(struct stat_options *o, int argc, char **argv)
{
	int status = options_parse(rules, o, argc, argv);
	char *end;

	if (!status)
		status = words_check(argc, argv, 0, 1);
	if (status)
		return status;
	o->interval = strtod(o->interval_text, &end);
	if (end == o->interval_text || *end ||
	    !(o->interval >= 0.01 && o->interval <= 86400))
		return usage_error("--interval %s: must be between 0.01 and "
				   "86400 seconds",
				   o->interval_text);
	o->guest = optind < argc ? argv[optind] : NULL;
	return EXIT_FINE;
}

/* A number needs no xenstore. */
static int find_guest(struct stat_options *o)
{
	struct store s;
	char *end;

	if (!o->guest)
		return 0;
	o->domid = strtol(o->guest, &end, 10);
	if (end != o->guest && !*end && o->domid >= 0)
		return 0;
	if (store_open(&s))
		return -1;
	o->domid = domain_find(&s, o->guest);
	store_close(&s);
	return o->domid < 0 ? -1 : 0;
}

static int stat_run(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct stat_options o = { .debugfs = DEBUGFS_DEFAULT,
				  .domid = -1,
				  .interval_text = "1" };
	int status = parse(&o, argc, argv);

	if (status)
		return status;
	if (find_guest(&o))
		return EXIT_FAILED;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	return run(&o);
}

const struct command stat_command = {
	.name = "stat",
	.run = stat_run,
	.args = "[GUEST]",
	.help = "show the counters live, per second",
	.about = "",
	.options = rules,
	.examples = "  ivcctl stat web1 --interval 5\n",
};
