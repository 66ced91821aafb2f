/* SPDX-License-Identifier: GPL-2.0 */
/* What every enemy and its victims say, and what they tell time by. */
#ifndef HOSTILE_LOG_H
#define HOSTILE_LOG_H

#include <stdint.h>

/* Ends the process: what should have been is not. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);
/* Said on stdout, once it has gone as it must. */
__attribute__((format(printf, 1, 2))) void passed(const char *fmt, ...);

/*
 * A step was done: prints "..." now and then, so that the lab sees a long
 * attack move. Lines of that kind are no results.
 */
void moves(void);

int64_t now_ms(void);
/*
 * How long the other side may take to do what it must, in milliseconds. On a
 * slow or busy machine that is longer: the lab says so in LAB_SLOWER.
 */
int patience_ms(void);
void sleep_ms(int ms);

#endif
