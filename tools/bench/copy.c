/* SPDX-License-Identifier: MIT */
/*
 * The ceiling: memcpy() in one process, from one warm buffer to another. The
 * second process only takes part in the protocol of the steps.
 */
#include <string.h>

#include "contenders.h"

static int copy_burst(struct end *e, size_t len, unsigned int out,
		      unsigned int in)
{
	(void)in;
	while (out--) {
		memcpy(e->in, e->out, len);
		/* Keep the compiler from leaving out copies. */
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
