// SPDX-License-Identifier: GPL-2.0
/*
 * The object of a channel, and its work item.
 *
 * The events of the backend, the doorbell and a partner in this guest only
 * leave notes in the todo fields. The work item carries the notes out. So
 * nothing slow runs in an interrupt or in the event work, and one thread at a
 * time handles a channel.
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

/* Map the other end's pages, and check their magic number. Under ch->lock. */
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

/* Our offer was accepted. Under ch->lock, in state OFFERED. */
static int establish(struct ivc_chan *ch, u32 dir_gref, u8 tx_shift)
{
	int err;

	if (!ivc_ring_shift_ok(tx_shift) || 1u << tx_shift > ch->rx_size)
		return -EPROTO;
	if (ch->local) {
		/*
		 * An accepter becomes our partner before it sends ACCEPT.
		 */
		if (!ch->partner || ch->partner->tx_size != 1u << tx_shift)
			return -EPROTO;
		ch->rx_size = ch->partner->tx_size;
		return 0;
	}
	err = ivcf_chan_map_peer(ch, dir_gref, tx_shift);
	if (err)
		return err;
	ivcf_grant_end_dir(&ch->grant);
	ivcf_doorbell_see(ch);
	return 0;
}

/*
 * The reason of a local partner that has ended. The accepter may have written
 * and closed before the offerer gets EV_ACCEPTED, and the offerer still has to
 * read that data. So an end in state OFFERED waits for EV_ACCEPTED or EV_GONE.
 * Under ch->lock.
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

/* Carry out the notes in the todo fields. */
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
	/* The accepter has mapped our pages before it sent ACCEPT. */
	if (accepted)
		ivcf_chan_end_invite(ch);
	if (accepted && ch->state == IVC_CHAN_OFFERED) {
		err = establish(ch, dir_gref, tx_shift);
		ivcf_chan_event(ch, err ? IVC_CHAN_FAIL : IVC_CHAN_ACCEPTED,
				err);
	}
	/*
	 * The peer's own state first: it is more exact than the backend's
	 * event.
	 */
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

/*
 * The process is charged for memory that is allocated here, up to a copy of a
 * whole ring.
 */
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

/* The process closes the channel, or its descriptor. */
void ivcf_chan_close(struct ivc_chan *ch, int reason)
{
	mutex_lock(&ch->lock);
	ivcf_chan_event(ch, IVC_CHAN_CLOSE, reason);
	mutex_unlock(&ch->lock);
}

/*
 * No process has @ch, or will have it: end the channel with @reason if it is
 * open, and put the reference of the caller.
 */
void ivcf_chan_drop(struct ivc_chan *ch, int reason)
{
	struct ivc_chan *partner;

	ivcf_chan_close(ch, reason);
	mutex_lock(&ch->lock);
	WRITE_ONCE(ch->mapping, NULL);
	/*
	 * Both ends of a local pair have a reference to each other. Undo that.
	 */
	partner = ch->partner;
	ch->partner = NULL;
	mutex_unlock(&ch->lock);
	if (partner)
		ivcf_chan_put(partner);
	ivcf_chan_put(ch);
}

/*
 * The backend has answered CONNECT or ACCEPT. If the answer is yes, the other
 * end has our numbers. An end that was closed meanwhile knows only now whether
 * there is a connection to close. Under ch->lock.
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
