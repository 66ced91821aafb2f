/* SPDX-License-Identifier: MIT */
/* Values of options. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "args.h"

void wrong(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry: %s --help\n", program_name);
	exit(EX_USAGE);
}

uint64_t number(const char *opt, const char *s, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long v;
	unsigned int shift = 0;

	errno = 0;
	v = strtoull(s, &end, 0);
	if (*end == 'k' || *end == 'K')
		shift = 10;
	else if (*end == 'm' || *end == 'M')
		shift = 20;
	else if (*end == 'g' || *end == 'G')
		shift = 30;
	/* "K" alone is no number. */
	if (shift && end != s)
		end++;
	if (errno || end == s || *end || *s == '-' || v > max >> shift ||
	    v << shift < min)
		wrong("--%s %s: must be a number between %llu and %llu", opt, s,
		      (unsigned long long)min, (unsigned long long)max);
	return v << shift;
}

bool port_valid(const char *s)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	return *s >= '0' && *s <= '9' && !*end && v >= 1 && v <= 65535;
}

double seconds(const char *s, double max)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !(v >= 0.001 && v <= max))
		wrong("--seconds %s: must be a number between 0.001 and %.0f",
		      s, max);
	return v;
}
