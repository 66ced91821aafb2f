// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of an end that the peer may map.
 *
 * A page is allocated zeroed, holds nothing but its part of the channel, and is
 * granted read-only. The page is freed only after the hypervisor has confirmed
 * that no domain maps it, however long that takes (XSA-396).
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/page.h>

#include "front.h"

static struct page **alloc_pages_array(u32 nr)
{
	struct page **pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	u32 i;

	if (!pages)
		return NULL;
	for (i = 0; i < nr; i++) {
		pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO |
				      __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
		if (!pages[i])
			goto err_pages;
	}
	return pages;

err_pages:
	while (i--)
		__free_page(pages[i]);
	kvfree(pages);
	return NULL;
}

static void free_pages_array(struct page **pages, u32 nr)
{
	u32 i;

	for (i = 0; pages && i < nr; i++)
		if (pages[i])
			__free_page(pages[i]);
	kvfree(pages);
}

/* Allocate the two control pages, and a ring of @size bytes. */
int ivcf_grant_alloc(struct ivc_grant *g, u32 size)
{
	struct ivc_kctl *kctl;

	g->nr = IVC_DIR_HEAD + (size >> PAGE_SHIFT);
	g->pages = alloc_pages_array(g->nr);
	if (!g->pages)
		return -ENOMEM;
	kctl = ivcf_grant_kctl(g);
	kctl->magic = IVC_KCTL_MAGIC;
	kctl->version = IVC_PROTOCOL_VERSION;
	return 0;
}

/* Under ch->lock. connect.c and suspend.c read @granted without it. */
static void set_granted(struct ivc_grant *g, u32 granted)
{
	WRITE_ONCE(g->granted, granted);
}

static int grant(struct page *page, domid_t domid, grant_ref_t *ref)
{
	int ret = gnttab_grant_foreign_access(domid, xen_page_to_gfn(page), 1);

	if (ret < 0)
		return ret;
	*ref = ret;
	return 0;
}

static int fill_dir(struct ivc_grant *g, domid_t domid, u32 *dir_gref)
{
	u32 i = g->nr_dir, left = g->nr;
	u32 next = 0;
	int err;

	/* From the last page to the first, because each names the next. */
	while (i--) {
		struct ivc_dir *dir = page_address(g->dir[i]);

		dir->magic = IVC_DIR_MAGIC;
		dir->count = left - i * IVC_DIR_REFS;
		dir->last = i == g->nr_dir - 1;
		dir->next = next;
		memcpy(dir->ref, g->refs + i * IVC_DIR_REFS,
		       dir->count * sizeof(u32));
		left -= dir->count;
		err = grant(g->dir[i], domid, &g->dir_refs[i]);
		if (err)
			return err;
		set_granted(g, g->granted + 1);
		next = g->dir_refs[i];
	}
	*dir_gref = next;
	return 0;
}

static grant_ref_t *alloc_refs(u32 nr)
{
	grant_ref_t *refs =
		kvmalloc_array(nr, sizeof(*refs), GFP_KERNEL_ACCOUNT);
	u32 i;

	for (i = 0; refs && i < nr; i++)
		refs[i] = INVALID_GRANT_REF;
	return refs;
}

/*
 * Grant all pages to @domid, and list the references in a directory. After an
 * error, ivcf_grant_end() and ivcf_grant_end_dir() end the grants that were
 * made.
 */
int ivcf_grant_pages(struct ivc_grant *g, domid_t domid, u32 *dir_gref)
{
	u32 i;
	int err;

	g->nr_dir = DIV_ROUND_UP(g->nr, IVC_DIR_REFS);
	g->refs = alloc_refs(g->nr);
	g->dir_refs = alloc_refs(g->nr_dir);
	g->dir = alloc_pages_array(g->nr_dir);
	if (!g->refs || !g->dir_refs || !g->dir)
		return -ENOMEM;
	for (i = 0; i < g->nr; i++) {
		err = grant(g->pages[i], domid, &g->refs[i]);
		if (err)
			return err;
		set_granted(g, g->granted + 1);
	}
	return fill_dir(g, domid, dir_gref);
}

/* End those of the grants that no domain maps. */
static void end_refs(struct ivc_grant *g, grant_ref_t *refs, u32 nr)
{
	u32 i;

	for (i = 0; g->granted && refs && i < nr; i++) {
		if (refs[i] == INVALID_GRANT_REF ||
		    !gnttab_try_end_foreign_access(refs[i]))
			continue;
		refs[i] = INVALID_GRANT_REF;
		set_granted(g, g->granted - 1);
	}
}

/*
 * The peer has read the directory. ivcf_grant_end() tries again to end the
 * grants of directory pages that the peer still maps.
 */
void ivcf_grant_end_dir(struct ivc_grant *g)
{
	u32 i, left = 0;

	if (!g->dir || !g->dir_refs)
		return;
	end_refs(g, g->dir_refs, g->nr_dir);
	for (i = 0; i < g->nr_dir; i++) {
		if (g->dir_refs[i] != INVALID_GRANT_REF) {
			left++;
		} else if (g->dir[i]) {
			__free_page(g->dir[i]);
			g->dir[i] = NULL;
		}
	}
	if (left)
		return;
	/*
	 * The doorbell handler tests without a lock whether there is a
	 * directory.
	 */
	kvfree(g->dir);
	WRITE_ONCE(g->dir, NULL);
}

/* End the grants that no domain maps. True when none is left. */
bool ivcf_grant_end(struct ivc_grant *g)
{
	ivcf_grant_end_dir(g);
	end_refs(g, g->refs, g->nr);
	return !g->granted;
}

/* Linux frees the pages that are still granted, once they are unmapped. */
static void leave_pages(struct page **pages, const grant_ref_t *refs, u32 nr)
{
	u32 i;

	for (i = 0; pages && refs && i < nr; i++) {
		if (!pages[i] || refs[i] == INVALID_GRANT_REF)
			continue;
		gnttab_end_foreign_access(refs[i], pages[i]);
		pages[i] = NULL;
	}
}

/*
 * Free everything, also if only part of it was made. Pages are still granted
 * here only when the module is unloaded.
 */
void ivcf_grant_free(struct ivc_grant *g)
{
	leave_pages(g->dir, g->dir_refs, g->nr_dir);
	leave_pages(g->pages, g->refs, g->nr);
	free_pages_array(g->dir, g->nr_dir);
	free_pages_array(g->pages, g->nr);
	kvfree(g->dir_refs);
	kvfree(g->refs);
	memset(g, 0, sizeof(*g));
}
