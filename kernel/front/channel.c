// SPDX-License-Identifier: GPL-2.0
/*
 * The states of a channel and how it ends.
 *
 * The table is ivc/protocol/state.h; docs/reference/protocol.md 3.4 and 3.5 say
 * what it means:
 *
 *           OFFER              ACCEPTED
 *   NEW ----------> OFFERED -----------> OPEN ---------------.
 *    |  \______________________________^  |                  | LEAVE
 *    |          TAKEN         |           |                  v
 *    |                        |           |          STOPPED
 *    |  FAIL, LEAVE           | GONE,     | GONE,   LEFT -------> KEPT
 *    +---------> ENDED <------+ FAIL,     | FAIL     | GONE, CUT   | SETTLED,
 *    |             ^ ^          LEAVE     |          |             | GONE, CUT
 *    |             | +--------------------+----------+-------------+
 *    |  CLOSE      | CLOSE
 *    +----------> CLOSING <---- CLOSE (from OFFERED, OPEN, LEFT, KEPT too)
 *                  | RELEASED
 *                  v
 *                 DEAD
 *
 * What comes from outside (the backend's events, the doorbell) is only noted,
 * in the todo fields, and carried out by the channel's work item, so that
 * nothing slow runs in the event work and a channel is handled by one at a
 * time.
 */
#include <linux/slab.h>

#include "front.h"

#define RETRY_MIN_MS 10
#define RETRY_MAX_MS 1000

static void chan_work(struct work_struct *work);

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
	INIT_LIST_HEAD(&ch->node);
	mutex_init(&ch->lock);
	spin_lock_init(&ch->todo_lock);
	init_waitqueue_head(&ch->wq);
	INIT_DELAYED_WORK(&ch->work, chan_work);
	ch->irq = -1;
	ch->member = member;
	ch->epoch = epoch;
	ch->retry_ms = RETRY_MIN_MS;
	spin_lock(&ivc_front.lock);
	list_add(&ch->in_all, &ivc_front.all);
	spin_unlock(&ivc_front.lock);
	return ch;
}

void ivcf_chan_get(struct ivc_chan *ch)
{
	kref_get(&ch->ref);
}

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

void ivcf_chan_put(struct ivc_chan *ch)
{
	kref_put(&ch->ref, chan_free);
}

void ivcf_chan_wake(struct ivc_chan *ch)
{
	WRITE_ONCE(ch->rung, true);
	wake_up_interruptible_all(&ch->wq);
}

/* Have the channel looked at. Any context. */
void ivcf_chan_queue_work(struct ivc_chan *ch)
{
	kref_get(&ch->ref);
	if (mod_delayed_work(ivc_front.wq, &ch->work, 0))
		kref_put(&ch->ref, chan_free); /* it was queued already */
}

static void retry_later(struct ivc_chan *ch)
{
	kref_get(&ch->ref);
	if (!queue_delayed_work(ivc_front.wq, &ch->work,
				msecs_to_jiffies(ch->retry_ms)))
		kref_put(&ch->ref, chan_free);
	WRITE_ONCE(ch->overdue, ch->retry_ms == RETRY_MAX_MS);
	ch->retry_ms = min(ch->retry_ms * 2, (unsigned int)RETRY_MAX_MS);
}

/* The other end is gone, says somebody. The first reason stands. Any context.
 */
static void note_gone(struct ivc_chan *ch, int reason)
{
	spin_lock(&ch->todo_lock);
	if (!ch->todo_gone)
		ch->todo_gone = reason;
	spin_unlock(&ch->todo_lock);
	ivcf_chan_queue_work(ch);
}

static void forget_conn(struct ivc_chan *ch)
{
	xa_lock(&ivc_front.conns);
	if (ch->conn && xa_load(&ivc_front.conns, ch->conn) == ch)
		__xa_erase(&ivc_front.conns, ch->conn);
	xa_unlock(&ivc_front.conns);
}

/*
 * The backend says that the other end is gone. In the event work: from here on
 * the number of the connection may be another's.
 */
static void told_gone(struct ivc_chan *ch, int reason)
{
	forget_conn(ch);
	note_gone(ch, reason);
}

/*
 * In the event work. If the backend has no open other end any more, nobody will
 * tell us that it is gone: either we have been told, or it slipped past us
 * while the offer was between the context's queue and its channel.
 */
static void close_done(struct ivc_request *req)
{
	struct ivc_chan *ch = req->data;

	if (req->status || !req->msg.close.conn)
		told_gone(ch, -ECONNRESET);
	ivcf_chan_put(ch);
}

