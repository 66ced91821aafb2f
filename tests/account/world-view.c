// SPDX-License-Identifier: GPL-2.0
/* The mappings of the two processes: page faults, and pages taken away. */
#include <sys/mman.h>

#include "world-guest.h"

static void hide(struct world_end *e, int v, u32 p)
{
	if (!e->shown[v][p])
		return;
	must(!mprotect(e->view[v] + p * PAGE_SIZE, PAGE_SIZE, PROT_NONE));
	e->shown[v][p]->mapped--;
	e->shown[v][p] = NULL;
}

static void show(struct world_end *e, int v, u32 p, struct page *page)
{
	uint8_t *at = e->view[v] + p * PAGE_SIZE;

	hide(e, v, p);
	must(page->used);
	must(mmap(at, PAGE_SIZE, PROT_READ | (v == VIEW_OWN ? PROT_WRITE : 0),
		  MAP_SHARED | MAP_FIXED, world_memory,
		  (off_t)(page - world_frames) << PAGE_SHIFT) == at);
	page->mapped++;
	e->shown[v][p] = page;
}

void unmap_mapping_range(struct address_space *mapping, loff_t start,
			 loff_t len, int even_cows)
{
	struct world_end *e = (struct world_end *)mapping;
	int v = start >= (loff_t)IVC_MAP_PEER ? VIEW_PEER : VIEW_OWN;
	u32 p = (u32)(start & 0xfffffff) >> PAGE_SHIFT;

	(void)even_cows;
	for (; len > 0; len -= PAGE_SIZE)
		hide(e, v, p++);
}

/* mmap.c */
void ivcf_mmap_revoke(struct ivc_chan *ch)
{
	if (ch->partner || !ivc_rx_event(&ch->rx_state, IVC_RX_REVOKE))
		return;
	if (ch->mapping)
		unmap_mapping_range(ch->mapping, IVC_MAP_PEER,
				    PAGE_SIZE + (loff_t)ch->rx_size, 1);
}

static void fault(struct world_end *e, int v, u32 p)
{
	struct ivc_chan *ch = e->ch;
	u32 i;

	mutex_lock(&ch->lock);
	if (v == VIEW_PEER)
		show(e, v, p, ivcf_peer_page(ch, p));
	else if (v == VIEW_KCTL)
		show(e, v, p, ch->grant.pages[0]);
	else if (ch->tx_state != IVC_TX_LIVE)
		show(e, v, p, p ? ch->scrap : ch->grant.pages[1]);
	else
		for (i = 0; i < e->nr[v]; i++)
			show(e, v, i, ch->grant.pages[1 + i]);
	mutex_unlock(&ch->lock);
}

bool world_fault(void *at)
{
	int i, v;

	for (i = 0; i < 2; i++) {
		for (v = 0; v < VIEWS; v++) {
			size_t off =
				(size_t)((uint8_t *)at - world_ends[i].view[v]);

			if (off >= world_ends[i].nr[v] * PAGE_SIZE)
				continue;
			co_enter_kernel();
			fault(&world_ends[i], v, off >> PAGE_SHIFT);
			co_leave_kernel();
			co_yield ();
			return true;
		}
	}
	return false;
}

void world_unmap_views(struct world_end *e, int first)
{
	int v;
	u32 p;

	for (v = first; v < VIEWS; v++)
		for (p = 0; p < e->nr[v]; p++)
			hide(e, v, p);
}

void world_zap(int i)
{
	world_unmap_views(&world_ends[i], VIEW_OWN);
}

void *world_view(int i, int view, size_t *size)
{
	*size = world_ends[i].nr[view] * PAGE_SIZE;
	return world_ends[i].view[view];
}

void world_map_views(struct world_end *e)
{
	struct ivc_chan *ch = e->ch;
	int v;

	e->nr[VIEW_KCTL] = 1;
	e->nr[VIEW_OWN] = 1 + (ch->tx_size >> PAGE_SHIFT);
	e->nr[VIEW_PEER] = 1 + (ch->rx_size >> PAGE_SHIFT);
	for (v = 0; v < VIEWS && !e->view[v]; v++) {
		e->view[v] = mmap(NULL, MAX_PAGES * PAGE_SIZE, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(e->view[v] != MAP_FAILED);
	}
	show(e, VIEW_KCTL, 0, ch->grant.pages[0]);
}
