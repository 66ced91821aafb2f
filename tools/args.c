/* SPDX-License-Identifier: MIT */
/* Words of a command line. */
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
	/* A unit alone is no number. */
	if (shift && end != s)
		end++;
	if (errno || end == s || *end || *s == '-' || v > UINT64_MAX >> shift)
		wrong("--%s wants a number, not '%s'", opt, s);
	v <<= shift;
	if (v < min || v > max)
		wrong("--%s must be from %llu to %llu, not %s", opt,
		      (unsigned long long)min, (unsigned long long)max, s);
	return v;
}

double seconds(const char *s, double max)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !(v >= 0.001 && v <= max))
		wrong("--seconds must be from 0.001 to %.0f, not '%s'", max, s);
	return v;
}
