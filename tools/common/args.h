/* SPDX-License-Identifier: MIT */
/* Words of a command line, for the tools that take many numbers. */
#ifndef TOOLS_COMMON_ARGS_H
#define TOOLS_COMMON_ARGS_H

#include <stdint.h>

/* The program's name, for what it says: each program defines it. */
extern const char program_name[];

/* Say it with the program's name and where to read on, and exit with 64. */
__attribute__((noreturn, format(printf, 1, 2))) void wrong(const char *fmt,
							   ...);

/* The value of --@opt within bounds: 64, 64K, 1M, 2G, 0x40. Else wrong(). */
uint64_t number(const char *opt, const char *s, uint64_t min, uint64_t max);

/* The value of --seconds, from 0.001 to @max. Else wrong(). */
double seconds(const char *s, double max);

#endif
