/* SPDX-License-Identifier: GPL-2.0 */
/* See log.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "../slower.h"
#include "log.h"

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("FAIL: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void passed(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void moves(void)
{
	static int64_t last;
	int64_t now = now_ms();

	if (!last)
		last = now;
	if (now - last < 5000)
		return;
	last = now;
	puts("...");
	fflush(stdout);
}

int patience_ms(void)
{
	return slower(50000);
}

void sleep_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}
