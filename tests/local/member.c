/* SPDX-License-Identifier: GPL-2.0 */
/* See member.h. */
#include <errno.h>
#include <string.h>

#include "member.h"

ivc_context *must_register(uint64_t magic, uint32_t id)
{
	ivc_context *ctx = ivc_register(magic, id);

	if (!ctx)
		die("register: %s", strerror(errno));
	return ctx;
}

ivc_peer must_find(ivc_context *ctx, uint32_t id)
{
	ivc_peer peer;
	int ret = ivc_find(ctx, id, SOON_MS, &peer);

	if (ret)
		die("find: %s", strerror(-ret));
	return peer;
}
