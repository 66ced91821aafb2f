// SPDX-License-Identifier: GPL-2.0
/*
 * A channel: how it begins, and its work item.
 *
 * News from outside (the backend's events, the doorbell, a partner in this
 * guest) are only noted, in the todo fields, and carried out by the work item.
 * So nothing slow runs where they are heard, and one thread at a time handles a
 * channel.
 */
#include <linux/slab.h>

#include "front.h"

static void chan_free(struct kref *ref)
{
	struct ivc_chan *ch = container_of(ref, struct ivc_chan, ref);

	spin_lock(&ivc_front.lock);
	list_del(&ch->in_all);
	spin_unlock(&ivc_front.lock);
	ivcf_doorbell_free(ch);
	ivcf_unmap_pages(&ch->map);
	ivcf_unread_free(ch);
	kvfree(ch->hidden);
	ivcf_grant_free(&ch->grant);
	if (ch->partner)
		ivcf_chan_put(ch->partner);
	__free_page(ch->scrap);
	ivcf_ctx_put(ch->ctx);
	kfree(ch);
}

/* Map the other end's pages, and look whether that is one. Under ch->lock. */
int ivcf_chan_map_peer(struct ivc_chan *ch, u32 dir_gref, u8 shift)
{
	const struct ivc_kctl *kctl;
	int err;

	err = ivcf_map_pages(&ch->map, ch->peer.domid, dir_gref, 1u << shift);
	if (err)
		return err;
	kctl = page_address(ch->map.pages[0]);
	if (ivc_load(&kctl->magic) != IVC_KCTL_MAGIC ||
	    ivc_load(&kctl->version) != IVC_PROTOCOL_VERSION) {
		ivcf_unmap_pages(&ch->map);
		return -EPROTO;
	}
	ch->rx_size = 1u << shift;
	return 0;
}

/* An offer of ours was taken. Under ch->lock, OFFERED. */
static int establish(struct ivc_chan *ch, u32 dir_gref, u8 tx_shift)
{
	int err;

	if (!ivc_ring_shift_ok(tx_shift) || 1u << tx_shift > ch->rx_size)
		return -EPROTO;
	if (ch->local) {
		/* The accepter has introduced itself, or nobody has. */
		if (!ch->partner || ch->partner->tx_size != 1u << tx_shift)
			return -EPROTO;
		ch->rx_size = ch->partner->tx_size;
		return 0;
	}
	err = ivcf_chan_map_peer(ch, dir_gref, tx_shift);
	if (err)
		return err;
	ivcf_grant_end_dir(&ch->grant);
	WRITE_ONCE(ch->peer_kctl, page_address(ch->map.pages[0]));
	return 0;
}

/*
 * A local partner's reason for its end. The accepter may have been answered,
 * have written and have closed before the offerer hears EV_ACCEPTED: the
 * offerer has all of that still to read. So an OFFERED end waits for what the
 * backend says, which is EV_ACCEPTED or EV_GONE. Under ch->lock.
 */
static int partner_gone(struct ivc_chan *ch)
{
	int reason;

	if (ch->state == IVC_CHAN_OFFERED)
		return 0;
	spin_lock(&ch->todo_lock);
	reason = ch->todo_partner;
	ch->todo_partner = 0;
	spin_unlock(&ch->todo_lock);
	return reason;
}

