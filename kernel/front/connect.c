// SPDX-License-Identifier: GPL-2.0
/*
 * How a channel is made.
 *
 *   offerer                     backend                     accepter
 *   LOOKUP: the peer's domain ->
 *   pages granted to it;
 *   a port for it
 *   CONNECT ------------------> EV_OFFER -----------------> waits in context
 *                                                           map, pages,
 *                                                           grant, bind port
 *   map, OPEN <---------------- EV_ACCEPTED <-------------- ACCEPT, OPEN
 *
 * Both ends check every value that they are given. A wrong value ends this
 * channel with an error, at both ends, and nothing else.
 */
#include <linux/slab.h>

#include "front.h"

static void chan_list(struct ivc_chan *ch)
{
	ivcf_chan_get(ch);
	spin_lock(&ivc_front.lock);
	list_add_tail(&ch->node, &ivc_front.chans);
	spin_unlock(&ivc_front.lock);
}

/*
 * May @domid be granted more pages? A guest that does not unmap the pages of
 * closed channels could otherwise use up all memory and all grant references of
 * this guest. The limit is low for pages that are overdue. It is high for pages
 * of any age, because a correct guest takes a moment to unmap, too.
 */
static int may_grant(domid_t domid)
{
	u32 overdue = 0, closed = 0, n;
	struct ivc_chan *ch;

	spin_lock(&ivc_front.lock);
	list_for_each_entry (ch, &ivc_front.chans, node) {
		if (ch->local || ch->peer.domid != domid ||
		    (READ_ONCE(ch->state) != IVC_CHAN_ENDED &&
		     READ_ONCE(ch->state) != IVC_CHAN_CLOSING))
			continue;
		/*
		 * One page that is still mapped keeps all pages of its channel
		 * allocated.
		 */
		n = READ_ONCE(ch->grant.granted) ? ch->grant.nr : 0;
		closed += n;
		if (READ_ONCE(ch->overdue))
			overdue += n;
	}
	spin_unlock(&ivc_front.lock);
	return overdue > IVC_MAX_OVERDUE || closed > IVC_MAX_CLOSED ? -EBUSY
								    : 0;
}

/*
 * The error for a channel that ended while it was being made: its backend is
 * gone, the other end is gone, or our guest is suspended.
 */
static int why_ended(const struct ivc_chan *ch)
{
	if (!ivcf_ctl_is(ch->epoch))
		return -ENODEV;
	return ch->conn ? -ECONNABORTED : ch->status;
}

/*
 * The other end may use our grants and our port as soon as the request is sent.
 * A channel that has ended meanwhile is not sent.
 */
static int invite(struct ivc_chan *ch)
{
	int err = 0;

	mutex_lock(&ch->lock);
	if (ch->state == IVC_CHAN_NEW)
		ch->invite = IVC_INVITE_ASKED;
	else
		err = why_ended(ch);
	mutex_unlock(&ch->lock);
	return err;
}

/* ------------------------------------------------------------- offer */

static int lookup(const struct ivc_chan *ch, u64 peer,
		  struct ivc_abi_host *host)
{
	struct ivc_request *req =
		ivcf_request_new(IVC_MSG_LOOKUP, ch->epoch, ch->member);
	int err;

	req->msg.lookup.member = peer;
	ivcf_ctl_send(req);
	err = ivcf_ctl_wait(req, IVC_REPLY_TIMEOUT);
	if (!err) {
		host->member = peer;
		host->id = req->msg.looked.id;
		host->domid = req->msg.looked.domid;
		host->local = !!req->msg.looked.local;
	}
	ivcf_request_put(req);
	return err;
}

/*
 * In the event work, before any event of this connection. The process may have
 * given up, or the guest may be suspended. Then the channel is closed at once,
 * but our grants and the port stay until the other end cannot use them any
 * more.
 */
static void connect_done(struct ivc_request *req)
{
	struct ivc_chan *ch = req->data;

	mutex_lock(&ch->lock);
	/*
	 * The other end has the offer: it is too late to fail for want of
	 * memory.
	 */
	if (!req->status)
		req->status = ivcf_conn_add(ch, req->msg.offer.conn,
					    GFP_KERNEL | __GFP_NOFAIL);
	if (!req->status)
		ivcf_chan_event(ch, IVC_CHAN_OFFER, 0);
	ivcf_chan_answered(ch, req->status);
	mutex_unlock(&ch->lock);
	ivcf_chan_put(ch);
}

static int offer(struct ivc_chan *ch, u32 dir_gref)
{
	struct ivc_request *req;
	int err = invite(ch);

	if (err)
		return err;
	req = ivcf_request_new(IVC_MSG_CONNECT, ch->epoch, ch->member);
	req->msg.offer.peer = ch->peer.member;
	req->msg.offer.dir_gref = dir_gref;
	req->msg.offer.port = ch->local ? 0 : ch->port;
	req->msg.offer.tx_shift = ilog2(ch->tx_size);
	req->msg.offer.rx_shift = ilog2(ch->rx_size);
	req->done = connect_done;
	ivcf_chan_get(ch);
	req->data = ch;
	ivcf_ctl_send(req);
	err = ivcf_ctl_wait(req, IVC_REPLY_TIMEOUT);
	ivcf_request_put(req);
	return err;
}

