// SPDX-License-Identifier: GPL-2.0
/*
 * The states of a channel, and how it ends. include/ivc/protocol/state.h has
 * the table and its diagram; docs/reference/protocol.md 3.4 and 3.5 say what
 * each step means to the peer. handover.h has the states of the two rings.
 *
 * All functions run under ch->lock, except ivcf_chan_abandon(), which takes it.
 */
#include "front.h"

static void retry_later(struct ivc_chan *ch)
{
	ivcf_chan_get(ch);
	if (!queue_delayed_work(ivc_front.wq, &ch->work,
				msecs_to_jiffies(ch->retry_ms)))
		ivcf_chan_put(ch);
	WRITE_ONCE(ch->overdue, ch->retry_ms == IVC_RETRY_MAX_MS);
	ch->retry_ms = min(ch->retry_ms * 2, (unsigned int)IVC_RETRY_MAX_MS);
}

/* Tell the peer's kernel. Release pairs with its acquire of `state`. */
static void publish(struct ivc_chan *ch, enum ivc_wire_state state, int reason)
{
	struct ivc_kctl *kctl;

	if (!ch->grant.pages)
		return;
	kctl = ivcf_grant_kctl(&ch->grant);
	if (reason)
		ivc_store(&kctl->reason, reason);
	if (kctl->state < state)
		ivc_store_rel(&kctl->state, state);
}

/*
 * Tell our process. Release pairs with libivc's acquire of `status`: a reader
 * that sees the end finds all unread data in its mapping.
 */
static void show_status(struct ivc_chan *ch, int status)
{
	if (ch->grant.pages)
		ivc_store_rel(&ivcf_grant_kctl(&ch->grant)->status, status);
}

/* The other end has used our grants and our port, or never will. */
void ivcf_chan_end_invite(struct ivc_chan *ch)
{
	if (ch->invite == IVC_INVITE_OUT)
		ch->invite = IVC_INVITE_NONE;
}

/*
 * A peer beyond OPENING has mapped our pages and bound to our port, so it does
 * not need their numbers any more.
 */
static void see_guest(struct ivc_chan *ch)
{
	if (ch->peer_kctl &&
	    ivc_load_acq(&ch->peer_kctl->state) >= IVC_WIRE_OPEN)
		ivcf_chan_end_invite(ch);
}

/* Unmap the peer's pages. No process has them mapped any more. */
static void detach(struct ivc_chan *ch)
{
	if (!ch->map.nr)
		return;
	see_guest(ch);
	ivcf_doorbell_blind(ch);
	ivcf_unmap_pages(&ch->map);
}

/* Tell a local partner of our end, as a peer in another guest learns of it. */
static void tell_partner(struct ivc_chan *ch, int reason)
{
	struct ivc_chan *other = ch->partner;

	if (!other)
		return;
	spin_lock(&other->todo_lock);
	if (!other->todo_partner)
		other->todo_partner = reason;
	spin_unlock(&other->todo_lock);
	ivcf_chan_queue_work(other);
}

static void wake(struct ivc_chan *ch)
{
	WRITE_ONCE(ch->rung, true);
	wake_up_interruptible_all(&ch->wq);
}

static void enter_open(struct ivc_chan *ch)
{
	WRITE_ONCE(ch->established, true);
	publish(ch, IVC_WIRE_OPEN, 0);
	ivcf_doorbell_ring(ch);
	wake(ch);
}

/*
 * A hand-over begins: our guest or the peer's is suspended or detached. The
 * status comes before the ring is taken away. A write that is in time may
 * already see the status, and then asks for its delivery. A write that is too
 * late must see it.
 */
static void enter_left(struct ivc_chan *ch, int reason)
{
	ch->leave_reason = reason;
	show_status(ch, -EAGAIN);
	ivcf_stop_writes(ch);
	publish(ch, IVC_WIRE_LEAVING, ivc_wire_reason(reason));
	ivcf_doorbell_ring(ch);
}

/* Take over the peer's data, and tell the peer how far. */
static int take_over(struct ivc_chan *ch)
{
	struct ivc_kctl *kctl;
	int err;

	ivcf_mmap_revoke(ch);
	err = ivcf_unread_copy(ch);
	if (ch->rx_state >= IVC_RX_COPIED) {
		/* Before DETACHED, whose release makes both words visible. */
		kctl = ivcf_grant_kctl(&ch->grant);
		ivc_store(&kctl->took_until, ch->took_until);
		ivc_store(&kctl->took_over, 1);
	}
	return err;
}

/*
 * The peer writes no more. Its control pages stay mapped, for its last words.
 */
