// SPDX-License-Identifier: GPL-2.0
/* Pages, and kmalloc. include/linux/mm.h says what a page is here. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/sched.h>

#include "inner.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define poison(p) __asan_poison_memory_region((p), PAGE_SIZE)
#define unpoison(p) __asan_unpoison_memory_region((p), PAGE_SIZE)
#else
#define poison(p) ((void)(p))
#define unpoison(p) ((void)(p))
#endif

struct page stub_page[STUB_FRAMES];
pthread_mutex_t stub_ptl = PTHREAD_MUTEX_INITIALIZER;

static u32 free_frames[STUB_FRAMES]; /* first in, first out */
static u32 first_free, nr_free;
static char *direct; /* the direct map */
static int memory = -1;
static u64 used, objects, failing;

/* Under stub_ptl. */
static void start(void)
{
	u32 i;

	memory = memfd_create("pages", MFD_CLOEXEC);
	BUG_ON(memory < 0);
	BUG_ON(ftruncate(memory, (off_t)STUB_FRAMES << PAGE_SHIFT));
	direct = mmap(NULL, (size_t)STUB_FRAMES << PAGE_SHIFT,
		      PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	BUG_ON(direct == MAP_FAILED);
	/* Frame 0 is nobody's. */
	for (i = 1; i < STUB_FRAMES; i++) {
		stub_page[i].frame = i;
		free_frames[nr_free++] = i;
	}
}

int stub_memory(void)
{
	return memory;
}

void *page_address(const struct page *page)
{
	return direct + ((page - stub_page) << PAGE_SHIFT);
}

struct page *virt_to_page(const void *addr)
{
	size_t off = (size_t)((const char *)addr - direct);

	BUG_ON(off >= (size_t)STUB_FRAMES << PAGE_SHIFT);
	return &stub_page[off >> PAGE_SHIFT];
}

unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)(page - stub_page);
}

struct page *pfn_to_page(unsigned long pfn)
{
	BUG_ON(pfn >= STUB_FRAMES);
	return &stub_page[pfn];
}

/* False: this allocation is the one that fails. */
bool stub_may_alloc(gfp_t gfp)
{
	u64 left = __atomic_load_n(&failing, __ATOMIC_RELAXED);

	if (!(gfp & (GFP_ATOMIC | GFP_NOWAIT))) {
		might_sleep();
		stub_act();
		BUG_ON(stub_frozen() && !(gfp & GFP_NOIO) &&
		       !(current->flags & PF_MEMALLOC_NOIO) &&
		       "memory is waited for while the guest is frozen");
	}
	if (gfp & __GFP_NOFAIL)
		return true;
	while (left)
		if (__atomic_compare_exchange_n(&failing, &left, left - 1,
						false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return left != 1;
	return true;
}

void stub_fail(u64 n)
{
	__atomic_store_n(&failing, n, __ATOMIC_RELAXED);
}

struct page *alloc_page(gfp_t gfp)
{
	struct page *page;

	if (!stub_may_alloc(gfp))
		return NULL;
	stub_charge(gfp);
	stub_lock(&stub_ptl);
	if (memory < 0)
		start();
	BUG_ON(!nr_free);
	page = &stub_page[free_frames[first_free]];
	first_free = (first_free + 1) % STUB_FRAMES;
	nr_free--;
	used++;
	stub_unlock(&stub_ptl);
	BUG_ON(page->used || page->granted || page->mapped);
	page->used = true;
	unpoison(page_address(page));
	/* Of somebody else's: what nobody zeroes is seen. */
	memset(page_address(page), gfp & __GFP_ZERO ? 0 : 0x5a, PAGE_SIZE);
	return page;
}

void __free_page(struct page *page)
{
	u32 nr = (u32)(page - stub_page);

	BUG_ON(!page->used && "page is freed twice");
	BUG_ON(page->granted && "page is freed that is still granted");
	BUG_ON(READ_ONCE(page->mapped) && "page is freed that a process sees");
	BUG_ON(page->foreign && "foreign page is freed as an own one");
	page->used = false;
	poison(page_address(page));
	fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		  (off_t)nr << PAGE_SHIFT, PAGE_SIZE);
	stub_lock(&stub_ptl);
	free_frames[(first_free + nr_free) % STUB_FRAMES] = nr;
	nr_free++;
	used--;
	stub_unlock(&stub_ptl);
}

unsigned long __get_free_page(gfp_t gfp)
{
	struct page *page = alloc_page(gfp);

	return page ? (unsigned long)page_address(page) : 0;
}

unsigned long get_zeroed_page(gfp_t gfp)
{
	return __get_free_page(gfp | __GFP_ZERO);
}

void free_page(unsigned long addr)
{
	if (addr)
		__free_page(virt_to_page((void *)addr));
}

struct page *stub_zero_page(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct page *zero;

	stub_lock(&lock);
	if (!zero)
		zero = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOFAIL);
	stub_unlock(&lock);
	return zero;
}

u64 stub_pages(void)
{
	u64 n;

	stub_lock(&stub_ptl);
	n = used;
	stub_unlock(&stub_ptl);
	return n;
}

/* ------------------------------------------- other domains' pages here */

/* At @at's address @frame is seen, another domain's. Under stub_ptl. */
void stub_show_frame(struct page *at, struct page *frame, bool write)
{
	void *addr = page_address(at);

	BUG_ON(mmap(addr, PAGE_SIZE, PROT_READ | (write ? PROT_WRITE : 0),
		    MAP_SHARED | MAP_FIXED, memory,
		    (off_t)(frame - stub_page) << PAGE_SHIFT) != addr);
	at->frame = frame->frame;
	unpoison(addr);
}

/* Nothing is there any more: an access faults. */
void stub_hide_frame(struct page *at)
{
	void *addr = page_address(at);

	BUG_ON(READ_ONCE(at->mapped) &&
	       "a grant is unmapped that a process still sees");
	BUG_ON(mmap(addr, PAGE_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != addr);
	at->frame = 0;
	poison(addr);
}

int gnttab_alloc_pages(int nr, struct page **pages)
{
	int i;

	for (i = 0; i < nr; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i]) {
			gnttab_free_pages(i, pages);
			return -ENOMEM;
		}
		pages[i]->foreign = true;
		stub_lock(&stub_ptl);
		stub_hide_frame(pages[i]);
		stub_unlock(&stub_ptl);
	}
	return 0;
}

void gnttab_free_pages(int nr, struct page **pages)
{
	int i;

	for (i = 0; i < nr; i++) {
		BUG_ON(!pages[i]->foreign);
		BUG_ON(pages[i]->frame && "still mapped");
		stub_lock(&stub_ptl);
		stub_show_frame(pages[i], pages[i], true);
		pages[i]->frame = (u32)(pages[i] - stub_page);
		stub_unlock(&stub_ptl);
		pages[i]->foreign = false;
		__free_page(pages[i]);
	}
}

/* ------------------------------------------------------------- kmalloc */

void *kmalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (!stub_may_alloc(gfp))
		return NULL;
	stub_charge(gfp);
	p = malloc(size ?: 1);
	BUG_ON(!p);
	memset(p, gfp & __GFP_ZERO ? 0 : 0x5a, size);
	__atomic_add_fetch(&objects, 1, __ATOMIC_RELAXED);
	return p;
}

void kfree(const void *p)
{
	if (!p)
		return;
	__atomic_sub_fetch(&objects, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

u64 stub_objects(void)
{
	return __atomic_load_n(&objects, __ATOMIC_RELAXED);
}