/*
 * Grant our pages to the peer, and allocate a port for it. Under ch->lock,
 * because a detach at this moment ends all that an end has granted.
 */
static int grant_own(struct ivc_chan *ch, u32 *dir_gref)
{
	domid_t peer = ch->peer.domid;
	int err;

	mutex_lock(&ch->lock);
	if (ch->state != IVC_CHAN_NEW)
		err = why_ended(ch);
	else
		err = may_grant(peer)
			      ?: ivcf_grant_pages(&ch->grant, peer, dir_gref)
			      ?: ivcf_doorbell_offer(ch, peer);
	mutex_unlock(&ch->lock);
	return err;
}

static int size_or_default(u32 size, u32 *out)
{
	*out = size ?: 1u << IVC_RING_DEFAULT_SHIFT;
	return ivc_ring_size_ok(*out) ? 0 : -EINVAL;
}

int ivcf_connect(struct ivc_ctx *ctx, struct ivc_abi_connect *arg,
		 struct ivc_chan **chp)
{
	u32 epoch, dir_gref = 0;
	u64 member = ivcf_ctx_member(ctx, &epoch);
	struct ivc_chan *ch;
	int err;

	if (!member)
		return ivcf_ctx_registered(ctx) ? -ENODEV : -ENOTCONN;
	ch = ivcf_chan_new(ctx, epoch, member);
	if (!ch)
		return -ENOMEM;
	err = size_or_default(arg->tx_size, &ch->tx_size) ?:
	      size_or_default(arg->rx_size, &ch->rx_size) ?:
	      lookup(ch, arg->member, &ch->peer);
	if (err)
		goto err_put;
	ch->local = ch->peer.local;
	err = ivcf_grant_alloc(&ch->grant, ch->tx_size);
	if (err)
		goto err_put;
	chan_list(ch);
	if (!ch->local)
		err = grant_own(ch, &dir_gref);
	if (!err)
		err = offer(ch, dir_gref);
	if (err)
		goto err_close;
	*chp = ch;
	return 0;

err_close:
	ivcf_chan_drop(ch, -ECONNRESET);
	return err;
err_put:
	ivcf_chan_put(ch);
	return err;
}

/* ------------------------------------------------------------ accept */

/*
 * Connect with the offering end, which is in this guest: first that end with
 * ours, then ours with that end, because no two channels are locked at once. In
 * between the other end may end and tell us so, or the guest may lose its
 * backend.
 */
static int pair_locally(struct ivc_chan *ch, const struct ivc_msg *msg)
{
	struct ivc_chan *other;
	int err = -ECONNABORTED;

	other = ivcf_conn_find(msg->offer.conn);
	if (!other)
		return err;
	mutex_lock(&other->lock);
	if (other->local && other->state == IVC_CHAN_OFFERED &&
	    !other->partner && other->peer.member == ch->member &&
	    ch->tx_size <= other->rx_size) {
		ivcf_chan_get(ch);
		other->partner = ch;
		err = 0;
	}
	mutex_unlock(&other->lock);
	if (err) {
		ivcf_chan_put(other);
		return err;
	}
	mutex_lock(&ch->lock);
	ch->partner = other;
	ch->rx_size = other->tx_size;
	if (ch->state == IVC_CHAN_NEW)
		WRITE_ONCE(ch->established, true);
	else
		err = why_ended(ch);
	mutex_unlock(&ch->lock);
	return err;
}

/* Connect with the offering end, which is in another guest. */
static int map_offerer(struct ivc_chan *ch, const struct ivc_msg *msg,
		       u32 *dir_gref)
{
	int err;

	mutex_lock(&ch->lock);
	if (ch->state != IVC_CHAN_NEW)
		err = why_ended(ch);
	else
		err = may_grant(ch->peer.domid)
			      ?: ivcf_chan_map_peer(ch, msg->offer.dir_gref,
					  msg->offer.tx_shift)
			      ?: ivcf_grant_pages(&ch->grant, ch->peer.domid,
					       dir_gref);
	if (!err) {
		ivcf_doorbell_see(ch);
		err = ivcf_doorbell_bind(ch, ch->peer.domid, msg->offer.port);
	}
	/* From here on the peer's memory is mapped, whatever else fails. */
	ch->established = !err;
	mutex_unlock(&ch->lock);
	return err;
}

/*
 * In the event work. The peer may have written its state after its pages were
 * mapped here. An end in state NEW could not follow, and the peer does not ring
 * again, so the work item reads that state now.
 */
