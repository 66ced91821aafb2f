/* SPDX-License-Identifier: MIT */
/* Attaching and detaching one guest, with words for people. */
#ifndef IVCCTL_ATTACH_H
#define IVCCTL_ATTACH_H

#include "device.h"

/* 0 and a line that says so, or -errno and a line that says why not. */
int attach_one(struct store *s, const struct device *d, const char *name,
	       const struct rules *rules);

/*
 * In good order within @seconds; @force: after that in any case. 0, -errno
 * after complaining.
 */
int detach_one(struct store *s, const struct device *d, const char *name,
	       int seconds, bool force);

/* Why the two do not get together. */
void explain_states(struct store *s, const struct device *d, const char *name);

/* Complain that @realm is not a valid name; EXIT_WRONG. */
int realm_error(const char *realm);

#endif
