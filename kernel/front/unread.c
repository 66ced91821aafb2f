// SPDX-License-Identifier: GPL-2.0
/*
 * The copy of what a peer has left unread.
 *
 * When a peer goes, its pages go at once, and the process goes on reading as if
 * nothing had happened: from a copy at the same addresses. Copied are the
 * peer's control page (the writer half of the library still looks at `cons`)
 * and the pages of the records from the process's published position on; the
 * rest of the region is the zero page, which reads as an empty ring. The
 * library's private position is at or behind the published one, so it finds
 * everything it has not consumed.
 *
 * All of this is the peer's memory, which it may change at any moment, until it
 * is copied. So every page is copied once, and all that decides anything (which
 * page is needed next, how much was kept, what the process may see) is read
 * from the copy, never again from the peer. What was not copied is not there:
 * no record begins on such a page.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "front.h"

static int copy_one_page(struct ivc_chan *ch, u32 i)
{
	/* PEER is the foreign pages without the kernel's own. */
	const void *from = page_address(ch->map.pages[i + 1]);

	if (ch->unread[i])
		return 0;
	ch->unread[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
				   __GFP_NOWARN);
	if (!ch->unread[i])
		return -ENOMEM;
	memcpy(page_address(ch->unread[i]), from, PAGE_SIZE);
	return 0;
}

static struct ivc_records copied_records(const struct ivc_chan *ch)
{
	return (struct ivc_records){
		.data = ch->unread + 1,
		.cells = ch->rx_size >> IVC_CELL_SHIFT,
		.hidden = ch->unread_hidden,
	};
}

static int copy_all(struct ivc_chan *ch)
{
	int err = 0;
	u32 i;

	for (i = 0; i < ch->nr_unread && !err; i++)
		err = copy_one_page(ch, i);
	return err;
}

/* The pages of the @n cells from @pos on. */
static int copy_cells(struct ivc_chan *ch, u32 pos, u32 n)
{
	u32 mask = (ch->rx_size >> IVC_CELL_SHIFT) - 1, i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = copy_one_page(ch,
				    1 + (((pos + i) & mask) << IVC_CELL_SHIFT >>
					 PAGE_SHIFT));
	return err;
}

/*
 * Copy the records from @pos on, the copy of each header saying how far the
 * next step goes. ch->took_until is where they end.
 */
static int copy_records(struct ivc_chan *ch, u32 pos)
{
	struct ivc_records live = {
		.data = ch->map.pages + IVC_DIR_HEAD,
		.cells = ch->rx_size >> IVC_CELL_SHIFT,
	};
	struct ivc_records copy = copied_records(ch);
	u32 end, at = pos, len;
	u64 bytes, unread_bytes = 0;
	int n, err, garbage;

	/*
	 * Only how far it makes sense to go: a record that the peer writes
	 * meanwhile may be half in the copy, so none behind this one counts.
	 * Its acquire comes before the copying.
	 */
	garbage = ivcf_record_walk(&live, pos, &end, &bytes);
	for (;;) {
		err = copy_cells(ch, at, 1);
		if (err)
			return err;
		n = ivcf_record_parse(&copy, at, &len);
		if (n <= 0 || n > end - at)
			break;
		err = copy_cells(ch, at, n);
		if (err)
			return err;
		at += n;
		unread_bytes += len;
	}
	/*
	 * Garbage stays, for the library to judge. What was no garbage a moment
	 * ago is a header that was copied while it was written.
	 */
	if (n > 0 || (n < 0 && at == end && !garbage))
		*(u64 *)ivcf_record_cell(&copy, at) = 0;
	ch->took_until = at;
	ch->unread_bytes = unread_bytes;
	return 0;
}