/* Tell the backend, once, that this end is closed. */
static void close_conn(struct ivc_chan *ch, int reason)
{
	struct ivc_request *req;

	if (!ch->conn || ch->conn_closed)
		return;
	ch->conn_closed = true;
	req = ivcf_request_new(IVC_MSG_CLOSE, ch->epoch, ch->member);
	req->kind = IVC_REQUEST_END;
	req->msg.close.conn = ch->conn;
	req->msg.close.reason = reason;
	req->done = close_done;
	kref_get(&ch->ref);
	req->data = ch;
	ivcf_request_send(req);
	ivcf_request_put(req);
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
static void end_invite(struct ivc_chan *ch)
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
		end_invite(ch);
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

static void enter_open(struct ivc_chan *ch)
{
	WRITE_ONCE(ch->established, true);
	publish(ch, IVC_WIRE_OPEN, 0);
	ivcf_doorbell_ring(ch);
	ivcf_chan_wake(ch);
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
	if (ch->took_over) {
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
	close_conn(ch, ivc_wire_reason(reason));
	show_status(ch, ch->status);
	ivcf_chan_wake(ch);
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
	close_conn(ch, reason);
	show_status(ch, ch->status);
	ivcf_chan_wake(ch);
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
static void release(struct ivc_chan *ch)
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

	forget_conn(ch);
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
		release(ch);
		break;
	case IVC_CHAN_CLOSING:
		enter_closing(ch, reason);
		release(ch);
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
	forget_conn(ch);
	if (ch->state == IVC_CHAN_ENDED || ch->state == IVC_CHAN_CLOSING)
		release(ch);
}

/*
 * The module goes. No descriptor is open, so all that is left is CLOSING and
 * waits for the peer to let go; the kernel waits for it from here on.
 */
void ivcf_chan_abandon(struct ivc_chan *ch)
{
	forget_conn(ch);
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
		end_invite(ch);
	if (accepted && ch->state == IVC_CHAN_OFFERED) {
		err = ivcf_chan_establish(ch, dir_gref, tx_shift);
		ivcf_chan_event(ch, err ? IVC_CHAN_FAIL : IVC_CHAN_ACCEPTED,
				err);
	}
	/* Its own words first: they are more exact than the backend's. */
	ivcf_chan_read_peer(ch);
	gone = gone ?: partner_gone(ch);
	if (gone) {
		ch->gone = true;
		end_invite(ch);
		ivcf_chan_event(ch, IVC_CHAN_GONE, gone);
	}
	if (ch->state == IVC_CHAN_ENDED || ch->state == IVC_CHAN_CLOSING)
		release(ch);
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

/* The descriptor is closed, or the process says so first. */
void ivcf_chan_close(struct ivc_chan *ch, int reason)
{
	mutex_lock(&ch->lock);
	ivcf_chan_event(ch, IVC_CHAN_CLOSE, reason);
	mutex_unlock(&ch->lock);
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
	close_conn(ch, ch->state == IVC_CHAN_ENDED ? ivc_wire_reason(ch->status)
						   : -ECONNRESET);
	release(ch);
}

/* ------------------------------------------------ told by the backend */

static struct ivc_chan *chan_find(u32 conn)
{
	struct ivc_chan *ch;

	xa_lock(&ivc_front.conns);
	ch = xa_load(&ivc_front.conns, conn);
	if (ch && !kref_get_unless_zero(&ch->ref))
		ch = NULL;
	xa_unlock(&ivc_front.conns);
	return ch;
}

void ivcf_chan_accepted(const struct ivc_msg *msg)
{
	struct ivc_chan *ch = chan_find(msg->accept.conn);

	if (!ch)
		return;
	spin_lock(&ch->todo_lock);
	ch->todo_accepted = true;
	ch->todo_dir_gref = msg->accept.dir_gref;
	ch->todo_tx_shift = msg->accept.tx_shift;
	spin_unlock(&ch->todo_lock);
	ivcf_chan_queue_work(ch);
	ivcf_chan_put(ch);
}

void ivcf_chan_gone(const struct ivc_msg *msg)
{
	struct ivc_chan *ch = chan_find(msg->close.conn);

	if (!ch)
		return;
	/* Both ends of a local pair have one number; they tell each other of
	 * all but an offer that nobody took.
	 */
	if (!ch->local || (ch->member == msg->member &&
			   READ_ONCE(ch->state) == IVC_CHAN_OFFERED))
		told_gone(ch, ivc_wire_reason(msg->close.reason));
	ivcf_chan_put(ch);
}
