// SPDX-License-Identifier: GPL-2.0
/*
 * What every domain holds of the two things a split driver leaks, read from
 * Xen itself and exact:
 *
 *   evtchn DOM KIND [REMOTE] COUNT   every port that is not closed
 *   grant  DOM REMOTE COUNT          entries of DOM's grant table in use,
 *                                    mapped by the other side or not
 *   mapped DOM REMOTE COUNT          those of them mapped right now
 *   dying  DOM                       destroyed, but somebody holds its pages
 *
 * The grant table of Dom0 cannot be mapped by Dom0 itself (Xen refuses a
 * domain as its own "foreign" domain), so Dom0 has no grant lines here; the
 * health check asks Xen's debug key for those.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include <xenctrl.h>
#include <xenforeignmemory.h>

#include "labctl.h"

#define MAX_DOMS 64
#define MAX_LINES 512

static struct line {
	char key[64];
	unsigned int count;
} lines[MAX_LINES];
static unsigned int nr_lines;

static void count(const char *key)
{
	unsigned int i;

	for (i = 0; i < nr_lines && strcmp(lines[i].key, key); i++)
		;
	if (i == MAX_LINES)
		return;
	if (i == nr_lines)
		strcpy(lines[nr_lines++].key, key);
	lines[i].count++;
}

static void count_ports(xc_interface *xch, uint32_t dom)
{
	static const char *const kind[] = {
		[EVTCHNSTAT_unbound] = "unbound",
		[EVTCHNSTAT_interdomain] = "interdomain",
		[EVTCHNSTAT_pirq] = "pirq",
		[EVTCHNSTAT_virq] = "virq",
		[EVTCHNSTAT_ipi] = "ipi",
	};
	xc_evtchn_status_t st;
	unsigned int port;
	char key[64];

	for (port = 1;; port++) {
		memset(&st, 0, sizeof(st));
		st.dom = dom;
		st.port = port;
		if (xc_evtchn_status(xch, &st))
			break; /* past the last port ever allocated */
		switch (st.status) {
		case EVTCHNSTAT_closed:
			continue;
		case EVTCHNSTAT_unbound:
			snprintf(key, sizeof(key), "evtchn %u unbound %u", dom,
				 st.u.unbound.dom);
			break;
		case EVTCHNSTAT_interdomain:
			snprintf(key, sizeof(key), "evtchn %u interdomain %u",
				 dom, st.u.interdomain.dom);
			break;
		default:
			snprintf(key, sizeof(key), "evtchn %u %s", dom,
				 st.status < 6 ? kind[st.status] : "unknown");
		}
		count(key);
	}
}

static void count_grants(xc_interface *xch, xenforeignmemory_handle *fmem,
			 uint32_t dom)
{
	struct gnttab_query_size size = { .dom = dom };
	xenforeignmemory_resource_handle *res;
	const grant_entry_v1_t *entry;
	unsigned int i, n;
	void *table = NULL;
	char key[64];

	if (xc_gnttab_query_size(xch, &size) || size.status != GNTST_okay ||
	    !size.nr_frames)
		return;
	/* Linux keeps to version 1 tables below 16 TiB of memory. */
	res = xenforeignmemory_map_resource(
		fmem, dom, XENMEM_resource_grant_table,
		XENMEM_resource_grant_table_id_shared, 0, size.nr_frames,
		&table, PROT_READ, 0);
	if (!res) {
		printf("unreadable grant table of %u\n", dom);
		return;
	}
	entry = table;
	n = size.nr_frames * XC_PAGE_SIZE / sizeof(*entry);
	for (i = 0; i < n; i++) {
		uint16_t flags = entry[i].flags;

		if (!(flags & GTF_type_mask))
			continue;
		snprintf(key, sizeof(key), "grant %u %u", dom, entry[i].domid);
		count(key);
		if (flags & (GTF_reading | GTF_writing)) {
			snprintf(key, sizeof(key), "mapped %u %u", dom,
				 entry[i].domid);
			count(key);
		}
	}
	xenforeignmemory_unmap_resource(fmem, res);
}

int usage_print(void)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	xenforeignmemory_handle *fmem = xenforeignmemory_open(NULL, 0);
	xc_dominfo_t info[MAX_DOMS];
	unsigned int j;
	int i, n;

	if (!xch || !fmem) {
		perror("labctl: libxenctrl");
		return 1;
	}
	n = xc_domain_getinfo(xch, 0, MAX_DOMS, info);
	for (i = 0; i < n; i++) {
		if (info[i].dying) {
			printf("dying %u\n", info[i].domid);
			continue;
		}
		count_ports(xch, info[i].domid);
		if (info[i].domid)
			count_grants(xch, fmem, info[i].domid);
	}
	for (j = 0; j < nr_lines; j++)
		printf("%s %u\n", lines[j].key, lines[j].count);
	return n < 0;
}
