// SPDX-License-Identifier: GPL-2.0
/*
 * How a channel comes to be.
 *
 *   offerer                     backend                     accepter
 *   LOOKUP: in which domain ->
 *   own pages, granted to it;
 *   a port for it
 *   CONNECT ------------------> EV_OFFER -----------------> waits in context
 *                                                           map, own pages,
 *                                                           grant, bind port
 *   map, OPEN <---------------- EV_ACCEPTED <-------------- ACCEPT, OPEN
 *
 * Both ends check all they are given; whatever is wrong ends this channel with
 * an error, on both sides, and nothing else.
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
 * May @domid be granted more pages? A guest that does not let go of those of
 * closed channels could go on until no memory and no grant reference is left
 * here, so it gets no further ones meanwhile: few, if they are overdue; or very
 * many, since letting go takes a moment.
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
		/* One that is mapped keeps all of its channel's. */
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
 * Why has a channel ended that was still being made? Because there is no
 * backend any more; or else the other end has gone, or our guest leaves.
 */
static int why_ended(const struct ivc_chan *ch)
{
	if (!ivcf_ctl_is(ch->epoch))
		return -ENODEV;
	return ch->conn ? -ECONNABORTED : ch->status;
}

/*
 * From here on the other end may come to what is ours, as soon as the request
 * is sent. Nothing is sent for a channel that has ended meanwhile.
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
 * In the event work, before any event about this connection. Its process may
 * have given up, or the guest have left: then it is closed at once, but what we
 * have granted stays until the other end cannot come to it any more.
 */
static void connect_done(struct ivc_request *req)
{
	struct ivc_chan *ch = req->data;

	mutex_lock(&ch->lock);
	/* The other end has the offer: there is no way back for want of memory.
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
 * What the peer needs of us. Under the lock, since the device may go at this
 * moment: an end that has left takes back what it has granted.
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
 * Join up with the end in this guest that has offered: first it with us, then
 * we with it, since no two channels are locked at once. In between it may end
 * already, and tell us; or the guest may lose its backend, and end us.
 */
static int meet_partner(struct ivc_chan *ch, const struct ivc_msg *msg)
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

/* Or with one in another guest. */
static int meet_peer(struct ivc_chan *ch, const struct ivc_msg *msg,
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
		WRITE_ONCE(ch->peer_kctl, page_address(ch->map.pages[0]));
		err = ivcf_doorbell_bind(ch, ch->peer.domid, msg->offer.port);
	}
	/* Its memory is there, whatever comes next. */
	ch->established = !err;
	mutex_unlock(&ch->lock);
	return err;
}

/*
 * In the event work. A word of the peer that came after its pages were mapped
 * could not be carried out while this end was NEW, and the peer does not repeat
 * it.
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

/* Give the channel all that it needs before anybody can find it. */
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
 * To be found before there is something to undo; of a local pair the offerer's
 * end is the one that is found. The number is one of the backend that has made
 * the offer, as long as that is there: then its end finds us in the list.
 */
static int be_found(struct ivc_chan *ch, u32 conn)
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

	err = prepare(ch, msg, tx_max) ?: be_found(ch, msg->offer.conn);
	if (err)
		return err;
	err = ch->local ? meet_partner(ch, msg) : meet_peer(ch, msg, &dir_gref);
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
		/* Closing tells the backend, and so the offerer, why. */
		reason = err == -EPROTO || err == -ENOMEM ? err : -ECONNREFUSED;
		if (!ch->conn)
			ivcf_offer_refuse(ch->epoch, ch->member,
					  o->msg.offer.conn, reason);
		kfree(o);
		ivcf_chan_drop(ch, reason);
		/* An offer that is no good is no error of the accepter's. */
		return err == -EPROTO || err == -EBUSY ? -ECONNABORTED : err;
	}
	kfree(o);
	arg->peer = ch->peer;
	*chp = ch;
	return 0;
}
