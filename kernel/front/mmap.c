// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of a channel in a process.
 *
 *   KCTL, OWN   our pages: plain memory, which stays until the descriptor and
 *               all mappings are gone. Once writing is stopped
 *               (undelivered.c), one scrap page replaces all of the ring.
 *   PEER        the peer's pages, which may have to be unmapped at any moment
 *
 * All are PFN mappings: no get_user_pages() can take a reference to such a
 * page, so the page is unused as soon as it is in no page table. The mappings
 * cannot be split, moved or inherited. But mremap() copies the VMA before it
 * calls .mremap, and unmaps the copy when .mremap refuses. So .open and .close
 * count the VMAs, and the data of a mapping is freed with the last of them.
 *
 * Each region of a channel can be mapped once at a time. libivc needs no more,
 * and the limit bounds the page table memory and, in a PV guest, the grant
 * handles that a process can use.
 *
 * PEER works in one of two ways. In a PVH guest the peer's page has a page
 * frame number in this guest, and is put into the page table like any other
 * page. In a PV guest only a grant operation on the page table entry itself can
 * put a foreign frame there. A struct ivc_pv_mmap records the entries. An MMU
 * notifier removes them, again by a grant operation, before the kernel changes
 * these entries.
 *
 * The fault handler maps everything that can be revoked, under ch->lock. mmap()
 * does not: unmap_mapping_range() would not find the VMA before mmap() has
 * returned.
 *
 * Revoking removes the PV entries first. Then unmap_mapping_range() removes the
 * others. A later fault finds a page of the copy (unread.c), or the zero page.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <asm/xen/hypercall.h>
#include <asm/xen/page.h>
#include <xen/xen.h>

#include "front.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_mod(struct vm_area_struct *vma, unsigned long set,
				unsigned long clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/* PV: the page table entries of a process that hold the peer's frames */
struct ivc_pv_mmap {
	struct mutex lock; /* protects @entry: faults against the notifier */
	struct mmu_interval_notifier notifier;
	unsigned long start;
	u32 nr;
	u32 nr_mapped; /* entries with a handle */
	struct ivc_chan *ch;
	struct entry {
		u64 pte; /* machine address of the page table entry */
		grant_handle_t handle;
	} entry[];
};

static const u32 grant_pte_flags =
	GNTMAP_host_map | GNTMAP_readonly | GNTMAP_application_map |
	GNTMAP_contains_pte | (1 << _GNTMAP_guest_avail0);

/* ---------------------------------------------------------------- PV */

/* Under um->lock. */
static void entries_unmap(struct ivc_pv_mmap *um, u32 from, u32 to)
{
	struct gnttab_unmap_grant_ref op;
	u32 i;

	for (i = from; i < to; i++) {
		if (um->entry[i].handle == INVALID_GRANT_HANDLE)
			continue;
		gnttab_set_unmap_op(&op, um->entry[i].pte, grant_pte_flags,
				    um->entry[i].handle);
		if (WARN_ON(HYPERVISOR_grant_table_op(GNTTABOP_unmap_grant_ref,
						      &op, 1) ||
			    op.status != GNTST_okay))
			continue;
		um->entry[i].handle = INVALID_GRANT_HANDLE;
		um->nr_mapped--;
	}
}

/*
 * The kernel is about to change the page table of these addresses: remove our
 * entries before.
 */
static bool pv_invalidate(struct mmu_interval_notifier *mni,
			  const struct mmu_notifier_range *range,
			  unsigned long seq)
{
	struct ivc_pv_mmap *um =
		container_of(mni, struct ivc_pv_mmap, notifier);
	unsigned long end = um->start + ((unsigned long)um->nr << PAGE_SHIFT);
	unsigned long from, to;

	if (!mmu_notifier_range_blockable(range))
		return false;
	from = max(range->start, um->start);
	to = min(range->end, end);
	mutex_lock(&um->lock);
	/*
	 * Makes a fault that runs at the same time start again: see fault_pv().
	 */
	mmu_interval_set_seq(mni, seq);
	if (from < to)
		entries_unmap(um, (from - um->start) >> PAGE_SHIFT,
			      (to - um->start) >> PAGE_SHIFT);
	mutex_unlock(&um->lock);
	return true;
}

static const struct mmu_interval_notifier_ops pv_notifier_ops = {
	.invalidate = pv_invalidate,
};

/* Record the address of an entry. mmap_lock keeps the page table in place. */
static int entry_find(pte_t *pte, unsigned long addr, void *data)
{
	struct ivc_pv_mmap *um = data;
	u32 i = (addr - um->start) >> PAGE_SHIFT;

	um->entry[i].pte = arbitrary_virt_to_machine(pte).maddr;
	return 0;
}

/* Under um->lock. */
static int entry_map(struct ivc_pv_mmap *um, u32 i)
{
	struct ivc_map *map = &um->ch->map;
	struct gnttab_map_grant_ref op;

	gnttab_set_map_op(&op, um->entry[i].pte, grant_pte_flags,
			  map->refs[i + 1], map->domid);
	if (HYPERVISOR_grant_table_op(GNTTABOP_map_grant_ref, &op, 1) ||
	    op.status != GNTST_okay)
		return -EPROTO;
	um->entry[i].handle = op.handle;
	um->nr_mapped++;
	return 0;
}

