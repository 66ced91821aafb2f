/* SPDX-License-Identifier: MIT */
/* Attaching and detaching one guest, with messages. */
#ifndef IVCCTL_ATTACH_H
#define IVCCTL_ATTACH_H

#include "device.h"

/* 0 after reporting the success, or -errno after complaining. */
int attach_one(struct store *s, const struct device *d, const char *name,
	       const struct rules *rules);

/*
 * Detach when both drivers have disconnected, or after @seconds with @force in
 * any case. 0, or -errno after complaining.
 */
int detach_one(struct store *s, const struct device *d, const char *name,
	       int seconds, bool force);

/* Print why the two drivers are not connected. */
void explain_states(struct store *s, const struct device *d, const char *name);

/* Complain that @realm is not a valid name; EXIT_WRONG. */
int realm_error(const char *realm);

#endif
