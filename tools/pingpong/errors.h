/* SPDX-License-Identifier: MIT */
/* Why a run ended, in words for people. */
#ifndef PINGPONG_ERRORS_H
#define PINGPONG_ERRORS_H

#include "message.h"

/*
 * Say why the connection ended, in whose words: "ivc-pingpong: ...". Returns
 * the exit status that belongs to it.
 */
int explain(struct session *s, int err, const char *doing);

/* Say what message was wrong. */
void explain_fault(const char *who, enum fault fault, uint64_t seq);

#endif
