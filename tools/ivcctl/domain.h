/* SPDX-License-Identifier: MIT */
/* Guests: names, numbers, and whether they run. */
#ifndef IVCCTL_DOMAIN_H
#define IVCCTL_DOMAIN_H

#include "xenstore.h"

#define DOMAIN_MAX 0x7ff0
#define DOMAIN_NAME_MAX 128

/* The number of the guest with name or number @who, or -1 after complaining. */
int domain_find(struct store *s, const char *who);

/*
 * The name of the guest, or "?". While the guest is migrating to this host, the
 * name that it will have.
 */
void domain_name(struct store *s, unsigned int domid,
		 char name[DOMAIN_NAME_MAX]);

enum domain_life {
	DOMAIN_RUNS,
	DOMAIN_GONE,	/* no such domain, or it is being destroyed */
	DOMAIN_CRASHED, /* will not run again, even if it still exists */
	DOMAIN_UNKNOWN, /* not in Dom0: the hypervisor does not tell */
};

enum domain_life domain_life(unsigned int domid);

/* Is the guest suspended, to be resumed elsewhere or later? */
bool domain_suspended(unsigned int domid);

#endif
