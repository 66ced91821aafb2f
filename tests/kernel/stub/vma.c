// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of processes, as mm/mmap.c, mm/mremap.c and mm/memory.c of 6.1 have
 * them, for PFN mappings of files: one region for each mmap(), never merged.
 *
 *   munmap   .may_split for a part; notifiers, page table; .close
 *   mremap   the region is copied with vm_private_data, .open of the copy, the
 *            page table is moved, .mremap of the copy; then the old one is
 *            unmapped, or, if .mremap has refused, the copy
 *   fork     copies what is not VM_DONTCOPY; MADV_DOFORK is refused for VM_IO
 *   fault    .fault under mmap_lock for reading
 *
 * A region has addresses of this program, so a store of a process is a store,
 * and what was taken out of its page table faults, into .fault.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <linux/memcontrol.h>

#include "inner.h"

static LIST_HEAD(all); /* regions, under stub_ptl */

static struct mm_struct *current_mm(void)
{
	BUG_ON(!stub_in_proc);
	return stub_proc_mm(stub_in_proc);
}

/* -------------------------------------------------------- address spaces */

struct mm_struct *stub_mm_new(void)
{
	struct mm_struct *mm = calloc(1, sizeof(*mm));

	BUG_ON(!mm);
	pthread_rwlock_init(&mm->mmap_lock, NULL);
	pthread_mutex_init(&mm->notify_lock, NULL);
	pthread_cond_init(&mm->notify_cond, NULL);
	INIT_LIST_HEAD(&mm->vmas);
	INIT_LIST_HEAD(&mm->notifiers);
	mm->refs = 1;
	mm->stub_memcg = stub_memcg_new();
	return mm;
}

void stub_mm_get(struct mm_struct *mm)
{
	__atomic_add_fetch(&mm->refs, 1, __ATOMIC_SEQ_CST);
}

void stub_mm_put(struct mm_struct *mm)
{
	if (__atomic_sub_fetch(&mm->refs, 1, __ATOMIC_SEQ_CST))
		return;
	BUG_ON(!list_empty(&mm->vmas) || !list_empty(&mm->notifiers));
	mem_cgroup_put(mm->stub_memcg);
	free(mm);
}

/* ------------------------------------------------------------- notifiers */

int mmu_interval_notifier_insert(struct mmu_interval_notifier *mni,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long length,
				 const struct mmu_interval_notifier_ops *ops)
{
	if (!stub_may_alloc(GFP_KERNEL))
		return -ENOMEM;
	mni->ops = ops;
	mni->mm = mm;
	mni->start = start;
	mni->end = start + length;
	stub_mm_get(mm);
	stub_lock(&mm->notify_lock);
	mni->invalidate_seq = mm->notify_seq - 1;
	list_add_tail(&mni->stub_node, &mm->notifiers);
	stub_unlock(&mm->notify_lock);
	return 0;
}

int mmu_interval_notifier_insert_locked(
	struct mmu_interval_notifier *mni, struct mm_struct *mm,
	unsigned long start, unsigned long length,
	const struct mmu_interval_notifier_ops *ops)
{
	return mmu_interval_notifier_insert(mni, mm, start, length, ops);
}

/* Waits for an invalidation that runs. */
void mmu_interval_notifier_remove(struct mmu_interval_notifier *mni)
{
	struct mm_struct *mm = mni->mm;

	might_sleep();
	stub_lock(&mm->notify_lock);
	while (mm->invalidating)
		pthread_cond_wait(&mm->notify_cond, &mm->notify_lock);
	list_del(&mni->stub_node);
	stub_unlock(&mm->notify_lock);
	stub_mm_put(mm);
}

unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *mni)
{
	struct mm_struct *mm = mni->mm;
	unsigned long seq;

	might_sleep();
	stub_lock(&mm->notify_lock);
	while (mm->invalidating)
		pthread_cond_wait(&mm->notify_cond, &mm->notify_lock);
	seq = mm->notify_seq;
	stub_unlock(&mm->notify_lock);
	return seq;
}

bool mmu_interval_read_retry(struct mmu_interval_notifier *mni,
			     unsigned long seq)
{
	return READ_ONCE(mni->invalidate_seq) != seq &&
	       READ_ONCE(mni->mm->notify_seq) != seq;
}

