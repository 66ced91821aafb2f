// SPDX-License-Identifier: GPL-2.0
/*
 * The copy of what a peer has left unread.
 *
 * When a peer goes, its pages go at once, and the process goes on reading as if
 * nothing had happened: from a copy at the same addresses. Copied are the
 * peer's control page (the writer half of the library still looks at `cons`)
 * and the pages between the process's published position and the first header
 * that is not a record; the rest of the region is the zero page, which reads as
 * an empty ring. The library's private position is at or behind the published
 * one, so it finds everything it has not consumed.
 *
 * All of this is the peer's memory until it is copied, and data ever after: the
 * library judges the copy as it judged the original.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "front.h"

static int keep_page(struct ivc_chan *ch, u32 i)
{
	/* PEER is the foreign pages without the kernel's own. */
	const void *from = page_address(ch->foreign.pages[i + 1]);

	if (ch->kept[i])
		return 0;
	ch->kept[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
				 __GFP_NOWARN);
	if (!ch->kept[i])
		return -ENOMEM;
	memcpy(page_address(ch->kept[i]), from, PAGE_SIZE);
	return 0;
}

/* Everything from the process's position to the end of the records. */
static int keep_pages(struct ivc_chan *ch)
{
	struct ivc_walk w = {
		.data = ch->foreign.pages + IVC_DIR_HEAD,
		.cells = ch->rx_size >> IVC_CELL_SHIFT,
	};
	/* Our own process's word: it can only fool itself with it. */
	u32 pos = ivc_load(&ivc_own_ctrl(&ch->own)->cons);
	u32 end, at, off;
	int garbage, err;

	err = keep_page(ch, 0);
	if (err)
		return err;
	garbage = ivc_walk(&w, pos, &end, &ch->kept_bytes);
	/* The last one is the header that ends the walk. */
	for (at = pos; at != end + 1; at++) {
		off = (at & (w.cells - 1)) << IVC_CELL_SHIFT;
		err = keep_page(ch, 1 + (off >> PAGE_SHIFT));
		if (err)
			return err;
	}
	/*
	 * A peer that still writes while we copy must not get a record half
	 * into the copy: what was empty in the walk stays empty.
	 */
	if (!garbage)
		*(u64 *)(page_address(ch->kept[1 + (off >> PAGE_SHIFT)]) +
			 offset_in_page(off)) = 0;
	ch->taken = end;
	return 0;
}

/*
 * Keep what is unread, up to ch->taken. Under ch->lock, with the process's
 * mapping revoked, so that its position stands still. -ENOMEM keeps nothing,
 * and says so: the channel then ends with that error, and the peer is told that
 * only what had been read has arrived.
 */
int ivc_keep(struct ivc_chan *ch)
{
	int err;

	if (ch->took || !ch->foreign.nr)
		return 0;
	ch->nr_kept = ch->foreign.nr - 1;
	ch->kept = kvcalloc(ch->nr_kept, sizeof(*ch->kept), GFP_KERNEL);
	err = ch->kept ? keep_pages(ch) : -ENOMEM;
	if (err)
		ivc_keep_free(ch);
	else
		ch->took = true;
	return err;
}

void ivc_keep_free(struct ivc_chan *ch)
{
	u32 i;

	for (i = 0; ch->kept && i < ch->nr_kept; i++)
		if (ch->kept[i])
			__free_page(ch->kept[i]);
	kvfree(ch->kept);
	ch->kept = NULL;
}
