/* SPDX-License-Identifier: GPL-2.0 */
/* The checks of a test program: one line each, as run.sh counts them. */
#ifndef LOCAL_CHECK_H
#define LOCAL_CHECK_H

#include <stdbool.h>

/* Checks that have failed: for the exit status. */
extern int failed;

__attribute__((format(printf, 2, 3))) void check(bool ok, const char *fmt, ...);
/* @is must be @want; a failure prints both. */
void check_is(int is, int want, const char *about, const char *what);
/* Something went wrong that is not under test: end the program with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);

#endif