static int copy_pages(struct ivc_chan *ch)
{
	const struct ivc_kctl *peer = page_address(ch->map.pages[0]);
	int err;

	err = copy_one_page(ch, 0);
	if (err)
		return err;
	/* Our own process's word: it can only fool itself with it. */
	err = copy_records(ch, ivc_load(&ivcf_grant_ctrl(&ch->grant)->cons));
	if (err)
		return err;
	/*
	 * A peer that takes headers back may do so while our process stands in
	 * a record whose header was there: it needs the payload. The fence
	 * pairs with the one in ivcf_undelivered_cut_off(): whoever has found a
	 * header gone sees why.
	 */
	ivc_fence();
	return ivc_load(&peer->cut_off) ? copy_all(ch) : 0;
}

/*
 * Better none of it than some of it twice. Our process may have seen it, and
 * must not see what becomes of the pages.
 */
static void drop_copy(struct ivc_chan *ch)
{
	if (ch->mapping)
		unmap_mapping_range(ch->mapping, IVC_MAP_PEER,
				    PAGE_SIZE + (loff_t)ch->rx_size, 1);
	ivcf_unread_free(ch);
}

/*
 * Whether the peer has cut us off: then our process shall read nothing of it
 * that it has not begun; nor, as long as the peer has not decided. Under
 * ch->lock, after DETACHED was published, until the channel has ended.
 */
void ivcf_unread_check_cut(struct ivc_chan *ch)
{
	struct ivc_records r = copied_records(ch);
	u32 cut;

	if (ch->rx_state < IVC_RX_COPIED || !ch->unread || !ch->peer_kctl)
		return;
	/* Pairs with the fence in the peer's ivcf_undelivered_cut_off(). */
	ivc_fence();
	cut = ivc_load_acq(&ch->peer_kctl->cut_off);
	if (cut == IVC_WIRE_UNCUT && ch->rx_state == IVC_RX_HIDDEN) {
		ivc_rx_event(&ch->rx_state, IVC_RX_SHOW);
		ivcf_record_restore(&r);
		kvfree(ch->unread_hidden);
		ch->unread_hidden = NULL;
	} else if (cut != IVC_WIRE_UNCUT && ch->rx_state == IVC_RX_COPIED) {
		ch->unread_hidden =
			ivcf_record_hide(&r, &ivcf_grant_ctrl(&ch->grant)
						      ->reader_pos);
		if (ch->unread_hidden)
			ivc_rx_event(&ch->rx_state, IVC_RX_HIDE);
		else
			drop_copy(ch);
	}
}

/* The channel ends. A peer that died before it had decided has not cut us. */
void ivcf_unread_end(struct ivc_chan *ch)
{
	struct ivc_records r = copied_records(ch);

	ivcf_unread_check_cut(ch);
	if (ch->rx_state == IVC_RX_HIDDEN && ch->peer_kctl &&
	    ivc_load_acq(&ch->peer_kctl->cut_off) != IVC_WIRE_CUT) {
		ivc_rx_event(&ch->rx_state, IVC_RX_SHOW);
		ivcf_record_restore(&r);
	}
}

/*
 * Keep what is unread, up to ch->took_until. Under ch->lock, with the process's
 * mapping revoked, so that its position stands still. -ENOMEM keeps nothing,
 * and says so: the channel then ends with that error, and the peer is told that
 * only what had been read has arrived.
 */
int ivcf_unread_copy(struct ivc_chan *ch)
{
	int err;

	if (ch->rx_state >= IVC_RX_COPIED || !ch->map.nr)
		return 0;
	ch->nr_unread = ch->map.nr - 1;
	ch->unread = kvcalloc(ch->nr_unread, sizeof(*ch->unread),
			      GFP_KERNEL_ACCOUNT);
	err = ch->unread ? copy_pages(ch) : -ENOMEM;
	if (err)
		ivcf_unread_free(ch);
	else
		ivc_rx_event(&ch->rx_state, IVC_RX_COPY);
	return err;
}

void ivcf_unread_free(struct ivc_chan *ch)
{
	u32 i;

	for (i = 0; ch->unread && i < ch->nr_unread; i++)
		if (ch->unread[i])
			__free_page(ch->unread[i]);
	kvfree(ch->unread);
	ch->unread = NULL;
	kvfree(ch->unread_hidden);
	ch->unread_hidden = NULL;
}