static void enter_kept(struct ivc_chan *ch)
{
	ch->status = take_over(ch);
	ivcf_unmap_ring(&ch->map);
	publish(ch, IVC_WIRE_DETACHED, 0);
	ivcf_unread_check_cut(ch);
	ivcf_doorbell_ring(ch);
}

/*
 * The peer has released the channel, or is gone: take its data over, and unmap.
 */
static void enter_ended(struct ivc_chan *ch, int reason)
{
	int err;

	reason = ch->leave_reason ?: reason;
	ivcf_stop_writes(ch);
	err = ch->status ?: take_over(ch);
	ch->status = ivcf_undelivered_settle(ch) ?: err ?: reason;
	ivcf_unread_end(ch);
	detach(ch);
	/* To the peer, the loss of our device is a reset. */
	publish(ch, IVC_WIRE_DETACHED, ivc_wire_reason(reason));
	ivcf_doorbell_ring(ch);
	tell_partner(ch, -ECONNRESET);
	ivcf_conn_close(ch, ivc_wire_reason(reason));
	show_status(ch, ch->status);
	wake(ch);
	if (reason == -EREMCHG)
		ivcf_ctx_channels(ch->ctx);
}

/* Our process has closed. The peer may still have data to read. */
static void enter_closing(struct ivc_chan *ch, int reason)
{
	if (!ch->status)
		ch->status = -EPIPE;
	ivcf_stop_writes(ch);
	ivcf_mmap_revoke(ch);
	publish(ch, IVC_WIRE_CLOSED, reason);
	ivcf_doorbell_ring(ch);
	tell_partner(ch, reason);
	ivcf_conn_close(ch, reason);
	show_status(ch, ch->status);
	wake(ch);
}

/*
 * May our grants be ended now? Not while the peer may still use their numbers,
 * and not before the peer has read or taken over our data. The peer says so
 * itself, or the backend does once both ends are closed.
 */
static bool peer_is_through(struct ivc_chan *ch)
{
	see_guest(ch);
	if (ch->invite != IVC_INVITE_NONE)
		return false;
	if (ch->state == IVC_CHAN_ENDED || ch->gone || ch->local || !ch->conn)
		return true;
	return ch->peer_kctl &&
	       ivc_load_acq(&ch->peer_kctl->state) >= IVC_WIRE_CLOSED;
}

/* In ENDED or CLOSING: end the grants that the peer does not map any more. */
void ivcf_chan_release(struct ivc_chan *ch)
{
	if (ch->abandoned || !peer_is_through(ch))
		return;
	detach(ch);
	publish(ch, IVC_WIRE_DETACHED, 0);
	if (!ivcf_grant_end(&ch->grant)) {
		/* The peer waits to hear that its own pages are unmapped. */
		ivcf_doorbell_ring(ch);
		retry_later(ch);
		/*
		 * Attempts go by time from here on. Doorbells of the peer would
		 * only cost CPU time.
		 */
		if (ch->overdue)
			ivcf_doorbell_free(ch);
		return;
	}
	if (ch->irq >= 0) {
		ivcf_doorbell_ring(ch);
		ivcf_doorbell_free(ch);
	}
	ivcf_undelivered_restore(ch);
	wake_up_all(&ivc_front.moved);
	if (ch->state == IVC_CHAN_CLOSING)
		ivcf_chan_event(ch, IVC_CHAN_RELEASED, 0);
}

static void enter_dead(struct ivc_chan *ch)
{
	bool listed;

	ivcf_conn_remove(ch);
	spin_lock(&ivc_front.lock);
	listed = !list_empty(&ch->node);
	list_del_init(&ch->node);
	spin_unlock(&ivc_front.lock);
	/* The caller has a reference, so this one is not the last. */
	if (listed)
		ivcf_chan_put(ch);
	/*
	 * No further attempt is needed. When the module is unloaded it would
	 * not find this channel, because it is not on the list any more.
	 */
	if (cancel_delayed_work(&ch->work))
		ivcf_chan_put(ch);
}

/* The one way to change the state: true if @ev did. Under ch->lock. */
bool ivcf_chan_event(struct ivc_chan *ch, enum ivc_chan_event ev, int reason)
{
	unsigned char next = ivc_chan_next[ch->state][ev];

	if (next == IVC_STATE_NONE)
		return false;
	/* tests/lab/fates.sh reads this line. */
	pr_debug("conn %u: %s %s %s (%d)\n", ch->conn,
		 ivc_chan_state_name[ch->state], ivc_chan_event_name[ev],
		 ivc_chan_state_name[next], reason);
	WRITE_ONCE(ch->state, next);
	switch ((enum ivc_chan_state)next) {
	case IVC_CHAN_OPEN:
		enter_open(ch);
		break;
	case IVC_CHAN_LEFT:
		enter_left(ch, reason);
		break;
	case IVC_CHAN_KEPT:
		enter_kept(ch);
		break;
	case IVC_CHAN_ENDED:
		enter_ended(ch, reason);
		ivcf_chan_release(ch);
		break;
	case IVC_CHAN_CLOSING:
		enter_closing(ch, reason);
		ivcf_chan_release(ch);
		break;
	case IVC_CHAN_DEAD:
		enter_dead(ch);
		break;
	default:
		break;
	}
	wake_up_all(&ivc_front.moved);
	return true;
}

