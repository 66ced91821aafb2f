/* SPDX-License-Identifier: GPL-2.0 */
/*
 * remote-peer: the other end of `closers`, which tells it over a control
 * channel what to do with contexts and channels of its own, numbered from 0.
 *
 * A command is answered when it is done. Meanwhile the commander may do its own
 * part: it accepts while the remote peer connects, for example.
 */
#ifndef APITEST_REMOTE_PEER_H
#define APITEST_REMOTE_PEER_H

#include <stdint.h>
#include "apitest.h"

#define REMOTE_SLOTS 8
#define REMOTE_SEED 77

enum remote_op {
	REMOTE_QUIT,
	REMOTE_REGISTER,   /* ctx, arg = id */
	REMOTE_UNREGISTER, /* ctx */
	REMOTE_ACCEPT,	   /* ctx, ch, arg = timeout in ms */
	REMOTE_CONNECT,	   /* ctx, ch, arg = id, arg2 = timeout in ms */
	REMOTE_WRITE,	   /* ch, arg = bytes of the pattern: all of them */
	REMOTE_FILL,	   /* ch: write until the ring is full; value: bytes */
	REMOTE_READ,	   /* ch, arg = bytes of the pattern: all of them */
	REMOTE_END,	   /* ch: read until the end; value: bytes before */
	REMOTE_CLOSE,	   /* ch; returns the result of ivc_close() */
	REMOTE_SLEEP,	   /* arg = ms */
	REMOTE_OPS,
};

struct remote_cmd {
	uint32_t op;
	uint32_t ctx;
	uint32_t ch;
	uint32_t arg2;
	uint64_t arg;
};

struct remote_reply {
	int64_t ret; /* 0 or -errno */
	uint64_t value;
};

#endif
