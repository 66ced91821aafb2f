/* SPDX-License-Identifier: MIT */
/* Guests: names, numbers, and whether they run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xentoollog.h>

#include "domain.h"
#include "ivcctl.h"

#define INCOMING "--incoming"

/* Shut down, and why: sched.h of Xen's public headers. */
#define REASON_SUSPEND 2
#define REASON_CRASH 3

int domain_find(struct store *s, const char *who)
{
	unsigned int n, *ids;
	char *end;
	long v = strtol(who, &end, 10);
	int found = -1;

	if (end != who && !*end) {
		if (v >= 0 && v < DOMAIN_MAX &&
		    store_exists(s, "/local/domain/%ld", v))
			return v;
		complain("there is no domain %s; xl list shows those there are",
			 who);
		return -1;
	}
	ids = store_list(s, "/local/domain", &n);
	for (unsigned int i = 0; i < n && found < 0; i++) {
		char name[DOMAIN_NAME_MAX];

		domain_name(s, ids[i], name);
		if (!strcmp(name, who))
			found = ids[i];
	}
	free(ids);
	if (found < 0)
		complain("there is no guest called '%s'; xl list shows those "
			 "there are",
			 who);
	return found;
}

void domain_name(struct store *s, unsigned int domid,
		 char name[DOMAIN_NAME_MAX])
{
	char *value = store_read(s, "/local/domain/%u/name", domid);
	size_t len;

	snprintf(name, DOMAIN_NAME_MAX, "%s", value && *value ? value : "?");
	free(value);
	len = strlen(name);
	if (len > strlen(INCOMING) &&
	    !strcmp(name + len - strlen(INCOMING), INCOMING))
		name[len - strlen(INCOMING)] = '\0';
}

enum domain_life domain_life(unsigned int domid)
{
	/* Silent: without a hypervisor the library would print an error. */
	xentoollog_logger *quiet =
		(xentoollog_logger *)xtl_createlogger_stdiostream(stderr,
								  XTL_CRITICAL,
								  0);
	xc_interface *xc = xc_interface_open(quiet, quiet, 0);
	enum domain_life life = DOMAIN_UNKNOWN;
	xc_dominfo_t info;
	int n;

	if (!xc)
		goto out;
	n = xc_domain_getinfo(xc, domid, 1, &info);
	if (n < 0 && errno != ESRCH)
		life = DOMAIN_UNKNOWN;
	else if (n != 1 || info.domid != domid || info.dying)
		life = DOMAIN_GONE;
	else if (info.crashed ||
		 (info.shutdown && info.shutdown_reason == REASON_CRASH))
		life = DOMAIN_CRASHED;
	else
		life = DOMAIN_RUNS;
	xc_interface_close(xc);
out:
	if (quiet)
		xtl_logger_destroy(quiet);
	return life;
}

bool domain_suspended(unsigned int domid)
{
	static xc_interface *xc;
	xc_dominfo_t info;

	/* Called often, so the handle stays open until the program ends. */
	if (!xc)
		xc = xc_interface_open(NULL, NULL, 0);
	return xc && xc_domain_getinfo(xc, domid, 1, &info) == 1 &&
	       info.domid == domid && info.shutdown &&
	       info.shutdown_reason == REASON_SUSPEND;
}
