// SPDX-License-Identifier: GPL-2.0
/*
 * The states of a channel and how it ends. The table and its diagram are
 * include/ivc/protocol/state.h; docs/reference/protocol.md 3.4 and 3.5 say what
 * each step means to the peer.
 *
 * All of this runs under ch->lock. How far the two rings have been handed over
 * is kept beside the state, in handover.h.
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

/* What the peer's kernel sees. Release pairs with its acquire of `state`. */
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
 * What our process sees. Release pairs with libivc's acquire: who reads the end
 * finds all that was kept in its mapping.
 */
static void show_status(struct ivc_chan *ch, int status)
{
	if (ch->grant.pages)
		ivc_store_rel(&ivcf_grant_kctl(&ch->grant)->status, status);
}

/* The other end has come, or never will. */
void ivcf_chan_end_invite(struct ivc_chan *ch)
{
	if (ch->invite == IVC_INVITE_OUT)
		ch->invite = IVC_INVITE_NONE;
}

/*
 * An end that we see beyond OPENING has mapped our pages, and comes to nothing
 * by number any more.
 */
static void see_guest(struct ivc_chan *ch)
{
	if (ch->peer_kctl &&
	    ivc_load_acq(&ch->peer_kctl->state) >= IVC_WIRE_OPEN)
		ivcf_chan_end_invite(ch);
}

/* Let go of the peer's pages, which no process sees any more. */
static void detach(struct ivc_chan *ch)
{
	if (!ch->map.nr)
		return;
	see_guest(ch);
	ivcf_doorbell_blind(ch);
	ivcf_unmap_pages(&ch->map);
}

/* A local partner hears of our end as it would from another guest. */
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
 * A guest leaves, ours or the peer's. The status first: a write that is in time
 * may find it, and asks; one that is not must find it.
 */
static void enter_left(struct ivc_chan *ch, int reason)
{
	ch->leave_reason = reason;
	show_status(ch, -EAGAIN);
	ivcf_stop_writes(ch);
	publish(ch, IVC_WIRE_LEAVING, ivc_wire_reason(reason));
	ivcf_doorbell_ring(ch);
}

/* Take over what the peer has written, and say up to where. */
static int take_over(struct ivc_chan *ch)
{
	struct ivc_kctl *kctl;
	int err;

	ivcf_mmap_revoke(ch);
	err = ivcf_unread_copy(ch);
	if (ch->rx_state >= IVC_RX_COPIED) {
		/* Before DETACHED, whose release makes both visible. */
		kctl = ivcf_grant_kctl(&ch->grant);
		ivc_store(&kctl->took_until, ch->took_until);
		ivc_store(&kctl->took_over, 1);
	}
	return err;
}

/* The peer writes no more. Its control pages stay: its last word is awaited. */
static void enter_kept(struct ivc_chan *ch)
{
	ch->status = take_over(ch);
	ivcf_unmap_ring(&ch->map);
	publish(ch, IVC_WIRE_DETACHED, 0);
	ivcf_unread_check_cut(ch);
	ivcf_doorbell_ring(ch);
}

/* The peer is through or gone: what it left is kept, the rest is let go. */
static void enter_ended(struct ivc_chan *ch, int reason)
{
	int err;

	reason = ch->leave_reason ?: reason;
	ivcf_stop_writes(ch);
	err = ch->status ?: take_over(ch);
	ch->status = ivcf_undelivered_settle(ch) ?: err ?: reason;
	ivcf_unread_end(ch);
	detach(ch);
	/* A device of ours that goes is a reset to the peer. */
	publish(ch, IVC_WIRE_DETACHED, ivc_wire_reason(reason));
	ivcf_doorbell_ring(ch);
	tell_partner(ch, -ECONNRESET);
	ivcf_conn_close(ch, ivc_wire_reason(reason));
	show_status(ch, ch->status);
	wake(ch);
	if (reason == -EREMCHG)
		ivcf_ctx_channels(ch->ctx);
}

/* Our process has closed. The peer may yet have to read. */
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
 * May we take our pages back now? Not as long as the peer may come to them, and
 * not before it has what we wrote. If it does not say so itself, the backend
 * does, once both ends are closed.
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

/* ENDED or CLOSING: take back what the peer has let go of. */
void ivcf_chan_release(struct ivc_chan *ch)
{
	if (ch->abandoned || !peer_is_through(ch))
		return;
	detach(ch);
	publish(ch, IVC_WIRE_DETACHED, 0);
	if (!ivcf_grant_end(&ch->grant)) {
		/* The peer wants to know that we have let go of its pages. */
		ivcf_doorbell_ring(ch);
		retry_later(ch);
		/* It need not ring for that any more, nor in our time. */
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
	/* Never the last reference: the caller has one. */
	if (listed)
		ivcf_chan_put(ch);
	/*
	 * Nor is there anything to try again: the module, when it goes, does
	 * not find this one in the list any more.
	 */
	if (cancel_delayed_work(&ch->work))
		ivcf_chan_put(ch);
}

/* The one way to change the state. Under ch->lock. True if it did. */
bool ivcf_chan_event(struct ivc_chan *ch, enum ivc_chan_event ev, int reason)
{
	unsigned char next = ivc_chan_next[ch->state][ev];

	if (next == IVC_STATE_NONE)
		return false;
	/* tests/lab/fates.sh reads this. */
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
 * The peer's end, seen through its own page and not through the backend. Its
 * state is looked at once: who is told less than there is will be notified
 * again. Under ch->lock.
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
			ivcf_grant_end_dir(&ch->grant); /* it has read it */
	}
	if (ch->state == IVC_CHAN_LEFT && state >= IVC_WIRE_LEAVING)
		ivcf_chan_event(ch, IVC_CHAN_STOPPED, 0);
	if (ch->state == IVC_CHAN_KEPT)
		ivcf_unread_check_cut(ch);
	if (ch->state == IVC_CHAN_KEPT && state >= IVC_WIRE_CLOSED)
		ivcf_chan_event(ch, IVC_CHAN_SETTLED, 0);
}

/* This guest leaves the host, or loses its backend. Under ch->lock. */
void ivcf_chan_leave(struct ivc_chan *ch, int reason)
{
	if (!ch->local)
		ivcf_chan_event(ch, IVC_CHAN_LEAVE, reason);
	else if (reason != -EREMCHG || ch->state != IVC_CHAN_OPEN)
		ivcf_chan_event(ch, IVC_CHAN_FAIL, reason);
	/* else both ends come along */
	ivcf_chan_read_peer(ch);
}

/*
 * The bound has passed: nothing of the peer stays mapped, and no interrupt is
 * left to be taken along by the guest. What is still granted is tried again by
 * time. Under ch->lock.
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
	/* A port that somebody may still bind to is not given to others. */
	if (ch->invite == IVC_INVITE_NONE)
		ivcf_doorbell_free(ch);
	retry_later(ch);
}

/* The backend that knew this channel is no more. Under ch->lock. */
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
 * The module goes. No descriptor is open, so all that is left is CLOSING and
 * waits for the peer to let go; the kernel waits for it from here on.
 */
void ivcf_chan_abandon(struct ivc_chan *ch)
{
	ivcf_conn_remove(ch);
	mutex_lock(&ch->lock);
	ch->abandoned = true; /* its work does nothing from here on */
	detach(ch);
	publish(ch, IVC_WIRE_DETACHED, 0);
	ivcf_doorbell_ring(ch);
	mutex_unlock(&ch->lock);
	ivcf_doorbell_free(ch);
	if (cancel_delayed_work_sync(&ch->work))
		ivcf_chan_put(ch);
}
