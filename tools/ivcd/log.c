/* SPDX-License-Identifier: MIT */
/* What ivcd says: to stderr, a line each, so many in a second at most. */
#include <stdarg.h>
#include <stdio.h>

#include "ivcd.h"

#define LINES_PER_SECOND 20

static bool allowed(void)
{
	static int64_t window;
	static unsigned int lines, lost;
	int64_t now = now_ns();

	if (now - window >= SEC) {
		if (lost)
			fprintf(stderr, "ivcd: and %u lines more\n", lost);
		window = now;
		lines = 0;
		lost = 0;
	}
	if (lines++ < LINES_PER_SECOND)
		return true;
	lost++;
	return false;
}

static void line(const char *fmt, va_list ap)
{
	char buf[512];
	int n;

	if (!allowed())
		return;
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	if (n >= 0)
		fprintf(stderr, "ivcd: %s\n", buf);
}

void log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
}

void log_detail(const char *fmt, ...)
{
	va_list ap;

	if (!config.verbose)
		return;
	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
}
