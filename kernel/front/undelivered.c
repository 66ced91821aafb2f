// SPDX-License-Identifier: GPL-2.0
/*
 * The part of our process's writes that was not delivered to the peer.
 *
 * A process writes without a system call, so it cannot be asked to stop.
 * Instead its ring is taken out of its address space. Earlier stores are in the
 * ring. Later stores go to a scrap page that nobody reads, and the process does
 * not notice. After each write the library reads the status, and if the channel
 * has ended or is being handed over, asks how much of the write was in time
 * (IVC_IOC_DELIVERY). So the sum of what ivc_write() returned is what the ring
 * has, to the byte.
 *
 * From then on the ring does not change. The peer says how much it has read or
 * taken over. The rest is undelivered, and the process can have it back.
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

/* The process stops writing. Under ch->lock. */
void ivcf_stop_writes(struct ivc_chan *ch)
{
	if (!ivc_tx_event(&ch->tx_state, IVC_TX_STOP))
		return;
	/*
	 * When this returns no CPU has the ring in its TLB, and earlier stores
	 * are visible, because the TLB shootdown waits for them. A process that
	 * accesses the ring now waits for ch->lock in its fault, and sees the
	 * status afterwards.
	 */
	if (ch->mapping && ch->established)
		unmap_mapping_range(ch->mapping, IVC_MAP_OWN + PAGE_SIZE,
				    ch->tx_size, 1);
}

/* The reader position of the peer's process, in its control page. */
static const u64 *peer_at(const struct ivc_chan *ch)
{
	const struct ivc_ctrl *ctrl;

	if (ch->partner)
		ctrl = ivcf_grant_ctrl(&ch->partner->grant);
	else
		ctrl = page_address(ch->map.pages[1]);
	return &ctrl->reader_pos;
}

/*
 * Will the peer's process read all that is in our ring, although the channel
 * ends?
 */
static bool reads_on(const struct ivc_chan *ch)
{
	const struct ivc_kctl *kctl = ch->peer_kctl;

	/*
	 * A partner's process has our ring mapped until it closes. But a
	 * partner that never heard that its offer was accepted has not.
	 */
	if (ch->partner)
		return READ_ONCE(ch->partner->established) &&
		       READ_ONCE(ch->partner->state) < IVC_CHAN_CLOSING;
	return ch->tx_state == IVC_TX_CUT_OFF ||
	       (kctl && ivc_load_acq(&kctl->state) >= IVC_WIRE_CLOSED &&
		ivc_load(&kctl->took_over));
}

/*
 * How far has the peer read? Up to @used bytes of the record at *@pos. If the
 * peer's process reads on, the record that it has begun is delivered, and so
 * are the records that its kernel took over; none are if the peer was cut off.
 */
static int delivered(const struct ivc_chan *ch, u32 *pos, u32 *used)
{
	bool more = reads_on(ch);
	/*
	 * Loaded once, and after the words above that say that it does not
	 * change.
	 */
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
 * No page of the ring is granted any more: put the hidden headers back. The
 * array stays until the channel is freed, because ivcf_undelivered_copy() may
 * be reading it. That function finds the same headers in the ring and in the
 * array.
 */
void ivcf_undelivered_restore(struct ivc_chan *ch)
{
	struct ivc_records r = own_records(ch);

	if (ivc_tx_event(&ch->tx_state, IVC_TX_RETURN))
		ivcf_record_restore(&r);
}

/*
 * The bound has passed and the peer has not answered: cut it off, so that both
 * sides agree on it (docs/reference/protocol.md 3.4). True if it is cut off;
 * false if it has answered meanwhile.
 */
bool ivcf_undelivered_cut_off(struct ivc_chan *ch)
{
	struct ivc_kctl *own = ivcf_grant_kctl(&ch->grant);
	const struct ivc_kctl *peer = ch->peer_kctl;
	struct ivc_records r = own_records(ch);

	ivc_store(&own->cut_off, IVC_WIRE_CUTTING);
	/*
	 * Pairs with the fence in copy_pages(). Before any header is removed.
	 */
	ivc_fence();
	ch->hidden = ivcf_record_hide(&r, peer_at(ch));
	/*
	 * Pairs with the peer's fence between its store of DETACHED and its
	 * load of `cut_off`: at least one side sees the other. The sleep is for
	 * the peer's process, if that still runs: its store of `reader_pos` may
	 * be in a store buffer.
	 */
	ivc_fence();
	usleep_range(500, 1000);
	if (ivc_load_acq(&peer->state) >= IVC_WIRE_CLOSED) {
		ivcf_record_restore(&r);
		/*
		 * The channel has not ended, so ivcf_undelivered_copy() does
		 * not run.
		 */
		kvfree(ch->hidden);
		ch->hidden = NULL;
		ivc_store_rel(&own->cut_off, IVC_WIRE_UNCUT);
		return false;
	}
	ivc_tx_event(&ch->tx_state, IVC_TX_CUT);
	ivc_store_rel(&own->cut_off, IVC_WIRE_CUT);
	return true;
}

/*
 * The peer has finished, or is gone: compute what it has not got. Under
 * ch->lock.
 */
int ivcf_undelivered_settle(struct ivc_chan *ch)
{
	struct ivc_records r = own_records(ch);
	u32 pos, used;
	int err;

	if (!ch->established || (!ch->partner && !ch->map.nr))
		return 0;
	/* Without memory to hide the headers, the peer may read any of them. */
	err = ch->tx_state == IVC_TX_CUT_OFF && !ch->hidden
		      ? -ENOMEM
		      : delivered(ch, &pos, &used);
	if (!err)
		err = ivcf_record_walk(&r, pos, &ch->final, &ch->undelivered);
	if (!err && ch->undelivered < used)
		err = -EPROTO;
	if (err) {
		/*
		 * The peer names an impossible position, so the amount is
		 * unknown.
		 */
		ch->undelivered = 0;
		return err;
	}
	ch->undelivered -= used;
	ch->undelivered_from = pos;
	ch->lost_skip = used;
	return 0;
}

/*
 * How many of the bytes written from delivery->from on were in time? Under
 * ch->lock.
 */
int ivcf_delivery(const struct ivc_chan *ch, struct ivc_abi_delivery *delivery)
{
	struct ivc_records r = own_records(ch);
	int err;

	if (ch->tx_state == IVC_TX_LIVE)
		return -EINVAL;
	/* The process's own word, with which it can only deceive itself. */
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
 * Copy undelivered bytes of a channel that has ended. No lock is needed: the
 * ring does not change any more, and the caller's descriptor keeps it
 * allocated.
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
		/* A record does not wrap, but its pages are not adjacent. */
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
