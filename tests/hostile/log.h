/* SPDX-License-Identifier: GPL-2.0 */
/* Messages and time, for the hostile programs and their victims. */
#ifndef HOSTILE_LOG_H
#define HOSTILE_LOG_H

#include <stdint.h>

/* Print a message and end the process with status 1: the test has failed. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);
/* Print a message on stdout: the test has passed. */
__attribute__((format(printf, 1, 2))) void passed(const char *fmt, ...);

/*
 * A step was done: prints "..." now and then, so that the lab sees a long
 * attack move. Lines of that kind are no results.
 */
void moves(void);

int64_t now_ms(void);
/*
 * How many milliseconds the other side may take for a step. On a slow or busy
 * machine the time is longer, by the factor that the lab sets in LAB_SLOWER.
 */
int patience_ms(void);
void sleep_ms(int ms);

#endif