/*
 * Under ch->lock, and mmap_lock as each fault. The page table is allocated
 * before um->lock is taken, because reclaiming memory for it may call
 * notifiers. A notifier that runs meanwhile either has finished, which the
 * retry notices, or takes um->lock after this function and removes the new
 * entry.
 */
static vm_fault_t fault_pv(struct ivc_pv_mmap *um, struct vm_area_struct *vma,
			   unsigned long addr)
{
	u32 i = (addr - um->start) >> PAGE_SHIFT;
	unsigned long seq;
	int err = 0;
	bool again;

	/* The copy of the VMA that mremap() makes and will be refused. */
	if (vma->vm_start != um->start || vma->vm_mm != um->notifier.mm)
		return VM_FAULT_SIGBUS;
	do {
		seq = mmu_interval_read_begin(&um->notifier);
		if (um->entry[i].handle == INVALID_GRANT_HANDLE)
			err = apply_to_page_range(um->notifier.mm, addr,
						  PAGE_SIZE, entry_find, um);
		if (err)
			break;
		mutex_lock(&um->lock);
		again = mmu_interval_read_retry(&um->notifier, seq);
		if (!again && um->entry[i].handle == INVALID_GRANT_HANDLE)
			err = entry_map(um, i);
		mutex_unlock(&um->lock);
	} while (again);
	return err ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

static void pv_mmap_free(struct ivc_pv_mmap *um)
{
	mmu_interval_notifier_remove(&um->notifier);
	kvfree(um);
}

/* Under ch->lock and mmap_lock (write). */
static int mmap_pv(struct ivc_chan *ch, struct vm_area_struct *vma)
{
	u32 nr = vma_pages(vma), i;
	struct ivc_pv_mmap *um;
	int err;

	um = kvzalloc(struct_size(um, entry, nr), GFP_KERNEL_ACCOUNT);
	if (!um)
		return -ENOMEM;
	mutex_init(&um->lock);
	um->ch = ch;
	um->start = vma->vm_start;
	um->nr = nr;
	for (i = 0; i < nr; i++)
		um->entry[i].handle = INVALID_GRANT_HANDLE;
	err = mmu_interval_notifier_insert_locked(&um->notifier, vma->vm_mm,
						  vma->vm_start,
						  nr << PAGE_SHIFT,
						  &pv_notifier_ops);
	if (err)
		goto err_free;
	ch->pv_mmap = um;
	return 0;

err_free:
	kvfree(um);
	return err;
}

/* -------------------------------------------------------------- both */

static struct ivc_chan *chan_of(struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

/* The index in ivc_chan.mmaps */
static unsigned int region_of(u64 offset)
{
	return offset >> 28;
}
static_assert(IVC_MAP_OWN == 1ull << 28 && IVC_MAP_PEER == 2ull << 28);

static unsigned int *maps_of(struct vm_area_struct *vma)
{
	return &chan_of(vma)
			->mmaps[region_of((u64)vma->vm_pgoff << PAGE_SHIFT)];
}

static void count_open(struct vm_area_struct *vma)
{
	struct ivc_chan *ch = chan_of(vma);

	mutex_lock(&ch->lock);
	++*maps_of(vma);
	mutex_unlock(&ch->lock);
}

static void count_close(struct vm_area_struct *vma)
{
	struct ivc_chan *ch = chan_of(vma);

	mutex_lock(&ch->lock);
	--*maps_of(vma);
	mutex_unlock(&ch->lock);
}

static vm_fault_t peer_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ivc_chan *ch = chan_of(vma);
	unsigned long addr = vmf->address & PAGE_MASK;
	struct page *page;
	vm_fault_t ret;

	mutex_lock(&ch->lock);
	if (ch->pv_mmap && ch->rx_state == IVC_RX_LIVE) {
		ret = fault_pv(ch->pv_mmap, vma, addr);
	} else {
		page = ivcf_peer_page(ch, (addr - vma->vm_start) >> PAGE_SHIFT);
		ret = vmf_insert_pfn(vma, addr, page_to_pfn(page));
	}
	mutex_unlock(&ch->lock);
	return ret;
}

static int refuse_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static int refuse_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

static void peer_close(struct vm_area_struct *vma)
{
	struct ivc_chan *ch = chan_of(vma);
	struct ivc_pv_mmap *um = NULL;

	mutex_lock(&ch->lock);
	if (!--*maps_of(vma)) {
		um = ch->pv_mmap;
		ch->pv_mmap = NULL;
	}
	mutex_unlock(&ch->lock);
	/* The notifier has removed the entries before .close is called. */
	if (um)
		pv_mmap_free(um);
}

static const struct vm_operations_struct peer_vm_ops = {
	.fault = peer_fault,
	.open = count_open,
	.close = peer_close,
	.may_split = refuse_split,
	.mremap = refuse_mremap,
};

static vm_fault_t insert_own(struct ivc_chan *ch, struct vm_area_struct *vma,
			     u32 first)
{
	unsigned long addr = vma->vm_start;
	vm_fault_t ret = VM_FAULT_NOPAGE;
	u32 i;

	for (i = first; addr < vma->vm_end && ret == VM_FAULT_NOPAGE; i++) {
		ret = vmf_insert_pfn(vma, addr,
				     page_to_pfn(ch->grant.pages[i]));
		addr += PAGE_SIZE;
	}
	return ret;
}

/*
 * Map all of OWN at the first access; for mmap() see the head of this file.
 * Once writing is stopped, the process gets the scrap page, which belongs to
 * this channel and holds only data of this process.
 */
static vm_fault_t own_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vmf->address & PAGE_MASK;
	struct ivc_chan *ch = chan_of(vma);
	struct page *page = ch->grant.pages[1];
	vm_fault_t ret;

	mutex_lock(&ch->lock);
	if (ch->tx_state == IVC_TX_LIVE) {
		ret = insert_own(ch, vma, 1);
	} else {
		/* The control page stays mapped. */
		if (addr != vma->vm_start)
			page = ch->scrap;
		ret = vmf_insert_pfn(vma, addr, page_to_pfn(page));
	}
	mutex_unlock(&ch->lock);
	return ret;
}

