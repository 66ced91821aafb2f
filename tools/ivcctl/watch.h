/* SPDX-License-Identifier: MIT */
/* ivcctl attach --all: every guest the policy allows, now or from now on. */
#ifndef IVCCTL_WATCH_H
#define IVCCTL_WATCH_H

#include <stdbool.h>

struct watch_options {
	const char *policy; /* NULL: the usual file, if there is one */
	const char *backend;
	const char *pid_file;
	bool watch, daemon;
};

/* Returns the exit status. */
int watch_run(const struct watch_options *o);

#endif
