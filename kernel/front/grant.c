// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of ours that a peer may map.
 *
 * A page is allocated zeroed, holds nothing but its part of the channel, is
 * granted read-only, and is not freed before the hypervisor has confirmed that
 * nobody maps it any more, however long that takes (XSA-396).
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

/* Pages for a ring of @size bytes, and its two control pages. */
int ivc_own_alloc(struct ivc_own *own, u32 size)
{
	struct ivc_kctl *kctl;

	own->nr = IVC_DIR_HEAD + (size >> PAGE_SHIFT);
	own->pages = alloc_pages_array(own->nr);
	if (!own->pages)
		return -ENOMEM;
	kctl = ivc_own_kctl(own);
	kctl->magic = IVC_KCTL_MAGIC;
	kctl->version = IVC_PROTOCOL_VERSION;
	return 0;
}

/* Under the channel's lock; may_grant() and suspend.c look without it. */
static void set_granted(struct ivc_own *own, u32 granted)
{
	WRITE_ONCE(own->granted, granted);
}

static int grant(struct page *page, domid_t domid, grant_ref_t *ref)
{
	int ret = gnttab_grant_foreign_access(domid, xen_page_to_gfn(page), 1);

	if (ret < 0)
		return ret;
	*ref = ret;
	return 0;
}

static int fill_dir(struct ivc_own *own, domid_t domid, u32 *dir_gref)
{
	u32 i = own->nr_dir, left = own->nr;
	u32 next = 0;
	int err;

	/* From the last to the first: each names the one behind it. */
	while (i--) {
		struct ivc_dir *dir = page_address(own->dir[i]);

		dir->magic = IVC_DIR_MAGIC;
		dir->count = left - i * IVC_DIR_REFS;
		dir->last = i == own->nr_dir - 1;
		dir->next = next;
		memcpy(dir->ref, own->refs + i * IVC_DIR_REFS,
		       dir->count * sizeof(u32));
		left -= dir->count;
		err = grant(own->dir[i], domid, &own->dir_refs[i]);
		if (err)
			return err;
		set_granted(own, own->granted + 1);
		next = own->dir_refs[i];
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
 * Grant everything to @domid and describe it in a directory. On failure what
 * has been granted stays for ivc_own_end() and ivc_own_end_dir().
 */
int ivc_own_grant(struct ivc_own *own, domid_t domid, u32 *dir_gref)
{
	u32 i;
	int err;

	own->nr_dir = DIV_ROUND_UP(own->nr, IVC_DIR_REFS);
	own->refs = alloc_refs(own->nr);
	own->dir_refs = alloc_refs(own->nr_dir);
	own->dir = alloc_pages_array(own->nr_dir);
	if (!own->refs || !own->dir_refs || !own->dir)
		return -ENOMEM;
	for (i = 0; i < own->nr; i++) {
		err = grant(own->pages[i], domid, &own->refs[i]);
		if (err)
			return err;
		set_granted(own, own->granted + 1);
	}
	return fill_dir(own, domid, dir_gref);
}

/* Take back which of these nobody maps. */
static void end_refs(struct ivc_own *own, grant_ref_t *refs, u32 nr)
{
	u32 i;

	for (i = 0; own->granted && refs && i < nr; i++) {
		if (refs[i] == INVALID_GRANT_REF ||
		    !gnttab_try_end_foreign_access(refs[i]))
			continue;
		refs[i] = INVALID_GRANT_REF;
		set_granted(own, own->granted - 1);
	}
}

/*
 * The directory has served. What the peer still maps of it is tried again by
 * ivc_own_end().
 */
void ivc_own_end_dir(struct ivc_own *own)
{
	u32 i, left = 0;

	if (!own->dir || !own->dir_refs)
		return;
	end_refs(own, own->dir_refs, own->nr_dir);
	for (i = 0; i < own->nr_dir; i++) {
		if (own->dir_refs[i] != INVALID_GRANT_REF) {
			left++;
		} else if (own->dir[i]) {
			__free_page(own->dir[i]);
			own->dir[i] = NULL;
		}
	}
	if (left)
		return;
	/* The doorbell looks whether there still is one. */
	kvfree(own->dir);
	WRITE_ONCE(own->dir, NULL);
}

/* Take back what nobody maps. True when nothing is granted any more. */
bool ivc_own_end(struct ivc_own *own)
{
	ivc_own_end_dir(own);
	end_refs(own, own->refs, own->nr);
	return !own->granted;
}

/* Those that are still granted are Linux's from here. */
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
 * Free everything, half-built or not. What is still granted (only when the
 * module goes) Linux frees when the peer lets go.
 */
void ivc_own_free(struct ivc_own *own)
{
	leave_pages(own->dir, own->dir_refs, own->nr_dir);
	leave_pages(own->pages, own->refs, own->nr);
	free_pages_array(own->dir, own->nr_dir);
	free_pages_array(own->pages, own->nr);
	kvfree(own->dir_refs);
	kvfree(own->refs);
	memset(own, 0, sizeof(*own));
}