static struct mmu_interval_notifier *next_of(struct mm_struct *mm,
					     struct list_head **at)
{
	struct list_head *next;

	stub_lock(&mm->notify_lock);
	next = (*at)->next;
	*at = next;
	stub_unlock(&mm->notify_lock);
	return next == &mm->notifiers
		       ? NULL
		       : list_entry(next, struct mmu_interval_notifier,
				    stub_node);
}

/* None is removed between these two. */
static void invalidate_start(struct mm_struct *mm, unsigned long start,
			     unsigned long end)
{
	struct mmu_notifier_range range = { start, end, true };
	struct list_head *at = &mm->notifiers;
	struct mmu_interval_notifier *mni;
	unsigned long seq;

	stub_lock(&mm->notify_lock);
	mm->invalidating++;
	seq = ++mm->notify_seq;
	stub_unlock(&mm->notify_lock);
	while ((mni = next_of(mm, &at)))
		if (mni->start < end && start < mni->end)
			/* A later one beside us may have set it since. */
			BUG_ON(!mni->ops->invalidate(mni, &range, seq) ||
			       (long)(READ_ONCE(mni->invalidate_seq) - seq) <
				       0);
}

static void invalidate_end(struct mm_struct *mm)
{
	stub_lock(&mm->notify_lock);
	mm->invalidating--;
	pthread_cond_broadcast(&mm->notify_cond);
	stub_unlock(&mm->notify_lock);
}

/* ------------------------------------------------ page tables: stub_ptl */

/*
 * As an MMU does it: a store of the process comes before or after, and faults.
 * Not by mmap(), which ThreadSanitizer takes for a write to all of the page.
 */
static void remap(void *at, int prot, int flags, int fd, off_t off)
{
	BUG_ON(syscall(SYS_mmap, at, PAGE_SIZE, prot, flags | MAP_FIXED, fd,
		       off) != (long)at);
}

static void show(struct vm_area_struct *vma, u32 i, u32 frame)
{
	void *at = (void *)(vma->vm_start + ((unsigned long)i << PAGE_SHIFT));
	int prot = PROT_READ | (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0);

	remap(at, prot, MAP_SHARED, stub_memory(), (off_t)frame << PAGE_SHIFT);
}

