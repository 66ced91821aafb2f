/* SPDX-License-Identifier: MIT */
/* Channels of libivc between two processes. */
#ifndef BENCH_IVC_PAIR_H
#define BENCH_IVC_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include <ivc/ivc.h>

#define IVC_PAIR_TIMEOUT_MS 10000

/* Join the group @magic. NULL with errno. */
ivc_context *ivc_pair_register(uint64_t magic, bool server);

/*
 * Connect @n channels with rings of @ring bytes (0: the default). ch[k] is the
 * same channel in both processes. 0 or -errno.
 */
int ivc_pair_connect(ivc_context *ctx, bool server, uint32_t ring,
		     ivc_channel **ch, unsigned int n);

#endif
