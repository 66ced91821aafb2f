/* SPDX-License-Identifier: MIT */
/* A second process of this program. */
#ifndef BENCH_FORK_PAIR_H
#define BENCH_FORK_PAIR_H

#include <sys/types.h>

/*
 * fork(). The second is killed when the first ends; the first ends when the
 * second has failed: who polls memory would not notice. < 0 is -errno.
 */
pid_t fork_pair(void);

/* The first waits for the second, which is killed if @ret says so. */
void fork_pair_end(pid_t second, int ret);

#endif
