// SPDX-License-Identifier: GPL-2.0
/*
 * What became of what our process wrote.
 *
 * A process that writes cannot be asked to stop: it makes no system call. So
 * its ring is taken out of its address space. What it had stored before is in
 * the ring, whole; what it stores later lands in a scrap page that nobody
 * reads, so that it does not notice. The library looks at the status behind
 * each write and asks us (DELIVERY) how much of it was in time; thus what
 * ivc_write() said was taken and what stands in the ring are the same, to the
 * byte.
 *
 * From then on the ring stands still. What the peer has taken of it the peer
 * says, when it is through; the rest was not delivered, and the process can
 * have it back.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "front.h"

static struct ivc_records own_records(const struct ivc_chan *ch)
{
	return (struct ivc_records){
		.data = ch->grant.pages + IVC_DIR_HEAD,
		.cells = ch->tx_size >> IVC_CELL_SHIFT,
		.hidden = ch->hidden,
	};
}

/* The process writes no more. Under ch->lock. */
void ivcf_stop_writes(struct ivc_chan *ch)
{
	if (!ivc_tx_event(&ch->tx_state, IVC_TX_STOP))
		return;
	/*
	 * Every CPU has forgotten the ring when this returns, and what was
	 * stored through the old entries is visible: the shootdown waits for
	 * them. A process that faults now waits for ch->lock, and then finds
	 * the status.
	 */
	if (ch->mapping && ch->established)
		unmap_mapping_range(ch->mapping, IVC_MAP_OWN + PAGE_SIZE,
				    ch->tx_size, 1);
}

/* Where the process of the peer stands, by its own page. */
static const u64 *peer_at(const struct ivc_chan *ch)
{
	const struct ivc_ctrl *ctrl;

	if (ch->partner)
		ctrl = ivcf_grant_ctrl(&ch->partner->grant);
	else
		ctrl = page_address(ch->map.pages[1]);
	return &ctrl->reader_pos;
}

/* Will the peer's process read on what we wrote, though the channel ends? */
static bool reads_on(const struct ivc_chan *ch)
{
	const struct ivc_kctl *kctl = ch->peer_kctl;

	/*
	 * A partner's process sees our ring itself, until it closes; not one
	 * that never heard that its offer was taken.
	 */
	if (ch->partner)
		return READ_ONCE(ch->partner->established) &&
		       READ_ONCE(ch->partner->state) < IVC_CHAN_CLOSING;
	return ch->tx_state == IVC_TX_CUT_OFF ||
	       (kctl && ivc_load_acq(&kctl->state) >= IVC_WIRE_CLOSED &&
		ivc_load(&kctl->took_over));
}

/*
 * Up to where has the peer got everything: the position *@pos, and *@used bytes
 * of the record there? What its process has read; and if that reads on, the
 * record that it is in, and what the peer took, unless it was cut off before it
 * could.
 */
static int delivered(const struct ivc_chan *ch, u32 *pos, u32 *used)
{
	bool more = reads_on(ch);
	/* Once, and after the word above that it stands still, if it does. */
	u64 at = ivc_load(peer_at(ch));
	struct ivc_records r = own_records(ch);
	u64 bytes;
	u32 took_until;
	int n;

	n = ivcf_record_reader(&r, at, pos, used);
	if (n < 0 || !more)
		return n < 0 ? n : 0;
	*pos += n;
	*used = 0;
	if (ch->partner)
		return ivcf_record_walk(&r, *pos, pos, &bytes);
	if (ch->tx_state == IVC_TX_CUT_OFF)
		return 0;
	took_until = ivc_load(&ch->peer_kctl->took_until);
	if (took_until - *pos <= r.cells)
		*pos = took_until;
	return 0;
}

/*
 * The ring is ours again, whole: no page of it is granted. The array stays
 * until the channel is freed: ivcf_undelivered_copy() may be at it, and finds
 * the same in both.
 */
void ivcf_undelivered_restore(struct ivc_chan *ch)
{
	struct ivc_records r = own_records(ch);

	if (ivc_tx_event(&ch->tx_state, IVC_TX_RETURN))
		ivcf_record_restore(&r);
}

/*
 * The bound has passed and the peer has not answered: it is cut off, which it
 * and we must agree on (docs/reference/protocol.md 3.4). True if it is; false
 * if it has answered after all.
 */
