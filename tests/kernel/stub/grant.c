// SPDX-License-Identifier: GPL-2.0
/*
 * Grants. Promised as by Xen's public/grant_table.h and Linux's
 * drivers/xen/grant-table.c: a page is mapped as often as somebody does it, by
 * a handle each time; access is not ended while there is one; a reference that
 * has been ended is the next to be given out.
 */
#include "inner.h"

static u32 get_free(u32 *list, u32 *nr_list, u32 *nr, u32 max, u32 first)
{
	if (*nr >= max)
		return UINT_MAX;
	++*nr;
	if (*nr_list)
		return list[--*nr_list];
	return *nr - 1 + first;
}

/* ------------------------------------------------------------- granting */

int gnttab_grant_foreign_access(domid_t dom, unsigned long gfn, int readonly)
{
	struct stub_dom *d = stub_current();
	struct page *page = pfn_to_page(gfn);
	u32 ref;

	stub_pause();
	BUG_ON(!page->used || page->foreign);
	stub_lock(&stub_xen);
	/* 0 to 7 are reserved. */
	ref = get_free(d->free_ref, &d->nr_free_ref, &d->nr_refs,
		       min(d->max_grants, STUB_REFS - 8), 8);
	if (ref != UINT_MAX) {
		d->grants[ref] = (struct stub_grant){
			.used = true,
			.readonly = readonly,
			.to = dom,
			.page = page,
		};
		page->granted++;
	}
	stub_unlock(&stub_xen);
	return ref == UINT_MAX ? -ENOSPC : (int)ref;
}

/* Under the lock. */
static void end(struct stub_dom *d, grant_ref_t ref)
{
	d->grants[ref].used = false;
	d->grants[ref].page->granted--;
	d->free_ref[d->nr_free_ref++] = ref;
	d->nr_refs--;
}

static struct stub_grant *grant_at(struct stub_dom *d, grant_ref_t ref)
{
	BUG_ON(ref >= STUB_REFS || !d->grants[ref].used);
	return &d->grants[ref];
}

int gnttab_try_end_foreign_access(grant_ref_t ref)
{
	struct stub_dom *d = stub_current();
	int done;

	stub_lock(&stub_xen);
	done = !grant_at(d, ref)->maps;
	if (done)
		end(d, ref);
	stub_unlock(&stub_xen);
	return done;
}

/* As soon as it can be; the page is freed then, if there is one. */
void gnttab_end_foreign_access(grant_ref_t ref, struct page *page)
{
	struct stub_dom *d = stub_current();
	bool now;

	stub_lock(&stub_xen);
	now = !grant_at(d, ref)->maps;
	if (now)
		end(d, ref);
	else
		d->grants[ref].deferred = true;
	stub_unlock(&stub_xen);
	if (now && page)
		__free_page(page);
}

void stub_max_grants(struct stub_dom *d, u32 n)
{
	stub_lock(&stub_xen);
	d->max_grants = n;
	stub_unlock(&stub_xen);
}

void stub_max_handles(struct stub_dom *d, u32 n)
{
	stub_lock(&stub_xen);
	d->max_handles = n;
	stub_unlock(&stub_xen);
}

/* -------------------------------------------------------------- mapping */

/* What the hypervisor says to one operation. */
static s16 map_one(struct stub_dom *d, struct gnttab_map_grant_ref *op)
{
	struct stub_dom *from = stub_dom_find(op->dom);
	bool readonly = op->flags & GNTMAP_readonly;
	bool pte = op->flags & GNTMAP_contains_pte;
	struct stub_grant *g;
	s16 status = GNTST_okay;
	u32 handle;

	if (!from)
		return GNTST_bad_domain;
	if (op->ref >= STUB_REFS || !from->grants[op->ref].used)
		return GNTST_bad_gntref;
	g = &from->grants[op->ref];
	if (g->to != d->id)
		return GNTST_permission_denied;
	if (g->readonly && !readonly)
		return GNTST_permission_denied;
	handle = get_free(d->free_handle, &d->nr_free_handle, &d->nr_handles,
			  d->max_handles, 0);
	if (handle == UINT_MAX)
		return GNTST_no_device_space;
	d->handles[handle] = (struct stub_handle){
		.used = true,
		.from = from,
		.ref = op->ref,
		.host_addr = op->host_addr,
		.pte = pte,
	};
	stub_lock(&stub_ptl);
	if (pte)
		status = stub_pte_map(op->host_addr, g->page->frame)
				 ? GNTST_bad_virt_addr
				 : GNTST_okay;
	else
		stub_show_frame(virt_to_page((void *)op->host_addr), g->page,
				!readonly);
	stub_unlock(&stub_ptl);
	if (status != GNTST_okay) {
		d->handles[handle].used = false;
		d->free_handle[d->nr_free_handle++] = handle;
		d->nr_handles--;
		return status;
	}
	g->maps++;
	op->handle = handle;
	return GNTST_okay;
}

static s16 unmap_one(struct stub_dom *d, struct gnttab_unmap_grant_ref *op,
		     struct page **to_free)
{
	struct stub_handle *h;
	struct stub_grant *g;
	s16 status = GNTST_okay;

	if (op->handle >= STUB_REFS || !d->handles[op->handle].used)
		return GNTST_bad_handle;
	h = &d->handles[op->handle];
	if (h->host_addr != op->host_addr)
		return GNTST_bad_virt_addr;
	g = &h->from->grants[h->ref];
	stub_lock(&stub_ptl);
	if (h->pte)
		status = stub_pte_unmap(h->host_addr, g->page->frame)
				 ? GNTST_general_error
				 : GNTST_okay;
	else
		stub_hide_frame(virt_to_page((void *)h->host_addr));
	stub_unlock(&stub_ptl);
	if (status != GNTST_okay)
		return status;
	h->used = false;
	d->free_handle[d->nr_free_handle++] = op->handle;
	d->nr_handles--;
	*to_free = NULL;
	if (!--g->maps && g->deferred) {
		*to_free = g->page;
		end(h->from, h->ref);
	}
	return GNTST_okay;
}

