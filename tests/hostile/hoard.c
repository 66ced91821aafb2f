/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-hoard: takes all there is of something that a domain has a fixed number
 * of, but for a few, and keeps it until it is killed.
 *
 *   ivc-hoard grants|ports LEAVE    as root
 *
 * In the lab the drivers have to do with what is left
 * (tests/lab/exhausted.sh). Grants need the parameter `limit` of xen-gntalloc
 * to be out of the way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include "say.h"

#define MAX 200000

/* Nobody in particular: what is taken is our own. */
#define DOM0 0

static unsigned int hoard_grants(unsigned int leave)
{
	xengntshr_handle *h = xengntshr_open(NULL, 0);
	static void *page[MAX];
	unsigned int n = 0;
	uint32_t ref;

	if (!h)
		die("no gntalloc: %s", strerror(errno));
	while (n < MAX &&
	       (page[n] = xengntshr_share_pages(h, DOM0, 1, &ref, 0)))
		n++;
	if (errno != ENOSPC || n == MAX || n < leave)
		die("%u grants, then: %s", n, strerror(errno));
	for (; leave; leave--)
		xengntshr_unshare(h, page[--n], 1);
	return n;
}

static unsigned int hoard_ports(unsigned int leave)
{
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	static evtchn_port_t port[MAX];
	unsigned int n = 0;

	if (!h)
		die("no evtchn: %s", strerror(errno));
	for (; n < MAX; n++) {
		int got = xenevtchn_bind_unbound_port(h, DOM0);

		if (got < 0)
			break;
		port[n] = (evtchn_port_t)got;
	}
	/* Of Dom0's ports the kernel's table of interrupts is full before. */
	if ((errno != ENOSPC && errno != ENOMEM) || n == MAX || n < leave)
		die("%u ports, then: %s", n, strerror(errno));
	for (; leave; leave--)
		xenevtchn_unbind(h, port[--n]);
	return n;
}

int main(int argc, char **argv)
{
	unsigned int leave, n;

	if (argc != 3)
		die("usage: ivc-hoard grants|ports LEAVE");
	leave = (unsigned int)atoi(argv[2]);
	if (!strcmp(argv[1], "grants"))
		n = hoard_grants(leave);
	else if (!strcmp(argv[1], "ports"))
		n = hoard_ports(leave);
	else
		die("hoard what?");
	setvbuf(stdout, NULL, _IOLBF, 0);
	passed("hoards %u %s", n, argv[1]);
	pause();
	return 0;
}