/*
 * Read the state of the peer from its own page, and follow it. The state is
 * read once: if it changes after that, the peer rings the doorbell. Under
 * ch->lock.
 */
void ivcf_chan_read_peer(struct ivc_chan *ch)
{
	const struct ivc_kctl *peer = ch->peer_kctl;
	u32 state;
	int reason;

	if (!peer)
		return;
	state = ivc_load_acq(&peer->state);
	reason = ivc_wire_reason(ivc_load(&peer->reason));
	if (ch->state == IVC_CHAN_OPEN) {
		if (state >= IVC_WIRE_CLOSED)
			ivcf_chan_event(ch, IVC_CHAN_GONE, reason);
		else if (state == IVC_WIRE_LEAVING)
			ivcf_chan_event(ch, IVC_CHAN_LEAVE, reason);
		else if (state == IVC_WIRE_OPEN)
			ivcf_grant_end_dir(
				&ch->grant); /* the peer has read it */
	}
	if (ch->state == IVC_CHAN_LEFT && state >= IVC_WIRE_LEAVING)
		ivcf_chan_event(ch, IVC_CHAN_STOPPED, 0);
	if (ch->state == IVC_CHAN_KEPT)
		ivcf_unread_check_cut(ch);
	if (ch->state == IVC_CHAN_KEPT && state >= IVC_WIRE_CLOSED)
		ivcf_chan_event(ch, IVC_CHAN_SETTLED, 0);
}

/* This guest is suspended, or loses its backend. Under ch->lock. */
void ivcf_chan_leave(struct ivc_chan *ch, int reason)
{
	if (!ch->local)
		ivcf_chan_event(ch, IVC_CHAN_LEAVE, reason);
	else if (reason != -EREMCHG || ch->state != IVC_CHAN_OPEN)
		ivcf_chan_event(ch, IVC_CHAN_FAIL, reason);
	/*
	 * Otherwise both ends are moved together, and the channel stays open.
	 */
	ivcf_chan_read_peer(ch);
}

/*
 * The bound of the hand-over has passed. Nothing of the peer stays mapped, and
 * no interrupt stays bound that the guest would carry to another host. The work
 * item tries again to end grants that the peer still maps. Under ch->lock.
 */
void ivcf_chan_cut_off(struct ivc_chan *ch)
{
	if (ivc_chan_next[ch->state][IVC_CHAN_CUT] != IVC_STATE_NONE) {
		if (ivcf_undelivered_cut_off(ch))
			pr_info("conn %u: domain %u does not answer, cut off\n",
				ch->conn, ch->peer.domid);
		else
			ivcf_chan_read_peer(ch);
	}
	ivcf_chan_event(ch, IVC_CHAN_CUT, 0);
	if (ch->state != IVC_CHAN_ENDED && ch->state != IVC_CHAN_CLOSING)
		return;
	detach(ch);
	publish(ch, IVC_WIRE_DETACHED, 0);
	ivcf_doorbell_ring(ch);
	/* A port that another domain may still bind to must not be reused. */
	if (ch->invite == IVC_INVITE_NONE)
		ivcf_doorbell_free(ch);
	retry_later(ch);
}

/* The backend that knew this channel is gone. Under ch->lock. */
void ivcf_chan_orphan(struct ivc_chan *ch)
{
	ch->gone = true;
	ch->invite = IVC_INVITE_NONE;
	ch->conn_closed = true;
	ivcf_conn_remove(ch);
	if (ch->state == IVC_CHAN_ENDED || ch->state == IVC_CHAN_CLOSING)
		ivcf_chan_release(ch);
}

/*
 * The module is unloaded. No descriptor is open, so the channel is CLOSING and
 * its peer has pages mapped. Linux frees those pages when they are unmapped.
 */
void ivcf_chan_abandon(struct ivc_chan *ch)
{
	ivcf_conn_remove(ch);
	mutex_lock(&ch->lock);
	ch->abandoned = true; /* the work item does nothing from here on */
	detach(ch);
	publish(ch, IVC_WIRE_DETACHED, 0);
	ivcf_doorbell_ring(ch);
	mutex_unlock(&ch->lock);
	ivcf_doorbell_free(ch);
	if (cancel_delayed_work_sync(&ch->work))
		ivcf_chan_put(ch);
}
