/* SPDX-License-Identifier: MIT */
/* The two ends. Both return the exit status. */
#ifndef PINGPONG_ERRORS_H
#define PINGPONG_ERRORS_H

#include "message.h"
#include "options.h"

int client_run(const struct options *o);
int server_run(const struct options *o);

/*
 * Say why the connection ended, in whose words: "ivc-pingpong: ...". Returns
 * the exit status that belongs to it.
 */
int explain(struct session *s, int err, const char *doing);

/* Say what message was wrong. */
void explain_fault(const char *who, enum fault fault, uint64_t seq);

#endif
