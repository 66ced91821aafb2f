/* SPDX-License-Identifier: MIT */
/* Values of options: numbers within a range, ports, times. */
#ifndef TOOLS_COMMON_ARGS_H
#define TOOLS_COMMON_ARGS_H

#include <stdbool.h>
#include <stdint.h>

/* Each program defines its name, for its messages. */
extern const char program_name[];

/* Print the message with the program's name, name --help, exit with EX_USAGE.
 */
__attribute__((noreturn, format(printf, 1, 2))) void wrong(const char *fmt,
							   ...);

/*
 * The number @s of option --@opt, such as 64, 64K, 1M, 2G or 0x40. Outside of
 * @min to @max: wrong().
 */
uint64_t number(const char *opt, const char *s, uint64_t min, uint64_t max);

/* Is @s a TCP port, a decimal number between 1 and 65535? */
bool port_valid(const char *s);

/* The value @s of --seconds. Outside of 0.001 to @max: wrong(). */
double seconds(const char *s, double max);

#endif
