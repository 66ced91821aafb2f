/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STEPS_COUNT_H
#define STEPS_COUNT_H

#include <stdint.h>

/*
 * The basic blocks that this program has run through, of the code that is
 * counted.
 */
uint64_t steps_here(void);

/* The same for a program that was started with IVC_STEPS=@path. */
uint64_t *steps_map(const char *path);

#endif
