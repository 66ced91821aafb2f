// SPDX-License-Identifier: GPL-2.0
/*
 * The peer's pages in this kernel, mapped read-only.
 *
 * The directory is memory of the peer, who may change it at any moment. So each
 * page of it is mapped, copied once and unmapped, and only the copy is checked.
 * The grant references are not read again: PV page tables of a process (mmap.c)
 * use the copy, too.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/xen/hypercall.h>
#include <xen/balloon.h>

#include "front.h"

/* Map operations per hypercall. Bounds the size of the array. */
#define BATCH 64u

/*
 * Unmapping must not fail, so its operations are not allocated. One hypercall
 * unmaps as many pages as possible, because the hypervisor flushes the TLBs of
 * a translated guest at the end of each.
 */
static DEFINE_MUTEX(unmap_lock);
static struct gnttab_unmap_grant_ref unmap_ops[BATCH];
static struct page *unmap_pages[BATCH];

static void unmap_some(struct page **pages, grant_handle_t *handles, u32 nr)
{
	u32 i, n = 0;

	mutex_lock(&unmap_lock);
	for (i = 0; i < nr; i++) {
		if (handles[i] != INVALID_GRANT_HANDLE) {
			gnttab_set_unmap_op(&unmap_ops[n],
					    (unsigned long)page_address(
						    pages[i]),
					    GNTMAP_host_map | GNTMAP_readonly,
					    handles[i]);
			handles[i] = INVALID_GRANT_HANDLE;
			unmap_pages[n++] = pages[i];
		}
		if (n == BATCH || (n && i == nr - 1)) {
			WARN_ON(gnttab_unmap_refs(unmap_ops, NULL, unmap_pages,
						  n));
			n = 0;
		}
	}
	mutex_unlock(&unmap_lock);
}

/* Whose fault is the hypervisor's error for one page: the peer's or ours? */
static int map_error(s16 status)
{
	switch (status) {
	/* This guest has no handle left: it maps as many pages as it may. */
	case GNTST_no_device_space:
	case GNTST_no_space:
		return -ENOSPC;
	default:
		return -EPROTO;
	}
}

/* Map @nr pages of @domid: all, or none and an error. */
static int map_all(domid_t domid, const grant_ref_t *refs, struct page **pages,
		   grant_handle_t *handles, u32 nr)
{
	struct gnttab_map_grant_ref *ops;
	u32 i, j, n;
	int err = 0;

	for (i = 0; i < nr; i++)
		handles[i] = INVALID_GRANT_HANDLE;
	ops = kcalloc(min(nr, BATCH), sizeof(*ops), GFP_KERNEL_ACCOUNT);
	if (!ops)
		return -ENOMEM;
	for (i = 0; i < nr && !err; i += n) {
		n = min(nr - i, BATCH);
		for (j = 0; j < n; j++)
			gnttab_set_map_op(&ops[j],
					  (unsigned long)page_address(
						  pages[i + j]),
					  GNTMAP_host_map | GNTMAP_readonly,
					  refs[i + j], domid);
		err = gnttab_map_refs(ops, NULL, pages + i, n);
		/* Each element has a status of its own (CVE-2021-26932). */
		for (j = 0; j < n; j++) {
			if (ops[j].status == GNTST_okay)
				handles[i + j] = ops[j].handle;
			else if (!err)
				err = map_error(ops[j].status);
		}
	}
	kfree(ops);
	if (err)
		unmap_some(pages, handles, nr);
	return err;
}

/* Copy one page of @domid. */
static int copy_page_of(domid_t domid, grant_ref_t ref, void *copy)
{
	grant_handle_t handle;
	struct page *page;
	int err;

	err = gnttab_alloc_pages(1, &page);
	if (err)
		return err;
	err = map_all(domid, &ref, &page, &handle, 1);
	if (!err) {
		memcpy(copy, page_address(page), PAGE_SIZE);
		unmap_some(&page, &handle, 1);
	}
	gnttab_free_pages(1, &page);
	return err;
}

static int read_dir(domid_t domid, grant_ref_t gref, grant_ref_t *refs, u32 nr)
{
	struct ivc_dir *dir;
	u32 done = 0;
	int err = 0;

	dir = kmalloc(sizeof(*dir), GFP_KERNEL_ACCOUNT);
	if (!dir)
		return -ENOMEM;
	while (done < nr) {
		u32 want = min(nr - done, IVC_DIR_REFS);

		err = copy_page_of(domid, gref, dir);
		if (err)
			break;
		/*
		 * The directory must have exactly the entries that the sizes
		 * call for.
		 */
		if (dir->magic != IVC_DIR_MAGIC || dir->count != want ||
		    !dir->last != (done + want < nr)) {
			err = -EPROTO;
			break;
		}
		memcpy(refs + done, dir->ref, want * sizeof(*refs));
		done += want;
		gref = dir->next;
	}
	kfree(dir);
	return err;
}

/* Map a ring of @size bytes and its control pages, as listed at @dir_gref. */
int ivcf_map_pages(struct ivc_map *map, domid_t domid, u32 dir_gref, u32 size)
{
	u32 nr = IVC_DIR_HEAD + (size >> PAGE_SHIFT);
	int err = -ENOMEM;

	map->domid = domid;
	map->refs = kvmalloc_array(nr, sizeof(*map->refs), GFP_KERNEL_ACCOUNT);
	map->handles =
		kvmalloc_array(nr, sizeof(*map->handles), GFP_KERNEL_ACCOUNT);
	map->pages = kvcalloc(nr, sizeof(*map->pages), GFP_KERNEL_ACCOUNT);
	if (!map->refs || !map->handles || !map->pages)
		goto err_free;
	err = read_dir(domid, dir_gref, map->refs, nr);
	if (err)
		goto err_free;
	err = gnttab_alloc_pages(nr, map->pages);
	if (err)
		goto err_free;
	err = map_all(domid, map->refs, map->pages, map->handles, nr);
	if (err)
		goto err_pages;
	map->nr = nr;
	return 0;

err_pages:
	gnttab_free_pages(nr, map->pages);
err_free:
	kvfree(map->refs);
	kvfree(map->handles);
	kvfree(map->pages);
	memset(map, 0, sizeof(*map));
	return err;
}

static void unmap_from(struct ivc_map *map, u32 first)
{
	if (map->nr <= first)
		return;
	unmap_some(map->pages + first, map->handles + first, map->nr - first);
	gnttab_free_pages(map->nr - first, map->pages + first);
	map->nr = first;
}

/* Unmap the ring, but not the two control pages. As below. */
void ivcf_unmap_ring(struct ivc_map *map)
{
	unmap_from(map, IVC_DIR_HEAD);
}

/* Unmap all pages. The caller has unmapped them from all processes. */
void ivcf_unmap_pages(struct ivc_map *map)
{
	unmap_from(map, 0);
	kvfree(map->refs);
	kvfree(map->handles);
	kvfree(map->pages);
	memset(map, 0, sizeof(*map));
}
