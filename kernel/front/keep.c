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

static const u64 *header(const struct ivc_chan *ch, u32 pos)
{
	size_t off = (size_t)(pos & ((ch->rx_size >> IVC_CELL_SHIFT) - 1))
		     << IVC_CELL_SHIFT;
	struct page *page =
		ch->foreign.pages[IVC_DIR_HEAD + (off >> PAGE_SHIFT)];

	return page_address(page) + offset_in_page(off);
}

/*
 * How many cells of records there are from @pos, and bytes in them. @empty:
 * they end in an empty header, not in garbage.
 */
static u32 unread(const struct ivc_chan *ch, u32 pos, u64 *bytes, bool *empty)
{
	u32 cells = ch->rx_size >> IVC_CELL_SHIFT;
	u32 done = 0, len;

	*empty = true;
	while (done < cells) {
		/* Acquire pairs with the producer's release of the header. */
		u64 hdr = ivc_load_acq(header(ch, pos + done));
		int n = ivc_ring_parse(hdr, pos + done, cells, &len);

		if (n <= 0) {
			*empty = !n;
			break;
		}
		done += n;
		*bytes += len;
	}
	return min(done, cells);
}

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

/*
 * Keep what is unread. Under ch->lock, with the process's mapping revoked, so
 * that its published position stands still. -ENOMEM loses data and says so:
 * the channel then ends with that error.
 */
int ivc_keep(struct ivc_chan *ch)
{
	u32 cells = ch->rx_size >> IVC_CELL_SHIFT;
	u32 pos, n, i, off;
	bool empty;
	int err;

	if (!ch->foreign.nr)
		return 0;
	ch->nr_kept = ch->foreign.nr - 1;
	ch->kept = kvcalloc(ch->nr_kept, sizeof(*ch->kept), GFP_KERNEL);
	if (!ch->kept)
		return -ENOMEM;
	err = keep_page(ch, 0);
	if (err)
		return err;
	/* Our own process's word: it can only fool itself with it. */
	pos = ivc_load(&ivc_own_ctrl(&ch->own)->cons);
	n = unread(ch, pos, &ch->kept_bytes, &empty);
	/* One cell more: the header that ends the walk. */
	for (i = 0; i <= n; i++) {
		u32 cell = (pos + i) & (cells - 1);

		err = keep_page(ch, 1 + (cell << IVC_CELL_SHIFT >> PAGE_SHIFT));
		if (err)
			return err;
	}
	/*
	 * A peer that still writes while we copy must not get a record half
	 * into the copy: what was empty in the walk stays empty.
	 */
	if (empty && n < cells) {
		off = ((pos + n) & (cells - 1)) << IVC_CELL_SHIFT;
		*(u64 *)(page_address(ch->kept[1 + (off >> PAGE_SHIFT)]) +
			 offset_in_page(off)) = 0;
	}
	return 0;
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
