/* SPDX-License-Identifier: MIT */
/* The command line, and pinning to a CPU. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define EXIT_WRONG 64

const char *const test_names[TESTS] = { "latency", "uni", "bi" };

__attribute__((noreturn, format(printf, 1, 2))) static void
usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr,
		"\n"
		"usage: [--contender NAME] [--cpus A,B] [--ms N] [--limit N] "
		"[--ring BYTES]\n"
		"       [--latency SIZES] [--uni SIZES] [--bi SIZES]\n"
		"The contenders:");
	for (int i = 0; contenders[i]; i++)
		fprintf(stderr, " %s", contenders[i]->name);
	fputc('\n', stderr);
	exit(EXIT_WRONG);
}

static unsigned int number(const char *opt, const char *text, unsigned int min,
			   unsigned int max)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || v < min || v > max)
		usage("--%s %s: must be a number between %u and %u", opt, text,
		      min, max);
	return (unsigned int)v;
}

static void sizes(struct plan *p, enum test test, char *list)
{
	char *save, *word;

	for (word = strtok_r(list, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		uint32_t size =
			number(test_names[test], word, 1, PLAN_SIZE_MAX);

		if (p->n_sizes[test] == PLAN_SIZES)
			usage("--%s: more than %d sizes", test_names[test],
			      PLAN_SIZES);
		p->sizes[test][p->n_sizes[test]++] = size;
	}
}

static void cpus(struct plan *p, char *list)
{
	char *comma = strchr(list, ',');

	if (!comma)
		usage("--cpus %s: must be A,B, a processor for each of the two "
		      "processes",
		      list);
	*comma = '\0';
	p->cpus[0] = (int)number("cpus", list, 0, CPU_SETSIZE - 1);
	p->cpus[1] = (int)number("cpus", comma + 1, 0, CPU_SETSIZE - 1);
}

void plan_read(struct plan *p, int argc, char **argv)
{
	static const struct option options[] = {
		{ "latency", required_argument, NULL, TEST_LATENCY },
		{ "uni", required_argument, NULL, TEST_UNI },
		{ "bi", required_argument, NULL, TEST_BI },
		{ "contender", required_argument, NULL, 'k' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "ms", required_argument, NULL, 'm' },
		{ "limit", required_argument, NULL, 'l' },
		{ "ring", required_argument, NULL, 'r' },
		{ 0 },
	};
	int c;

	*p = (struct plan){ .cpus = { -1, -1 }, .ms = 50 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case TEST_LATENCY:
		case TEST_UNI:
		case TEST_BI:
			sizes(p, (enum test)c, optarg);
			break;
		case 'k':
			p->contender = optarg;
			break;
		case 'c':
			cpus(p, optarg);
			break;
		case 'm':
			p->ms = number("ms", optarg, 0, 60000);
			break;
		case 'l':
			p->limit = number("limit", optarg, 0, 1u << 30);
			break;
		case 'r':
			p->ring = number("ring", optarg, 0, PLAN_SIZE_MAX);
			break;
		default:
			/* getopt_long() has named it. */
			usage("The options are:");
		}
	}
	if (optind != argc)
		usage("'%s' is one word too many: options begin with --",
		      argv[optind]);
}

uint32_t plan_largest(const struct plan *p)
{
	uint32_t most = 64;

	for (int t = 0; t < TESTS; t++)
		for (unsigned int i = 0; i < p->n_sizes[t]; i++)
			if (p->sizes[t][i] > most)
				most = p->sizes[t][i];
	return most;
}

int pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}