bool ivcf_undelivered_cut_off(struct ivc_chan *ch)
{
	struct ivc_kctl *own = ivcf_grant_kctl(&ch->grant);
	const struct ivc_kctl *peer = ch->peer_kctl;
	struct ivc_records r = own_records(ch);

	ivc_store(&own->cut_off, IVC_WIRE_CUTTING);
	/* Pairs with the fence in copy_pages(): before any header goes. */
	ivc_fence();
	ch->hidden = ivcf_record_hide(&r, peer_at(ch));
	/*
	 * Pairs with the peer's fence between its DETACHED and its look at
	 * `cut_off`: one of us sees the other. The time is for its process,
	 * should that still run: its `reader_pos` may be in a store buffer.
	 */
	ivc_fence();
	usleep_range(500, 1000);
	if (ivc_load_acq(&peer->state) >= IVC_WIRE_CLOSED) {
		ivcf_record_restore(&r);
		/* Not ENDED yet, so that nobody copies from there. */
		kvfree(ch->hidden);
		ch->hidden = NULL;
		ivc_store_rel(&own->cut_off, IVC_WIRE_UNCUT);
		return false;
	}
	ivc_tx_event(&ch->tx_state, IVC_TX_CUT);
	ivc_store_rel(&own->cut_off, IVC_WIRE_CUT);
	return true;
}

/* The peer is through, or gone: what has it not got? Under ch->lock. */
int ivcf_undelivered_settle(struct ivc_chan *ch)
{
	struct ivc_records r = own_records(ch);
	u32 pos, used;
	int err;

	if (!ch->established || (!ch->partner && !ch->map.nr))
		return 0;
	/* Its headers could not be hidden: who knows what it will read. */
	err = ch->tx_state == IVC_TX_CUT_OFF && !ch->hidden
		      ? -ENOMEM
		      : delivered(ch, &pos, &used);
	if (!err)
		err = ivcf_record_walk(&r, pos, &ch->final, &ch->undelivered);
	if (!err && ch->undelivered < used)
		err = -EPROTO;
	if (err) {
		/* It names a place that is none: its word is worth nothing. */
		ch->undelivered = 0;
		return err;
	}
	ch->undelivered -= used;
	ch->undelivered_from = pos;
	ch->lost_skip = used;
	return 0;
}

/* How much of what was written from @from on was in time. Under ch->lock. */
int ivcf_delivery(const struct ivc_chan *ch, struct ivc_abi_delivery *delivery)
{
	struct ivc_records r = own_records(ch);
	int err;

	if (ch->tx_state == IVC_TX_LIVE)
		return -EINVAL;
	/* The process's own word: it can only fool itself with it. */
	err = ivcf_record_walk(&r, delivery->from, &delivery->final,
			       &delivery->written);
	if (err)
		return -EINVAL;
	delivery->status = ivcf_grant_kctl(&ch->grant)->status;
	delivery->undelivered = ch->undelivered;
	delivery->reserved = 0;
	return 0;
}

/*
 * The undelivered bytes, of a channel that has ended: its ring stands still and
 * belongs to it for as long as its descriptor is open, so no lock is held.
 */
int ivcf_undelivered_copy(const struct ivc_chan *ch,
			  struct ivc_abi_undelivered *un)
{
	u64 skip = un->offset, room = un->len, done = 0;
	struct ivc_records r = own_records(ch);
	u32 pos = ch->undelivered_from, len, n, part, i;
	size_t off;
	int cells;

	if (skip >= ch->undelivered)
		room = 0;
	skip += ch->lost_skip;
	while (pos != ch->final && done < room) {
		cells = ivcf_record_parse(&r, pos, &len);
		if (cells <= 0 || cells > ch->final - pos)
			return -EPROTO;
		if (skip >= len) {
			skip -= len;
			pos += cells;
			continue;
		}
		/* A record does not wrap, but its pages are single ones. */
		off = ((size_t)(pos & (r.cells - 1)) << IVC_CELL_SHIFT) +
		      IVC_RING_HDR + skip;
		n = min_t(u64, len - skip, room - done);
		for (i = 0; i < n; i += part) {
			part = min_t(u32, n - i,
				     PAGE_SIZE - offset_in_page(off + i));
			if (copy_to_user(u64_to_user_ptr(un->buf + done + i),
					 page_address(r.data[(off + i) >>
							     PAGE_SHIFT]) +
						 offset_in_page(off + i),
					 part))
				return -EFAULT;
		}
		done += n;
		skip = 0;
		pos += cells;
		cond_resched();
	}
	un->len = done;
	return 0;
}