static const struct vm_operations_struct kctl_vm_ops = {
	.open = count_open,
	.close = count_close,
	.may_split = refuse_split,
	.mremap = refuse_mremap,
};

static const struct vm_operations_struct own_vm_ops = {
	.fault = own_fault,
	.open = count_open,
	.close = count_close,
	.may_split = refuse_split,
	.mremap = refuse_mremap,
};

static int mmap_kctl(struct ivc_chan *ch, struct vm_area_struct *vma)
{
	vma->vm_ops = &kctl_vm_ops;
	return insert_own(ch, vma, 0) == VM_FAULT_NOPAGE ? 0 : -ENOMEM;
}

static int mmap_own(struct vm_area_struct *vma)
{
	vma->vm_ops = &own_vm_ops;
	return 0;
}

static int mmap_peer(struct ivc_chan *ch, struct vm_area_struct *vma)
{
	vma->vm_ops = &peer_vm_ops;
	if (xen_pv_domain() && !ch->partner && ch->rx_state == IVC_RX_LIVE)
		return mmap_pv(ch, vma);
	return 0;
}

int ivcf_mmap(struct ivc_chan *ch, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	unsigned long size = vma->vm_end - vma->vm_start;
	bool write = offset == IVC_MAP_OWN;
	int err = -EINVAL;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE && !write)
		return -EACCES;
	vm_flags_mod(vma,
		     VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
			     VM_DONTCOPY,
		     VM_MAYEXEC | (write ? 0 : VM_MAYWRITE));

	mutex_lock(&ch->lock);
	if (offset == IVC_MAP_KCTL && size == PAGE_SIZE)
		err = ch->mmaps[0] ? -EBUSY : mmap_kctl(ch, vma);
	else if (!ch->established)
		err = -ENOTCONN;
	else if (offset == IVC_MAP_OWN && size == PAGE_SIZE + ch->tx_size)
		err = ch->mmaps[1] ? -EBUSY : mmap_own(vma);
	else if (offset == IVC_MAP_PEER && size == PAGE_SIZE + ch->rx_size)
		err = ch->mmaps[2] ? -EBUSY : mmap_peer(ch, vma);
	if (!err)
		ch->mmaps[region_of(offset)]++;
	mutex_unlock(&ch->lock);
	return err;
}

/* Count the grant handles of a process's mapping. Under ch->lock. */
void ivcf_mmap_audit(const struct ivc_chan *ch, u64 *charged, u64 *held)
{
	struct ivc_pv_mmap *um = ch->pv_mmap;
	u32 i;

	if (!um)
		return;
	mutex_lock(&um->lock);
	*charged += um->nr_mapped;
	for (i = 0; i < um->nr; i++)
		*held += um->entry[i].handle != INVALID_GRANT_HANDLE;
	mutex_unlock(&um->lock);
}

/*
 * No process has the peer's pages mapped when this returns, and none will.
 * Under ch->lock, which the caller holds until the copy is in place: a process
 * that accesses PEER meanwhile waits in its fault.
 */
void ivcf_mmap_revoke(struct ivc_chan *ch)
{
	struct ivc_pv_mmap *um = ch->pv_mmap;

	/* A partner's pages belong to this guest, and need not be unmapped. */
	if (ch->partner || !ivc_rx_event(&ch->rx_state, IVC_RX_REVOKE))
		return;
	if (um) {
		mutex_lock(&um->lock);
		entries_unmap(um, 0, um->nr);
		mutex_unlock(&um->lock);
	}
	if (ch->mapping)
		unmap_mapping_range(ch->mapping, IVC_MAP_PEER,
				    PAGE_SIZE + (loff_t)ch->rx_size, 1);
}
