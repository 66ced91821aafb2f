/* SPDX-License-Identifier: MIT */
/* Two processes get channels of libivc to each other. */
#ifndef BENCH_IVC_PAIR_H
#define BENCH_IVC_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include <ivc/ivc.h>

#define IVC_PAIR_TIMEOUT_MS 10000

/* One of the group @magic. NULL and errno. */
ivc_context *ivc_pair_register(uint64_t magic, bool server);

/*
 * @n channels, of rings of @ring bytes (0: the default), the k-th of one end
 * being the k-th of the other. 0 or -errno.
 */
int ivc_pair_connect(ivc_context *ctx, bool server, uint32_t ring,
		     ivc_channel **ch, unsigned int n);

#endif
