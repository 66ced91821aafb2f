/* SPDX-License-Identifier: MIT */
/* Why a run ended, in words for people. */
#ifndef PINGPONG_ERRORS_H
#define PINGPONG_ERRORS_H

#include "message.h"

/*
 * Print why the connection ended with @err while @doing, and the cure. Returns
 * the exit status.
 */
int explain(struct session *s, int err, const char *doing);

/* Print that message @seq, received by @who, was wrong. */
void explain_fault(const char *who, enum fault fault, uint64_t seq);

#endif
