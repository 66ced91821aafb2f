/* SPDX-License-Identifier: MIT */
/*
 * Choose the transport of a context: the one that the program has set, else
 * that of IVC_TRANSPORT, else xen if this is a guest with an attached device,
 * else local.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"

static const struct {
	const char *name;
	const struct ivc_transport *ops;
} transports[] = {
	{ "xen", &ivc_xen },
	{ "local", &ivc_local },
};

#define N_TRANSPORTS (sizeof(transports) / sizeof(transports[0]))

static const struct ivc_transport *chosen;

static const struct ivc_transport *by_name(const char *name)
{
	size_t i;

	for (i = 0; i < N_TRANSPORTS; i++)
		if (!strcmp(transports[i].name, name))
			return transports[i].ops;
	return NULL;
}

int ivc_set_transport(const char *name)
{
	const struct ivc_transport *ops = NULL;

	if (name) {
		ops = by_name(name);
		if (!ops)
			return -EINVAL;
	}
	__atomic_store_n(&chosen, ops, __ATOMIC_RELAXED);
	return 0;
}

static bool named(const char *variable)
{
	const char *s = secure_getenv(variable);

	return s && *s;
}

/* The transport that was asked for, or NULL. -EINVAL: unknown name. */
static int asked_for(const struct ivc_transport **ops)
{
	const char *name = secure_getenv("IVC_TRANSPORT");

	*ops = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
	if (*ops)
		return 0;
	if (name && *name) {
		*ops = by_name(name);
		return *ops ? 0 : -EINVAL;
	}
	/* An explicit IVC_DEVICE or IVC_SOCKET also selects the transport. */
	if (named("IVC_DEVICE"))
		*ops = &ivc_xen;
	else if (named("IVC_SOCKET"))
		*ops = &ivc_local;
	return 0;
}

static int open_with(struct ivc_context *ctx, const struct ivc_transport *ops)
{
	ctx->ops = ops;
	return ops->open(ctx);
}

int ivc_transport_open(struct ivc_context *ctx)
{
	const struct ivc_transport *ops;
	int ret = asked_for(&ops);

	if (ret)
		return ret;
	if (ops)
		return open_with(ctx, ops);
	/*
	 * A device that the caller may not open is an error, since the caller's
	 * peers are there. Only a missing or detached device selects `local`.
	 */
	ret = open_with(ctx, &ivc_xen);
	if (ret != -ENODEV && (ret || ctx->attached))
		return ret;
	ctx->ops->leave(ctx);
	ret = open_with(ctx, &ivc_local);
	return ret;
}
