/* SPDX-License-Identifier: MIT */
/* Guests: by name and number, and whether they live. */
#ifndef IVCCTL_DOMAIN_H
#define IVCCTL_DOMAIN_H

#include "xenstore.h"

#define DOMAIN_MAX 0x7ff0
#define DOMAIN_NAME_MAX 128

/* The number of the guest called @who, or with that number. -1: complained. */
int domain_find(struct store *s, const char *who);

/* Its name; "?" if it has none. While it migrates in: as it will be called. */
void domain_name(struct store *s, unsigned int domid,
		 char name[DOMAIN_NAME_MAX]);

enum domain_life {
	DOMAIN_RUNS,
	DOMAIN_GONE,	/* no such domain, or it is being taken down */
	DOMAIN_CRASHED, /* kept, perhaps, but it will not run again */
	DOMAIN_UNKNOWN, /* this is not Dom0, the hypervisor does not say */
};

enum domain_life domain_life(unsigned int domid);

/* Is it suspended: frozen, to go on elsewhere or later? */
bool domain_suspended(unsigned int domid);

#endif
