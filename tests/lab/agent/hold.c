// SPDX-License-Identifier: GPL-2.0
/* Deliberate leaks: what the lab's own tests want the health check to see. */
#include <stdio.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "agent.h"

int hold_grant(int domid)
{
	xengntshr_handle *xgs = xengntshr_open(NULL, 0);
	uint32_t ref;

	if (!xgs || !xengntshr_share_pages(xgs, domid, 1, &ref, 0)) {
		perror("agent: share a page");
		return 1;
	}
	printf("grant reference %u to domain %d\n", ref, domid);
	fflush(stdout);
	pause();
	return 0;
}

int hold_port(int domid)
{
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	int port = xce ? xenevtchn_bind_unbound_port(xce, domid) : -1;

	if (port < 0) {
		perror("agent: unbound port");
		return 1;
	}
	printf("port %d for domain %d\n", port, domid);
	fflush(stdout);
	pause();
	return 0;
}
