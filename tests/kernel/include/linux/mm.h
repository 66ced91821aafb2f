/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages and address spaces: stub/page.c and stub/vma.c.
 *
 * A page frame is a page of one memory file. The kernel's direct map is that
 * file, mapped once; a process's region maps single frames of it, where the
 * driver's fault handler has put them. So what one domain or process writes the
 * other reads, a page that was taken out of a process is not there any more,
 * and a page that is free is poisoned for the sanitizer.
 */
#ifndef STUB_LINUX_MM_H
#define STUB_LINUX_MM_H

#include <linux/mutex.h>
#include <linux/list.h>
#include <linux/slab.h>

#undef PAGE_SHIFT
#undef PAGE_SIZE
#undef PAGE_MASK
#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define XEN_PAGE_SIZE PAGE_SIZE
#define PAGE_ALIGN(n) (((n) + PAGE_SIZE - 1) & PAGE_MASK)
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)

struct page {
	u32 frame;   /* of the memory file: what is seen at this page */
	u32 granted; /* grants of it that have not been ended */
	u32 mapped;  /* page table entries of processes with this frame */
	bool used;
	bool foreign; /* for grants to be mapped at */
};

void *page_address(const struct page *page);
struct page *virt_to_page(const void *addr);
unsigned long page_to_pfn(const struct page *page);
struct page *pfn_to_page(unsigned long pfn);
struct page *alloc_page(gfp_t gfp);
void __free_page(struct page *page);
unsigned long __get_free_page(gfp_t gfp);
unsigned long get_zeroed_page(gfp_t gfp);
void free_page(unsigned long addr);
struct page *stub_zero_page(void);

#define ZERO_PAGE(addr) stub_zero_page()
#define virt_to_gfn(p) page_to_pfn(virt_to_page(p))
#define xen_page_to_gfn(page) page_to_pfn(page)

/* ------------------------------------------------------- address spaces */

#define VM_READ 0x1ul
#define VM_WRITE 0x2ul
#define VM_EXEC 0x4ul
#define VM_SHARED 0x8ul
#define VM_MAYREAD 0x10ul
#define VM_MAYWRITE 0x20ul
#define VM_MAYEXEC 0x40ul
#define VM_MAYSHARE 0x80ul
#define VM_PFNMAP 0x400ul
#define VM_IO 0x4000ul
#define VM_DONTCOPY 0x20000ul
#define VM_DONTEXPAND 0x40000ul
#define VM_DONTDUMP 0x4000000ul

typedef unsigned int vm_fault_t;

#define VM_FAULT_OOM 0x1u
#define VM_FAULT_SIGBUS 0x2u
#define VM_FAULT_NOPAGE 0x100u

typedef struct {
	unsigned long frame; /* and one, 0: nothing there */
	bool grant;	     /* put there by the hypervisor */
} pte_t;

struct file;
struct address_space;
struct vm_area_struct;

struct mm_struct {
	pthread_rwlock_t mmap_lock;
	struct list_head vmas;
	u32 refs;
	bool exiting;
	pthread_mutex_t notify_lock;
	pthread_cond_t notify_cond;
	struct list_head notifiers;
	u32 invalidating;
	unsigned long notify_seq;
	struct mem_cgroup *stub_memcg;
};

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long address;
	unsigned long pgoff;
	unsigned int flags;
};

struct vm_operations_struct {
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
	int (*may_split)(struct vm_area_struct *vma, unsigned long addr);
	int (*mremap)(struct vm_area_struct *vma);
	int (*mprotect)(struct vm_area_struct *vma, unsigned long start,
			unsigned long end, unsigned long newflags);
	vm_fault_t (*fault)(struct vm_fault *vmf);
	int (*access)(struct vm_area_struct *vma, unsigned long addr, void *buf,
		      int len, int write);
};

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct mm_struct *vm_mm;
	struct file *vm_file;
	const struct vm_operations_struct *vm_ops;
	void *vm_private_data;
	struct list_head stub_in_mm;
	struct list_head stub_all;
	struct list_head stub_in_mapping;
	pte_t *stub_pte; /* one for each page */
};

static inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

vm_fault_t vmf_insert_pfn(struct vm_area_struct *vma, unsigned long addr,
			  unsigned long pfn);
void unmap_mapping_range(struct address_space *mapping, loff_t start,
			 loff_t len, int even_cows);
typedef int (*pte_fn_t)(pte_t *pte, unsigned long addr, void *data);
int apply_to_page_range(struct mm_struct *mm, unsigned long addr,
			unsigned long size, pte_fn_t fn, void *data);

/* A machine address is where a page table entry is. */
struct stub_maddr {
	u64 maddr;
};

static inline struct stub_maddr arbitrary_virt_to_machine(void *p)
{
	return (struct stub_maddr){ (u64)(unsigned long)p };
}

#endif
