/* SPDX-License-Identifier: GPL-2.0 */
/* A test that is a member of a group: see member.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "member.h"

int failed;

void check(int is, int want, const char *about, const char *what)
{
	printf("%s %s: %s", is == want ? "ok  " : "FAIL", about, what);
	if (is != want)
		printf(": %d, not %d", is, want);
	putchar('\n');
	failed += is != want;
}

void die(const char *what)
{
	printf("FAIL %s: %s\n", what, strerror(errno));
	exit(1);
}

ivc_context *must_register(uint64_t magic, uint32_t id)
{
	ivc_context *ctx = ivc_register(magic, id);

	if (!ctx)
		die("register");
	return ctx;
}

ivc_peer must_find(ivc_context *ctx, uint32_t id)
{
	ivc_peer peer;
	int ret = ivc_find(ctx, id, SOON_MS, &peer);

	if (ret) {
		errno = -ret;
		die("find");
	}
	return peer;
}
