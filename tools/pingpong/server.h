/* SPDX-License-Identifier: MIT */
/* The server. */
#ifndef PINGPONG_SERVER_H
#define PINGPONG_SERVER_H

#include "options.h"

/* Serve one client, or with --loop one after another. Returns the exit status.
 */
int server_run(const struct options *o);

#endif
