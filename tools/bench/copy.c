/* SPDX-License-Identifier: MIT */
/*
 * The ceiling: memcpy() in one process, from one warm buffer to another. The
 * second process has nothing to do but to be told so.
 */
#include <string.h>

#include "contenders.h"

static int copy_burst(struct end *e, size_t len, unsigned int out,
		      unsigned int in)
{
	(void)in;
	while (out--) {
		memcpy(e->in, e->out, len);
		/* Each of them is to be done. */
		__asm__ __volatile__("" ::"r"(e->in) : "memory");
	}
	return 0;
}

const struct contender copy_contender = {
	.name = "memcpy",
	.can = CAN(TEST_UNI),
	.prepare = unix_prepare,
	.open = fd_open,
	.close = fd_close,
	.send = fd_send,
	.recv = fd_recv,
	.burst = copy_burst,
};