static void accept_done(struct ivc_request *req)
{
	struct ivc_chan *ch = req->data;

	mutex_lock(&ch->lock);
	if (req->status)
		ivcf_chan_event(ch, IVC_CHAN_FAIL, -ECONNABORTED);
	else if (ivcf_chan_event(ch, IVC_CHAN_TAKEN, 0))
		ivcf_chan_queue_work(ch);
	ivcf_chan_answered(ch, req->status);
	mutex_unlock(&ch->lock);
	ivcf_chan_put(ch);
}

static int take(struct ivc_chan *ch, u32 dir_gref)
{
	struct ivc_request *req;
	int err = invite(ch);

	if (err)
		return err;
	req = ivcf_request_new(IVC_MSG_ACCEPT, ch->epoch, ch->member);
	req->msg.accept.conn = ch->conn;
	req->msg.accept.dir_gref = dir_gref;
	req->msg.accept.tx_shift = ilog2(ch->tx_size);
	req->done = accept_done;
	ivcf_chan_get(ch);
	req->data = ch;
	ivcf_ctl_send(req);
	err = ivcf_ctl_wait(req, IVC_REPLY_TIMEOUT);
	ivcf_request_put(req);
	return err == -ENOENT ? -ECONNABORTED : err;
}

/* Set all that the channel needs before other threads can find it. */
static int prepare(struct ivc_chan *ch, const struct ivc_msg *msg, u32 tx_max)
{
	ch->local = msg->flags & IVC_OFFER_LOCAL;
	ch->peer = (struct ivc_abi_host){
		.member = msg->offer.peer,
		.id = msg->offer.peer_id,
		.domid = msg->offer.domid,
		.local = ch->local,
	};
	if (!ivc_ring_shift_ok(msg->offer.tx_shift) ||
	    !ivc_ring_shift_ok(msg->offer.rx_shift))
		return -EPROTO;
	ch->tx_size = 1u << msg->offer.rx_shift;
	if (tx_max && tx_max < ch->tx_size)
		ch->tx_size = tx_max;
	return ivcf_grant_alloc(&ch->grant, ch->tx_size);
}

/*
 * Make the channel findable before anything has to be undone. In a local pair
 * the number finds the offerer's end only. The number is valid while the
 * backend that made the offer is connected; when that backend goes, suspend.c
 * finds the channel on the list.
 */
static int make_findable(struct ivc_chan *ch, u32 conn)
{
	int err = 0;

	chan_list(ch);
	mutex_lock(&ch->lock);
	if (ch->state != IVC_CHAN_NEW || !ivcf_ctl_is(ch->epoch))
		err = why_ended(ch);
	else if (ch->local)
		ch->conn = conn;
	else
		err = ivcf_conn_add(ch, conn, GFP_KERNEL);
	mutex_unlock(&ch->lock);
	return err;
}

static int accept_offer(struct ivc_chan *ch, const struct ivc_msg *msg,
			u32 tx_max)
{
	u32 dir_gref = 0;
	int err;

	err = prepare(ch, msg, tx_max) ?: make_findable(ch, msg->offer.conn);
	if (err)
		return err;
	err = ch->local ? pair_locally(ch, msg)
			: map_offerer(ch, msg, &dir_gref);
	return err ?: take(ch, dir_gref);
}

int ivcf_accept(struct ivc_ctx *ctx, struct ivc_abi_accept *arg,
		struct ivc_chan **chp)
{
	struct ivc_offer *o;
	struct ivc_chan *ch;
	int err, reason;

	if (arg->tx_max && !ivc_ring_size_ok(arg->tx_max))
		return -EINVAL;
	o = ivcf_offer_take(ctx);
	if (!o) {
		if (!ivcf_ctx_registered(ctx))
			return -ENOTCONN;
		return READ_ONCE(ctx->member) ? -EAGAIN : -ENODEV;
	}
	ch = ivcf_chan_new(ctx, o->epoch, o->msg.member);
	if (!ch) {
		ivcf_offer_refuse(o->epoch, o->msg.member, o->msg.offer.conn,
				  -ENOMEM);
		kfree(o);
		return -ENOMEM;
	}
	err = accept_offer(ch, &o->msg, arg->tx_max);
	if (err) {
		/* CLOSE tells the backend the reason, and so the offerer. */
		reason = err == -EPROTO || err == -ENOMEM ? err : -ECONNREFUSED;
		if (!ch->conn)
			ivcf_offer_refuse(ch->epoch, ch->member,
					  o->msg.offer.conn, reason);
		kfree(o);
		ivcf_chan_drop(ch, reason);
		/* A faulty offer is no error of the accepter. */
		return err == -EPROTO || err == -EBUSY ? -ECONNABORTED : err;
	}
	kfree(o);
	arg->peer = ch->peer;
	*chp = ch;
	return 0;
}