/* Carry out the changes that events have recorded in the todo fields. */
static void chan_todo(struct ivc_chan *ch)
{
	bool accepted;
	u32 dir_gref;
	u8 tx_shift;
	int gone, err;

	spin_lock(&ch->todo_lock);
	accepted = ch->todo_accepted;
	dir_gref = ch->todo_dir_gref;
	tx_shift = ch->todo_tx_shift;
	gone = ch->todo_gone;
	ch->todo_accepted = false;
	ch->todo_gone = 0;
	spin_unlock(&ch->todo_lock);

	mutex_lock(&ch->lock);
	/* It has mapped what is ours before it said that it accepts. */
	if (accepted)
		ivcf_chan_end_invite(ch);
	if (accepted && ch->state == IVC_CHAN_OFFERED) {
		err = establish(ch, dir_gref, tx_shift);
		ivcf_chan_event(ch, err ? IVC_CHAN_FAIL : IVC_CHAN_ACCEPTED,
				err);
	}
	/* Its own words first: they are more exact than the backend's. */
	ivcf_chan_read_peer(ch);
	gone = gone ?: partner_gone(ch);
	if (gone) {
		ch->gone = true;
		ivcf_chan_end_invite(ch);
		ivcf_chan_event(ch, IVC_CHAN_GONE, gone);
	}
	if (ch->state == IVC_CHAN_ENDED || ch->state == IVC_CHAN_CLOSING)
		ivcf_chan_release(ch);
	mutex_unlock(&ch->lock);
}

/* Memory allocated here, up to a whole kept ring, is charged to the process. */
static void chan_work(struct work_struct *work)
{
	struct ivc_chan *ch =
		container_of(to_delayed_work(work), struct ivc_chan, work);
	struct ivc_alloc before = ivcf_alloc_begin(ch->ctx);

	chan_todo(ch);
	ivcf_alloc_end(before);
	ivcf_chan_put(ch);
}

struct ivc_chan *ivcf_chan_new(struct ivc_ctx *ctx, u32 epoch, u64 member)
{
	struct ivc_chan *ch = kzalloc(sizeof(*ch), GFP_KERNEL_ACCOUNT);

	if (!ch)
		return NULL;
	ch->scrap = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!ch->scrap) {
		kfree(ch);
		return NULL;
	}
	kref_get(&ctx->ref);
	ch->ctx = ctx;
	kref_init(&ch->ref);
	ch->free = chan_free;
	INIT_LIST_HEAD(&ch->node);
	mutex_init(&ch->lock);
	spin_lock_init(&ch->todo_lock);
	init_waitqueue_head(&ch->wq);
	INIT_DELAYED_WORK(&ch->work, chan_work);
	ch->irq = -1;
	ch->member = member;
	ch->epoch = epoch;
	ch->retry_ms = IVC_RETRY_MIN_MS;
	spin_lock(&ivc_front.lock);
	list_add(&ch->in_all, &ivc_front.all);
	spin_unlock(&ivc_front.lock);
	return ch;
}

/* The descriptor is closed, or the process says so first. */
void ivcf_chan_close(struct ivc_chan *ch, int reason)
{
	mutex_lock(&ch->lock);
	ivcf_chan_event(ch, IVC_CHAN_CLOSE, reason);
	mutex_unlock(&ch->lock);
}

/*
 * Nobody has @ch, or ever will have had: it ends with @reason unless it has
 * already, and the caller's reference is put.
 */
void ivcf_chan_drop(struct ivc_chan *ch, int reason)
{
	struct ivc_chan *partner;

	ivcf_chan_close(ch, reason);
	mutex_lock(&ch->lock);
	WRITE_ONCE(ch->mapping, NULL);
	/* Two ends of one guest hold each other: here it ends. */
	partner = ch->partner;
	ch->partner = NULL;
	mutex_unlock(&ch->lock);
	if (partner)
		ivcf_chan_put(partner);
	ivcf_chan_put(ch);
}

/*
 * The backend has answered CONNECT or ACCEPT: if it said yes, the other end has
 * our numbers. An end that was closed or has ended before learns only now
 * whether there is anything to close. Under ch->lock.
 */
void ivcf_chan_answered(struct ivc_chan *ch, int status)
{
	ch->invite = status || ch->local || ch->gone ? IVC_INVITE_NONE
						     : IVC_INVITE_OUT;
	if (ch->state != IVC_CHAN_ENDED && ch->state != IVC_CHAN_CLOSING)
		return;
	ivcf_conn_close(ch, ch->state == IVC_CHAN_ENDED
				    ? ivc_wire_reason(ch->status)
				    : -ECONNRESET);
	ivcf_chan_release(ch);
}
