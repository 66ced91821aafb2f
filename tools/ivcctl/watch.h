/* SPDX-License-Identifier: MIT */
/* ivcctl attach --all: attach every guest that the policy allows. */
#ifndef IVCCTL_WATCH_H
#define IVCCTL_WATCH_H

#include <stdbool.h>

struct watch_options {
	const char *policy; /* NULL: POLICY_FILE, if it exists */
	const char *backend;
	const char *pid_file;
	bool watch, daemon;
};

/* Returns the exit status. */
int watch_run(const struct watch_options *o);

#endif
