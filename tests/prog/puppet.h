/* SPDX-License-Identifier: GPL-2.0 */
/*
 * puppet: the other end of `closers`, which tells it over a control channel
 * what to do with contexts and channels of its own, numbered from 0.
 *
 * A command is answered when it is done; the commander may do things of its
 * own in between (accept at one end while the other connects).
 */
#ifndef APITEST_PUPPET_H
#define APITEST_PUPPET_H

#include <stdint.h>
#include "apitest.h"

#define PUPPET_SLOTS 8
#define PUPPET_SEED 77

enum puppet_op {
	PUPPET_QUIT,
	PUPPET_REGISTER,   /* ctx, arg = id */
	PUPPET_UNREGISTER, /* ctx */
	PUPPET_ACCEPT,	   /* ctx, ch, arg = timeout in ms */
	PUPPET_CONNECT,	   /* ctx, ch, arg = id, arg2 = timeout in ms */
	PUPPET_WRITE,	   /* ch, arg = bytes of the pattern: all of them */
	PUPPET_FILL,	   /* ch: until it takes no more; value: bytes */
	PUPPET_READ,	   /* ch, arg = bytes of the pattern: all of them */
	PUPPET_END,	   /* ch: read until the end; value: bytes before */
	PUPPET_CLOSE,	   /* ch; returns what ivc_close() did */
	PUPPET_SLEEP,	   /* arg = ms */
	PUPPET_OPS,
};

struct puppet_cmd {
	uint32_t op;
	uint32_t ctx;
	uint32_t ch;
	uint32_t arg2;
	uint64_t arg;
};

struct puppet_reply {
	int64_t ret; /* 0 or -errno */
	uint64_t value;
};

#endif
