/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-exhaust: allocates NUMBER grants or event channels of its domain and
 * holds them until it is killed, so that few are left for the drivers
 * (tests/lab/exhausted.sh).
 *
 *   ivc-exhaust grants|ports count      print how many can be allocated
 *   ivc-exhaust grants|ports NUMBER     allocate NUMBER and hold them
 *
 * After the first grant that cannot be allocated, Linux's gntalloc counts wrong
 * and allocates none until the module is reloaded: so count, reload, and then
 * allocate.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include "log.h"

#define MAX 200000u

/* Any domain will do: the grants and ports are this domain's. */
#define DOM0 0

static unsigned int take_grants(unsigned int want)
{
	xengntshr_handle *h = xengntshr_open(NULL, 0);
	unsigned int n = 0;
	uint32_t ref;

	if (!h)
		die("no gntalloc: %s", strerror(errno));
	while (n < want && xengntshr_share_pages(h, DOM0, 1, &ref, 0))
		n++;
	return n;
}

static unsigned int take_ports(unsigned int want)
{
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	unsigned int n = 0;

	if (!h)
		die("no evtchn: %s", strerror(errno));
	while (n < want && xenevtchn_bind_unbound_port(h, DOM0) >= 0)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	unsigned int want = MAX, n;
	bool count;

	if (argc != 3)
		die("usage: ivc-exhaust grants|ports count|NUMBER");
	count = !strcmp(argv[2], "count");
	if (!count)
		want = (unsigned int)atoi(argv[2]);
	errno = 0;
	if (!strcmp(argv[1], "grants"))
		n = take_grants(want);
	else if (!strcmp(argv[1], "ports"))
		n = take_ports(want);
	else
		die("%s: expected grants or ports", argv[1]);
	if (count ? n == MAX : n < want)
		die("%u %s, then: %s", n, argv[1], strerror(errno));
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (count) {
		printf("%u\n", n);
		return 0;
	}
	passed("exhausts %u %s", n, argv[1]);
	pause();
	return 0;
}