static void hide(struct vm_area_struct *vma, u32 i)
{
	void *at = (void *)(vma->vm_start + ((unsigned long)i << PAGE_SHIFT));

	remap(at, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void pte_set(struct vm_area_struct *vma, u32 i, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	BUG_ON(!page->used && "a free page goes to a process");
	BUG_ON(!page->frame && "a grant goes to a process that is not mapped");
	vma->stub_pte[i] = (pte_t){ pfn + 1, false };
	page->mapped++;
	show(vma, i, page->frame);
}

static void pte_clear(struct vm_area_struct *vma, u32 i)
{
	pte_t *pte = &vma->stub_pte[i];

	if (!pte->frame)
		return;
	BUG_ON(pte->grant && "a foreign frame is left in a PV page table");
	hide(vma, i);
	pfn_to_page(pte->frame - 1)->mapped--;
	pte->frame = 0;
}

static struct vm_area_struct *vma_of_pte(u64 pte, u32 *i)
{
	pte_t *p = (pte_t *)pte;
	struct vm_area_struct *vma;

	list_for_each_entry (vma, &all, stub_all) {
		if (p < vma->stub_pte || p >= vma->stub_pte + vma_pages(vma))
			continue;
		*i = (u32)(p - vma->stub_pte);
		return vma;
	}
	return NULL;
}

/* By the hypervisor, for a PV guest: not 0 if it must not. */
int stub_pte_map(u64 pte, u32 frame)
{
	struct vm_area_struct *vma;
	u32 i;

	vma = vma_of_pte(pte, &i);
	if (!vma || vma->stub_pte[i].frame)
		return -1;
	vma->stub_pte[i] = (pte_t){ frame + 1, true };
	show(vma, i, frame);
	return 0;
}

int stub_pte_unmap(u64 pte, u32 frame)
{
	struct vm_area_struct *vma;
	u32 i;

	vma = vma_of_pte(pte, &i);
	if (!vma || !vma->stub_pte[i].grant ||
	    vma->stub_pte[i].frame != frame + 1)
		return -1;
	vma->stub_pte[i] = (pte_t){ 0, false };
	hide(vma, i);
	return 0;
}

vm_fault_t vmf_insert_pfn(struct vm_area_struct *vma, unsigned long addr,
			  unsigned long pfn)
{
	u32 i = (u32)((addr - vma->vm_start) >> PAGE_SHIFT);

	BUG_ON(!(vma->vm_flags & VM_PFNMAP));
	if (addr < vma->vm_start || addr >= vma->vm_end)
		return VM_FAULT_SIGBUS;
	if (!stub_may_alloc(GFP_KERNEL))
		return VM_FAULT_OOM;
	stub_lock(&stub_ptl);
	/* A frame that is there already stays. */
	if (!vma->stub_pte[i].frame)
		pte_set(vma, i, pfn);
	stub_unlock(&stub_ptl);
	return VM_FAULT_NOPAGE;
}

static struct vm_area_struct *vma_at(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;

	list_for_each_entry (vma, &mm->vmas, stub_in_mm)
		if (addr >= vma->vm_start && addr < vma->vm_end)
			return vma;
	return NULL;
}

int apply_to_page_range(struct mm_struct *mm, unsigned long addr,
			unsigned long size, pte_fn_t fn, void *data)
{
	struct vm_area_struct *vma = vma_at(mm, addr);
	unsigned long at;
	int err = 0;

	if (!vma || !stub_may_alloc(GFP_KERNEL))
		return -ENOMEM;
	/* Linux holds the page table's lock; here the hypervisor takes it. */
	stub_atomic++;
	for (at = addr; at < addr + size && !err; at += PAGE_SIZE)
		err = fn(&vma->stub_pte[(at - vma->vm_start) >> PAGE_SHIFT], at,
			 data);
	stub_atomic--;
	return err;
}

static void zap(struct vm_area_struct *vma, unsigned long start,
		unsigned long end)
{
	unsigned long at;

	invalidate_start(vma->vm_mm, start, end);
	stub_pause();
	stub_lock(&stub_ptl);
	for (at = start; at < end; at += PAGE_SIZE)
		pte_clear(vma, (u32)((at - vma->vm_start) >> PAGE_SHIFT));
	stub_unlock(&stub_ptl);
	invalidate_end(vma->vm_mm);
}

void unmap_mapping_range(struct address_space *mapping, loff_t start,
			 loff_t len, int even_cows)
{
	struct vm_area_struct *vma;
	u64 first, last, from, to;

	(void)even_cows;
	down_read(&mapping->i_mmap_rwsem);
	list_for_each_entry (vma, &mapping->i_mmap, stub_in_mapping) {
		first = (u64)vma->vm_pgoff << PAGE_SHIFT;
		last = first + (vma->vm_end - vma->vm_start);
		from = max((u64)start, first);
		to = min((u64)(start + len), last);
		if (from < to)
			zap(vma, vma->vm_start + (from - first),
			    vma->vm_start + (to - first));
	}
	up_read(&mapping->i_mmap_rwsem);
}

/* -------------------------------------------------------------- regions */

/* Addresses and a page table; not in any list. NULL: no memory. */
static struct vm_area_struct *vma_new(struct mm_struct *mm, size_t len)
{
	struct vm_area_struct *vma = calloc(1, sizeof(*vma));
	void *at =
		mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	BUG_ON(!vma || at == MAP_FAILED);
	vma->vm_mm = mm;
	vma->vm_start = (unsigned long)at;
	vma->vm_end = vma->vm_start + len;
	vma->stub_pte = calloc(len >> PAGE_SHIFT, sizeof(pte_t));
	BUG_ON(!vma->stub_pte);
	stub_lock(&stub_ptl);
	list_add_tail(&vma->stub_all, &all);
	stub_unlock(&stub_ptl);
	return vma;
}

static void vma_free(struct vm_area_struct *vma)
{
	stub_lock(&stub_ptl);
	list_del(&vma->stub_all);
	stub_unlock(&stub_ptl);
	munmap((void *)vma->vm_start, vma->vm_end - vma->vm_start);
	free(vma->stub_pte);
	free(vma);
}

static void vma_link(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_file->f_mapping;

	list_add_tail(&vma->stub_in_mm, &vma->vm_mm->vmas);
	down_write(&mapping->i_mmap_rwsem);
	list_add_tail(&vma->stub_in_mapping, &mapping->i_mmap);
	up_write(&mapping->i_mmap_rwsem);
}

static void vma_unlink(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_file->f_mapping;

	list_del(&vma->stub_in_mm);
	down_write(&mapping->i_mmap_rwsem);
	list_del(&vma->stub_in_mapping);
	up_write(&mapping->i_mmap_rwsem);
}

/* All of it. Under mmap_lock (write), as the next. */
static void vma_unmap(struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;

	zap(vma, vma->vm_start, vma->vm_end);
	vma_unlink(vma);
	if (vma->vm_ops && vma->vm_ops->close)
		vma->vm_ops->close(vma);
	vma_free(vma);
	fput(file);
}

/* A copy at other addresses, as vm_area_dup(): everything but those. */
static struct vm_area_struct *vma_copy(struct vm_area_struct *from,
				       struct mm_struct *mm, size_t len)
{
	struct vm_area_struct *vma = vma_new(mm, len);

	vma->vm_flags = from->vm_flags;
	vma->vm_pgoff = from->vm_pgoff;
	vma->vm_ops = from->vm_ops;
	vma->vm_private_data = from->vm_private_data;
	vma->vm_file = get_file(from->vm_file);
	if (vma->vm_ops && vma->vm_ops->open)
		vma->vm_ops->open(vma);
	vma_link(vma);
	return vma;
}

static void move_page_tables(struct vm_area_struct *from,
			     struct vm_area_struct *to)
{
	unsigned long pfn;
	u32 i;

	invalidate_start(from->vm_mm, from->vm_start, from->vm_end);
	stub_lock(&stub_ptl);
	for (i = 0; i < vma_pages(from) && i < vma_pages(to); i++) {
		if (!from->stub_pte[i].frame)
			continue;
		pfn = from->stub_pte[i].frame - 1;
		pte_clear(from, i);
		pte_set(to, i, pfn);
	}
	stub_unlock(&stub_ptl);
	invalidate_end(from->vm_mm);
}

static int may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return vma->vm_ops && vma->vm_ops->may_split
		       ? vma->vm_ops->may_split(vma, addr)
		       : 0;
}

void *stub_mmap(size_t len, int prot, int flags, int fd, off_t off)
{
	struct file *file = stub_file(fd);
	struct mm_struct *mm = current_mm();
	struct vm_area_struct *vma;
	void *at;
	int err;

	if (!file)
		return ERR_PTR(-EBADF);
	if (!len || len & ~PAGE_MASK || off & (off_t)~PAGE_MASK) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}
	BUG_ON(pthread_rwlock_wrlock(&mm->mmap_lock));
	vma = vma_new(mm, len);
	vma->vm_file = file;
	vma->vm_pgoff = (unsigned long)off >> PAGE_SHIFT;
	vma->vm_flags = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
			(prot & PROT_READ ? VM_READ : 0) |
			(prot & PROT_WRITE ? VM_WRITE : 0) |
			(prot & PROT_EXEC ? VM_EXEC : 0) |
			(flags & MAP_SHARED ? VM_SHARED | VM_MAYSHARE : 0);
	err = file->f_op->mmap(file, vma);
	if (err) {
		/* As in unmap_region(): without .close. */
		zap(vma, vma->vm_start, vma->vm_end);
		vma_free(vma);
		fput(file);
		at = ERR_PTR(err);
	} else {
		stub_pause();
		vma_link(vma);
		at = (void *)vma->vm_start;
	}
	BUG_ON(pthread_rwlock_unlock(&mm->mmap_lock));
	return at;
}

