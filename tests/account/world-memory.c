// SPDX-License-Identifier: GPL-2.0
/* The pages of both guests, in one memfd; memory that the driver allocates. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "world-guest.h"

struct page world_frames[FRAMES];
int world_memory = -1;
static u32 free_frames[FRAMES], nr_free;
static char *direct;
static u64 objects;

void *page_address(const struct page *page)
{
	return direct + ((page - world_frames) << PAGE_SHIFT);
}

struct page *alloc_page(gfp_t gfp)
{
	struct page *page;

	co_yield ();
	must(nr_free);
	page = &world_frames[free_frames[--nr_free]];
	must(!page->used);
	page->used = true;
	memset(page_address(page), gfp & __GFP_ZERO ? 0 : 0x5a, PAGE_SIZE);
	return page;
}

void __free_page(struct page *page)
{
	must(page->used && !page->mapped && !page->granted);
	page->used = false;
	memset(page_address(page), 0xdd, PAGE_SIZE);
	free_frames[nr_free++] = (u32)(page - world_frames);
}

struct page *stub_zero_page(void)
{
	return &world_frames[0];
}

void *kmalloc(size_t size, gfp_t gfp)
{
	co_yield ();
	objects++;
	return gfp & __GFP_ZERO ? calloc(1, size) : malloc(size);
}

void kfree(const void *p)
{
	objects -= !!p;
	free((void *)p);
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	memcpy(to, from, n);
	co_yield ();
	return 0;
}

void world_memory_begin(void)
{
	u32 i;

	if (world_memory < 0) {
		world_memory = memfd_create("pages", MFD_CLOEXEC);
		must(world_memory >= 0);
		must(!ftruncate(world_memory, (off_t)FRAMES << PAGE_SHIFT));
		direct = mmap(NULL, (size_t)FRAMES << PAGE_SHIFT,
			      PROT_READ | PROT_WRITE, MAP_SHARED, world_memory,
			      0);
		must(direct != MAP_FAILED);
	}
	memset(world_frames, 0, sizeof(world_frames));
	nr_free = 0;
	for (i = FRAMES; --i;)
		free_frames[nr_free++] = i;
	world_frames[0].used = true;
	objects = 0;
}

bool world_memory_is_free(void)
{
	u32 i;

	for (i = 1; i < FRAMES; i++)
		if (world_frames[i].used)
			return false;
	return !objects;
}
