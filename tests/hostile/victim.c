/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An honest program whose peers are hostile. It accepts every offer, connects
 * to the member with id 666 (tests/hostile/offers.c), writes and reads for a
 * while, and closes. Whatever a peer does, calls must return in time what their
 * manual allows, and touch no other memory (the program can run under any
 * sanitizer; in the lab the kernel's own checks watch it).
 *
 *   ivc-victim MAGIC ID SECONDS [FILE]    until FILE exists, at most SECONDS
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ivc/ivc.h>
#include "log.h"

#define ENEMY 666u

static unsigned long accepted, connected, refused, ends[200];

/* The errors with which a channel may end, whatever the peer does. */
static bool an_end(long err)
{
	switch (err) {
	case -EPROTO:
	case -EPIPE:
	case -ECONNRESET:
	case -ECONNREFUSED:
	case -ECONNABORTED:
	case -ETIMEDOUT:
	case -ENOMEM:
	case -ENODEV:
	case -EREMCHG:
		return true;
	default:
		return false;
	}
}

static bool ended(const char *what, long ret)
{
	if (ret >= 0)
		return false;
	if (!an_end(ret))
		die("%s: %ld", what, ret);
	ends[-ret % 200]++;
	return true;
}

/* Also ask for its unread and undelivered data. */
static void look_back(ivc_channel *ch)
{
	void *unread = NULL;
	uint8_t buf[512];
	ssize_t n = ivc_unread(ch, &unread);

	if (n < 0 && n != -EAGAIN && n != -EPROTO)
		die("ivc_unread: %zd", n);
	free(unread);
	n = ivc_undelivered(ch);
	if (n < 0 && n != -EAGAIN && n != -EPROTO)
		die("ivc_undelivered: %zd", n);
	n = ivc_recall(ch, buf, sizeof(buf), 0);
	if (n > (ssize_t)sizeof(buf) || (n < 0 && n != -EAGAIN && n != -EPROTO))
		die("ivc_recall: %zd", n);
}

static void use(ivc_channel *ch, int ms)
{
	int64_t end = now_ms() + ms;
	uint8_t *buf = malloc(4000);
	size_t n = 1;
	ssize_t ret;
	int i;

	if (!buf)
		die("malloc");
	memset(buf, 0x77, 4000);
	while (now_ms() < end) {
		n = n * 5 % 3999 + 1;
		ret = ivc_write(ch, buf, n);
		if (ret > (ssize_t)n)
			die("ivc_write: %zd", ret);
		if (ended("ivc_write", ret))
			break;
		ret = ivc_read(ch, buf, n);
		if (ret > (ssize_t)n)
			die("ivc_read: %zd", ret);
		if (ended("ivc_read", ret))
			break;
		ret = ivc_wait(ch, IVC_READABLE | IVC_WRITABLE, 5);
		if (ret < 0)
			ended("ivc_wait", ret);
	}
	for (i = 0; i < 3; i++) {
		ret = ivc_read(ch, buf, 4000);
		if (ret < 0 && !an_end(ret))
			die("ivc_read after the end: %zd", ret);
	}
	look_back(ch);
	free(buf);
}

static void accept_one(ivc_context *ctx)
{
	struct ivc_channel_options opt = { .timeout_ms = 50 };
	ivc_channel *ch = NULL;
	int ret = ivc_accept_opt(ctx, &opt, &ch);

	if (!ret) {
		accepted++;
		use(ch, 150);
		ivc_close(ch);
	} else if (ret == -ECONNABORTED) {
		refused++;
	} else if (ret != -ETIMEDOUT && ret != -EAGAIN) {
		die("ivc_accept: %d", ret);
	}
}

static void connect_one(ivc_context *ctx)
{
	struct ivc_channel_options opt = { .timeout_ms = 1000 };
	ivc_channel *ch = NULL;
	ivc_peer peer;
	int ret;

	if (ivc_find(ctx, ENEMY, 0, &peer))
		return;
	ret = ivc_connect_opt(ctx, peer, &opt, &ch);
	if (!ret) {
		connected++;
		use(ch, 100);
	} else if (!an_end(ret) && ret != -ENOENT && ret != -EBUSY) {
		die("ivc_connect: %d", ret);
	}
	ivc_close(ch);
}

int main(int argc, char **argv)
{
	ivc_context *ctx;
	int64_t end;
	int i;

	if (argc != 4 && argc != 5)
		die("usage: ivc-victim MAGIC ID SECONDS [FILE]");
	ctx = ivc_register(strtoull(argv[1], NULL, 0), (uint32_t)atoi(argv[2]));
	if (!ctx)
		die("ivc_register: %d", -errno);
	end = now_ms() + atoi(argv[3]) * 1000;
	for (i = 0; now_ms() < end && (argc < 5 || access(argv[4], F_OK));
	     i++) {
		accept_one(ctx);
		if (i % 4 == 3)
			connect_one(ctx);
	}
	ivc_unregister(ctx);
	printf("victim: %lu accepted, %lu offers no good, %lu connected;",
	       accepted, refused, connected);
	for (i = 0; i < 200; i++)
		if (ends[i])
			printf(" %lu x %s", ends[i], strerror(i));
	putchar('\n');
	return 0;
}
