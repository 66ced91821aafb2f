/* SPDX-License-Identifier: MIT */
/*
 * Which transport a context uses: what the program says, else IVC_TRANSPORT,
 * else Xen where this is a guest with a device that is attached, else local.
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

/* What was asked for, NULL if nothing was. -EINVAL: no such thing. */
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
	/* Who names the door says which house he means. */
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
	/* A device of which the caller may not make use is still the place
	 * where his peers are: only one that is not there sends him elsewhere.
	 */
	ret = open_with(ctx, &ivc_xen);
	if (ret != -ENODEV && (ret || ctx->attached))
		return ret;
	ctx->ops->leave(ctx);
	ret = open_with(ctx, &ivc_local);
	return ret;
}
