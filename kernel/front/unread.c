// SPDX-License-Identifier: GPL-2.0
/*
 * The copy of the data that the peer wrote and our process has not read.
 *
 * The peer's pages are unmapped as soon as the peer is detached or dies. The
 * process reads on from a copy at the same addresses. The copy has the peer's
 * control page, because the library still reads `cons` in it, and the pages of
 * all records from the process's published position on. The rest of the region
 * is the zero page, which reads as an empty ring. The library's private
 * position is never before the published one, so the process finds all that it
 * has not consumed.
 *
 * Until a page is copied, the peer may change it at any moment. So each page is
 * copied once. All decisions (the next page to copy, the end of the records,
 * the headers to show) are made from the copy, and the peer's page is not read
 * again. A page that was not copied has no record.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "front.h"

static int copy_one_page(struct ivc_chan *ch, u32 i)
{
	/* The region PEER begins behind the kernel control page. */
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

/* Copy the pages of the @n cells from @pos on. */
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
 * Copy the records from @pos on. The header in the copy says where the next
 * record begins. ch->took_until is set to where they end.
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
	 * An upper bound for the copy: the peer may be writing a record beyond
	 * @end at this moment, so that only a part of it would be copied. The
	 * acquire of the headers comes before the copying.
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
	 * A malformed header stays, for the library to report. But a header
	 * that was well-formed, or absent, a moment ago is one that the peer is
	 * writing, and is removed.
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
	/* Written by our own process, which can only deceive itself. */
	err = copy_records(ch, ivc_load(&ivcf_grant_ctrl(&ch->grant)->cons));
	if (err)
		return err;
	/*
	 * The peer may be cutting us off, and remove the header of a record
	 * that our process has begun. The process then needs the payload, so
	 * all pages are copied. This fence pairs with the one in the peer's
	 * ivcf_undelivered_cut_off(): if a header was missing above, `cut_off`
	 * is seen here.
	 */
	ivc_fence();
	return ivc_load(&peer->cut_off) ? copy_all(ch) : 0;
}

/*
 * No data is better than some of the data twice. The process may have the pages
 * mapped, and must not see their next use.
 */
static void drop_copy(struct ivc_chan *ch)
{
	if (ch->mapping)
		unmap_mapping_range(ch->mapping, IVC_MAP_PEER,
				    PAGE_SIZE + (loff_t)ch->rx_size, 1);
	ivcf_unread_free(ch);
}

/*
 * Has the peer cut us off? Then our process may read no record that it has not
 * begun. The same holds while the peer is deciding. Under ch->lock, after
 * DETACHED is published and until the channel has ended.
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

/*
 * The channel ends. A peer that died undecided has not cut us off, so the
 * records that were hidden while it was deciding are shown again. Records that
 * the check below hides only now stay hidden.
 */
void ivcf_unread_end(struct ivc_chan *ch)
{
	struct ivc_records r = copied_records(ch);

	ivcf_unread_check_cut(ch);
	if (ch->rx_state == IVC_RX_HIDDEN && r.hidden && ch->peer_kctl &&
	    ivc_load_acq(&ch->peer_kctl->cut_off) != IVC_WIRE_CUT) {
		ivc_rx_event(&ch->rx_state, IVC_RX_SHOW);
		ivcf_record_restore(&r);
	}
}

/*
 * Copy the unread data, and set ch->took_until. Under ch->lock, with the
 * process's mapping revoked, so that its position does not change. After
 * -ENOMEM there is no copy: the channel ends with that error, and the peer is
 * told that only the data that was read is delivered.
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

struct page *ivcf_peer_page(struct ivc_chan *ch, u32 i)
{
	/* The partner's pages exist as long as our reference to the partner. */
	if (ch->partner)
		return ch->partner->grant.pages[i + 1];
	if (ch->rx_state == IVC_RX_LIVE)
		return ch->map.pages[i + 1];
	if (ch->unread && i < ch->nr_unread && ch->unread[i])
		return ch->unread[i];
	return ZERO_PAGE(0);
}