static void map_ops(struct gnttab_map_grant_ref *ops, unsigned int n)
{
	unsigned int i;

	stub_pause();
	stub_lock(&stub_xen);
	for (i = 0; i < n; i++)
		ops[i].status = map_one(stub_current(), &ops[i]);
	stub_unlock(&stub_xen);
}

static void unmap_ops(struct gnttab_unmap_grant_ref *ops, unsigned int n)
{
	struct page *page;
	unsigned int i;

	for (i = 0; i < n; i++) {
		page = NULL;
		stub_lock(&stub_xen);
		ops[i].status = unmap_one(stub_current(), &ops[i], &page);
		stub_unlock(&stub_xen);
		if (page)
			__free_page(page);
	}
}

int HYPERVISOR_grant_table_op(unsigned int cmd, void *ops, unsigned int count)
{
	switch (cmd) {
	case GNTTABOP_map_grant_ref:
		map_ops(ops, count);
		return 0;
	case GNTTABOP_unmap_grant_ref:
		unmap_ops(ops, count);
		return 0;
	default:
		return -ENOSYS;
	}
}

int gnttab_map_refs(struct gnttab_map_grant_ref *ops,
		    struct gnttab_map_grant_ref *kops, struct page **pages,
		    unsigned int count)
{
	unsigned int i;

	(void)kops;
	for (i = 0; i < count; i++)
		BUG_ON(!pages[i]->foreign ||
		       (void *)ops[i].host_addr != page_address(pages[i]));
	map_ops(ops, count);
	return 0;
}

int gnttab_unmap_refs(struct gnttab_unmap_grant_ref *ops,
		      struct gnttab_unmap_grant_ref *kops, struct page **pages,
		      unsigned int count)
{
	unsigned int i;

	(void)kops;
	(void)pages;
	unmap_ops(ops, count);
	for (i = 0; i < count; i++)
		if (ops[i].status != GNTST_okay)
			return -EINVAL;
	return 0;
}

/* ------------------------------------------------ xenbus's own helpers */

/* Of the other end of @dev, to be written as well. One page only. */
int xenbus_map_ring_valloc(struct xenbus_device *dev, grant_ref_t *refs,
			   unsigned int nr, void *vaddr)
{
	struct gnttab_map_grant_ref op;
	struct page *page;
	int err;

	BUG_ON(nr != 1);
	*(void **)vaddr = NULL;
	err = gnttab_alloc_pages(1, &page);
	if (err)
		return err;
	gnttab_set_map_op(&op, (unsigned long)page_address(page),
			  GNTMAP_host_map, refs[0], (domid_t)dev->otherend_id);
	map_ops(&op, 1);
	if (op.status != GNTST_okay) {
		gnttab_free_pages(1, &page);
		return -EINVAL;
	}
	*(void **)vaddr = page_address(page);
	return 0;
}

int xenbus_unmap_ring_vfree(struct xenbus_device *dev, void *vaddr)
{
	struct stub_dom *d = stub_current();
	struct gnttab_unmap_grant_ref op = { .handle = STUB_REFS };
	struct page *page = virt_to_page(vaddr);
	u32 i;

	(void)dev;
	stub_lock(&stub_xen);
	for (i = 0; i < STUB_REFS; i++)
		if (d->handles[i].used &&
		    d->handles[i].host_addr == (unsigned long)vaddr)
			break;
	stub_unlock(&stub_xen);
	gnttab_set_unmap_op(&op, (unsigned long)vaddr, 0, i);
	unmap_ops(&op, 1);
	BUG_ON(op.status != GNTST_okay);
	gnttab_free_pages(1, &page);
	return 0;
}

int xenbus_setup_ring(struct xenbus_device *dev, gfp_t gfp, void *vaddr,
		      unsigned int nr, grant_ref_t *refs)
{
	struct page *page;
	int ref;

	BUG_ON(nr != 1);
	refs[0] = INVALID_GRANT_REF;
	*(void **)vaddr = NULL;
	page = alloc_page(gfp | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	ref = gnttab_grant_foreign_access((domid_t)dev->otherend_id,
					  page_to_pfn(page), 0);
	if (ref < 0) {
		__free_page(page);
		return ref;
	}
	refs[0] = (grant_ref_t)ref;
	*(void **)vaddr = page_address(page);
	return 0;
}

void xenbus_teardown_ring(void *vaddr, unsigned int nr, grant_ref_t *refs)
{
	struct page *page;

	BUG_ON(nr != 1);
	if (!*(void **)vaddr)
		return;
	page = virt_to_page(*(void **)vaddr);
	if (refs[0] != INVALID_GRANT_REF)
		gnttab_end_foreign_access(refs[0], page);
	else
		__free_page(page);
	refs[0] = INVALID_GRANT_REF;
	*(void **)vaddr = NULL;
}

int xenbus_alloc_evtchn(struct xenbus_device *dev, evtchn_port_t *port)
{
	struct evtchn_alloc_unbound arg = {
		.dom = DOMID_SELF,
		.remote_dom = (domid_t)dev->otherend_id,
	};
	int err = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &arg);

	if (!err)
		*port = arg.port;
	return err;
}

int xenbus_free_evtchn(struct xenbus_device *dev, evtchn_port_t port)
{
	struct evtchn_close arg = { .port = port };

	(void)dev;
	return HYPERVISOR_event_channel_op(EVTCHNOP_close, &arg);
}
