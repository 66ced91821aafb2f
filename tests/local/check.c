/* SPDX-License-Identifier: GPL-2.0 */
/* See check.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

int failed;

void check(bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf(ok ? "ok   " : "FAIL ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	failed += !ok;
}

void check_is(int is, int want, const char *about, const char *what)
{
	if (is == want)
		check(true, "%s: %s", about, what);
	else
		check(false, "%s: %s: %d, not %d", about, what, is, want);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("FAIL %s: ", program_invocation_short_name);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	exit(1);
}