static int unmap_locked(struct mm_struct *mm, unsigned long at, size_t len)
{
	struct vm_area_struct *vma = vma_at(mm, at);
	int err;

	if (!vma || at + len > vma->vm_end)
		return -EINVAL;
	if (at != vma->vm_start || at + len != vma->vm_end) {
		err = may_split(vma, at != vma->vm_start ? at : at + len);
		BUG_ON(!err && "regions that can be split are not done yet");
		return err;
	}
	vma_unmap(vma);
	return 0;
}

int stub_munmap(void *at, size_t len)
{
	struct mm_struct *mm = current_mm();
	int err;

	BUG_ON(pthread_rwlock_wrlock(&mm->mmap_lock));
	err = unmap_locked(mm, (unsigned long)at, len);
	BUG_ON(pthread_rwlock_unlock(&mm->mmap_lock));
	return err;
}

/* As move_vma(). The new address is the stub's choice, also where one is given.
 */
static void *move(struct vm_area_struct *vma, size_t len)
{
	struct vm_area_struct *copy = vma_copy(vma, vma->vm_mm, len);
	void *at = (void *)copy->vm_start;
	int err = 0;

	move_page_tables(vma, copy);
	if (vma->vm_ops && vma->vm_ops->mremap)
		err = vma->vm_ops->mremap(copy);
	if (err) {
		move_page_tables(copy, vma);
		vma_unmap(copy);
		return ERR_PTR(err);
	}
	vma_unmap(vma);
	return at;
}

