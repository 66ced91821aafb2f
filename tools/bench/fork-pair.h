/* SPDX-License-Identifier: MIT */
/* Two processes of one program, which end together. */
#ifndef BENCH_FORK_PAIR_H
#define BENCH_FORK_PAIR_H

#include <sys/types.h>

/*
 * fork(). The kernel kills the second process when the first ends, and a signal
 * handler ends the first when the second fails: a process that polls memory
 * would not notice. < 0 is -errno.
 */
pid_t fork_pair(void);

/* In the first process: wait for the second, and kill it first if @ret is not
 * 0. */
void fork_pair_end(pid_t second, int ret);

#endif
