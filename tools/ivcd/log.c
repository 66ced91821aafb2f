/* SPDX-License-Identifier: MIT */
/*
 * The log: lines on stderr, with a limit per second.
 *
 * The reader of the log may be slow or gone. Clients must not wait for it: a
 * line that cannot be written at once is dropped and counted.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ivcd.h"

#define LINES_PER_SECOND 20

static unsigned int lost; /* lines since the last report of lost lines */

/*
 * Write @buf, which is shorter than PIPE_BUF: a pipe that poll() reports as
 * writable takes that much at once.
 */
static bool put(const char *buf, size_t len)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&pfd, 1, 0) == 1 && pfd.revents & POLLOUT &&
	       write(STDERR_FILENO, buf, len) == (ssize_t)len;
}

/* May one more line be printed in this second? */
static bool allowed(void)
{
	static int64_t window;
	static unsigned int lines;
	int64_t now = now_ns();
	char buf[64];

	if (now - window >= SEC) {
		window = now;
		lines = 0;
		snprintf(buf, sizeof(buf), "ivcd: and %u lines more\n", lost);
		if (lost && put(buf, strlen(buf)))
			lost = 0;
	}
	return lines++ < LINES_PER_SECOND;
}

__attribute__((format(printf, 1, 0))) static void line(const char *fmt,
						       va_list ap)
{
	char buf[512] = "ivcd: ";
	const size_t head = strlen(buf);
	int n;

	n = vsnprintf(buf + head, sizeof(buf) - head - 1, fmt, ap);
	if (n < 0)
		return;
	n = (int)strlen(buf);
	buf[n++] = '\n';
	if (!put(buf, (size_t)n))
		lost++;
}

__attribute__((format(printf, 1, 0))) static void limited(const char *fmt,
							  va_list ap)
{
	if (allowed())
		line(fmt, ap);
	else
		lost++;
}

void log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	limited(fmt, ap);
	va_end(ap);
}

void log_detail(const char *fmt, ...)
{
	va_list ap;

	if (!config.verbose)
		return;
	va_start(ap, fmt);
	limited(fmt, ap);
	va_end(ap);
}

void log_answer(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
}