static void *mremap_locked(struct mm_struct *mm, unsigned long at, size_t old,
			   size_t len, int flags, void *to)
{
	struct vm_area_struct *vma;
	int err;

	if (flags & MREMAP_FIXED) {
		if (!(flags & MREMAP_MAYMOVE))
			return ERR_PTR(-EINVAL);
		/* A region at the new address is unmapped first. */
		if (to && vma_at(mm, (unsigned long)to)) {
			err = unmap_locked(mm, (unsigned long)to, len);
			if (err)
				return ERR_PTR(err);
		}
	}
	vma = vma_at(mm, at);
	if (!vma || old > vma->vm_end - at)
		return ERR_PTR(-EFAULT);
	if (len > old && vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return ERR_PTR(-EFAULT);
	if (len < old) {
		err = unmap_locked(mm, at + len, old - len);
		if (err)
			return ERR_PTR(err);
	}
	if (!(flags & MREMAP_FIXED) && len == old)
		return (void *)at;
	if (!(flags & MREMAP_MAYMOVE))
		return ERR_PTR(-ENOMEM);
	if (at != vma->vm_start || at + old != vma->vm_end) {
		err = may_split(vma, at != vma->vm_start ? at : at + old);
		BUG_ON(!err && "regions that can be split are not done yet");
		return ERR_PTR(err);
	}
	return move(vma, len);
}

void *stub_mremap(void *at, size_t old, size_t len, int flags, void *to)
{
	struct mm_struct *mm = current_mm();
	void *ret;

	BUG_ON(pthread_rwlock_wrlock(&mm->mmap_lock));
	ret = mremap_locked(mm, (unsigned long)at, old, len, flags, to);
	BUG_ON(pthread_rwlock_unlock(&mm->mmap_lock));
	return ret;
}

int stub_madvise(void *at, size_t len, int advice)
{
	struct mm_struct *mm = current_mm();
	struct vm_area_struct *vma;
	int err = 0;

	(void)len;
	BUG_ON(pthread_rwlock_wrlock(&mm->mmap_lock));
	vma = vma_at(mm, (unsigned long)at);
	if (!vma)
		err = -ENOMEM;
	else if (advice == MADV_DONTFORK)
		vma->vm_flags |= VM_DONTCOPY;
	else if (advice == MADV_DOFORK && !(vma->vm_flags & VM_IO))
		vma->vm_flags &= ~VM_DONTCOPY;
	else
		err = -EINVAL;
	BUG_ON(pthread_rwlock_unlock(&mm->mmap_lock));
	return err;
}

int stub_mprotect(void *at, size_t len, int prot)
{
	struct mm_struct *mm = current_mm();
	struct vm_area_struct *vma;
	unsigned long flags;
	int err = 0;

	BUG_ON(pthread_rwlock_wrlock(&mm->mmap_lock));
	vma = vma_at(mm, (unsigned long)at);
	flags = (prot & PROT_READ ? VM_READ : 0) |
		(prot & PROT_WRITE ? VM_WRITE : 0) |
		(prot & PROT_EXEC ? VM_EXEC : 0);
	if (!vma)
		err = -ENOMEM;
	else if ((flags << 4 & vma->vm_flags) != flags << 4)
		err = -EACCES;
	else if ((unsigned long)at != vma->vm_start ||
		 (unsigned long)at + len != vma->vm_end)
		err = may_split(vma, (unsigned long)at);
	if (!err && vma) {
		vma->vm_flags &= ~(VM_READ | VM_WRITE | VM_EXEC);
		vma->vm_flags |= flags;
		zap(vma, vma->vm_start, vma->vm_end);
	}
	BUG_ON(pthread_rwlock_unlock(&mm->mmap_lock));
	return err;
}

/* As exit_mmap(): the notifiers first, of all addresses at once. */
void stub_mm_exit(struct mm_struct *mm)
{
	invalidate_start(mm, 0, ULONG_MAX);
	invalidate_end(mm);
	BUG_ON(pthread_rwlock_wrlock(&mm->mmap_lock));
	while (!list_empty(&mm->vmas))
		vma_unmap(list_first_entry(&mm->vmas, struct vm_area_struct,
					   stub_in_mm));
	BUG_ON(pthread_rwlock_unlock(&mm->mmap_lock));
}

/* The child's regions have other addresses here. */
void stub_mm_fork(struct mm_struct *from, struct mm_struct *to)
{
	struct vm_area_struct *vma, *copy;
	u32 i;

	BUG_ON(pthread_rwlock_wrlock(&from->mmap_lock));
	list_for_each_entry (vma, &from->vmas, stub_in_mm) {
		if (vma->vm_flags & VM_DONTCOPY)
			continue;
		copy = vma_copy(vma, to, vma->vm_end - vma->vm_start);
		stub_lock(&stub_ptl);
		for (i = 0; i < vma_pages(vma); i++)
			if (vma->stub_pte[i].frame && !vma->stub_pte[i].grant)
				pte_set(copy, i, vma->stub_pte[i].frame - 1);
		stub_unlock(&stub_ptl);
	}
	BUG_ON(pthread_rwlock_unlock(&from->mmap_lock));
}

/* --------------------------------------------------------------- faults */

static struct sigaction before[2];
static _Thread_local sigjmp_buf touched;
static _Thread_local volatile bool touching; /* or it is never stored */

/* 0: try again; else the signal. */
static int handle_fault(struct mm_struct *mm, unsigned long addr, bool write)
{
	struct vm_fault vmf = { .address = addr };
	struct vm_area_struct *vma;
	vm_fault_t ret = 0;
	int sig = 0;

	BUG_ON(pthread_rwlock_rdlock(&mm->mmap_lock));
	vma = vma_at(mm, addr);
	if (!vma || (write && !(vma->vm_flags & VM_WRITE)) ||
	    !(vma->vm_flags & VM_READ)) {
		sig = SIGSEGV;
	} else {
		vmf.vma = vma;
		vmf.pgoff =
			vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
		vmf.flags = write;
		ret = vma->vm_ops && vma->vm_ops->fault
			      ? vma->vm_ops->fault(&vmf)
			      : VM_FAULT_SIGBUS;
		if (ret & VM_FAULT_SIGBUS)
			sig = SIGBUS;
		else
			BUG_ON(!(ret & (VM_FAULT_NOPAGE | VM_FAULT_OOM)));
	}
	BUG_ON(pthread_rwlock_unlock(&mm->mmap_lock));
	return sig;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	unsigned long addr = (unsigned long)info->si_addr;
	struct stub_proc *p = stub_in_proc;
	ucontext_t *uc = context;
	bool known = false;

	if (p) {
		BUG_ON(pthread_rwlock_rdlock(&stub_proc_mm(p)->mmap_lock));
		known = vma_at(stub_proc_mm(p), addr);
		BUG_ON(pthread_rwlock_unlock(&stub_proc_mm(p)->mmap_lock));
	}
	if (known)
		sig = handle_fault(stub_proc_mm(p), addr,
				   uc->uc_mcontext.gregs[REG_ERR] & 2);
	if (known && !sig)
		return;
	if (touching) {
		touching = false;
		siglongjmp(touched, sig);
	}
	/* Not the process's memory, or nobody expects it: a sanitizer's. */
	sigaction(SIGSEGV, &before[0], NULL);
	sigaction(SIGBUS, &before[1], NULL);
}

__attribute__((constructor)) static void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &sa, &before[0]);
	sigaction(SIGBUS, &sa, &before[1]);
}

int stub_touch(void *at, bool write)
{
	volatile char *p = at;
	int sig = sigsetjmp(touched, 1);

	if (!sig) {
		touching = true;
		if (write)
			*p = *p;
		else
			(void)*p;
	}
	touching = false;
	return sig;
}
