// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: an offer is passed to the peer's frontend, its acceptance back,
 * and from then on each end is told when the other has gone. Grant references
 * and ports pass through as numbers; what they are worth the frontends find out
 * from the hypervisor.
 *
 *   CONNECT -> OFFERED --ACCEPT--> OPEN
 *                 |                  |
 *                 | CLOSE of one end | (or its guest or context gone)
 *                 v                  v
 *                HALF: the other is owed EV_GONE, its CLOSE is awaited
 *                 |
 *                 v CLOSE of the other: the first is owed EV_GONE too
 *               freed, when nothing is owed any more
 *
 * An end is charged to its guest until that guest has closed it.
 */
#include <linux/slab.h>

#include <ivc/limits.h>
#include <ivc/ring.h>

#include "back.h"

/* Pages an end grants for a ring of 2^@shift bytes, directory included. */
static u32 end_pages(u8 shift)
{
	u32 refs = IVC_DIR_HEAD + (1u << (shift - IVC_RING_MIN_SHIFT));

	return refs + DIV_ROUND_UP(refs, IVC_DIR_REFS);
}

static bool owes(const struct ivc_end *end)
{
	return end->fe && end->owed.events;
}

static void conn_free_if_done(struct ivc_conn *c)
{
	int i;

	if (c->busy || !c->end[0].closed || !c->end[1].closed ||
	    owes(&c->end[0]) || owes(&c->end[1]))
		return;
	for (i = 0; i < 2; i++)
		if (c->end[i].fe)
			list_del(&c->end[i].in_fe);
	xa_erase(&ivc_back.conns, c->nr);
	kfree(c);
}

static int charge(struct ivc_end *end, u8 tx_shift)
{
	struct ivc_fe *fe = end->fe;
	u32 pages = end_pages(tx_shift);

	if (fe->used.channels >= fe->max.channels ||
	    pages > fe->max.pages - min(fe->max.pages, fe->used.pages))
		return -EDQUOT;
	fe->used.channels++;
	fe->used.pages += pages;
	end->pages = pages;
	end->tx_shift = tx_shift;
	end->charged = true;
	return 0;
}

static void uncharge(struct ivc_end *end)
{
	if (!end->charged || !end->fe)
		return;
	end->fe->used.channels--;
	end->fe->used.pages -= end->pages;
	end->charged = false;
}

static void owe_nothing(struct ivc_end *end, unsigned int events)
{
	if (!owes(end))
		return;
	end->owed.events &= ~events;
	if (!end->owed.events)
		list_del_init(&end->owed.node);
}

/* One end has closed, or is gone. The caller has checked that it had not. */
static void end_close_busy(struct ivc_end *end, int reason)
{
	struct ivc_conn *c = end->conn;
	struct ivc_end *peer = end == &c->end[0] ? &c->end[1] : &c->end[0];
	bool offered = c->state == CONN_OFFERED;

	c->state = CONN_HALF;
	end->closed = true;
	uncharge(end);
	if (offered && c->end[1].fe)
		c->end[1].fe->used.pending--;
	/* Of an offer that nobody has seen yet there is nothing to undo. */
	if (offered && peer == &c->end[1] && peer->owed.events & OWE_OFFER) {
		owe_nothing(peer, ~0u);
		peer->closed = true;
		end->reason = reason;
		if (end->fe)
			ivc_ring_owe(end->fe, &end->owed, OWE_GONE);
	} else if (peer->fe) {
		peer->reason = reason;
		ivc_ring_owe(peer->fe, &peer->owed, OWE_GONE);
	}
	if (offered && end == &c->end[1])
		owe_nothing(end, OWE_OFFER);
}

static void end_close(struct ivc_end *end, int reason)
{
	struct ivc_conn *c = end->conn;

	/* Telling the peer pays its debts, which may free what is done. */
	c->busy = true;
	end_close_busy(end, reason);
	c->busy = false;
	conn_free_if_done(c);
}

/* How many offers of @from wait for an accept of @to. */
static u32 pending_from(struct ivc_fe *from, struct ivc_fe *to)
{
	struct ivc_end *end;
	u32 n = 0;

	list_for_each_entry (end, &to->ends, in_fe)
		if (end == &end->conn->end[1] &&
		    end->conn->state == CONN_OFFERED &&
		    end->conn->end[0].fe == from)
			n++;
	return n;
}

static void end_init(struct ivc_conn *c, int side, struct ivc_member *m)
{
	struct ivc_end *end = &c->end[side];

	end->conn = c;
	end->fe = m->fe;
	end->member = m->nr;
	end->id = m->id;
	end->domid = m->fe->domid;
	end->owed.conn = true;
	INIT_LIST_HEAD(&end->owed.node);
}

int ivc_conn_offer(struct ivc_member *from, struct ivc_member *to,
		   const struct ivc_msg *req, u32 *nr)
{
	struct ivc_conn *c;
	int err;

	if (!ivc_ring_shift_ok(req->offer.tx_shift) ||
	    !ivc_ring_shift_ok(req->offer.rx_shift))
		return -EINVAL;
	/* One guest must not take the whole backlog of another: a quarter. */
	if (to->fe->used.pending >= to->fe->max.pending ||
	    pending_from(from->fe, to->fe) >=
		    ivc_pending_share(to->fe->max.pending))
		return -EBUSY;

	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	end_init(c, 0, from);
	end_init(c, 1, to);
	c->end[0].dir_gref = req->offer.dir_gref;
	c->port = req->offer.port;
	c->rx_shift = req->offer.rx_shift;
	c->since = jiffies;
	err = charge(&c->end[0], req->offer.tx_shift);
	if (err)
		goto err_free;
	err = xa_alloc_cyclic(&ivc_back.conns, &c->nr, c, XA_LIMIT(1, U32_MAX),
			      &ivc_back.next_conn, GFP_KERNEL);
	if (err < 0)
		goto err_uncharge;

	list_add_tail(&c->end[0].in_fe, &from->fe->ends);
	list_add_tail(&c->end[1].in_fe, &to->fe->ends);
	to->fe->used.pending++;
	*nr = c->nr;
	ivc_ring_owe(to->fe, &c->end[1].owed, OWE_OFFER);
	return 0;

err_uncharge:
	uncharge(&c->end[0]);
err_free:
	kfree(c);
	return err;
}

int ivc_conn_accept(struct ivc_member *m, const struct ivc_msg *req)
{
	struct ivc_conn *c = xa_load(&ivc_back.conns, req->accept.conn);
	int err;

	if (!c || c->state != CONN_OFFERED || c->end[1].member != m->nr)
		return -ENOENT;
	/* The accepter's ring may be smaller than was asked, not larger. */
	if (!ivc_ring_shift_ok(req->accept.tx_shift) ||
	    req->accept.tx_shift > c->rx_shift)
		return -EINVAL;
	err = charge(&c->end[1], req->accept.tx_shift);
	if (err)
		return err;
	c->end[1].dir_gref = req->accept.dir_gref;
	c->end[1].fe->used.pending--;
	c->state = CONN_OPEN;
	c->accepted = true;
	ivc_ring_owe(c->end[0].fe, &c->end[0].owed, OWE_ACCEPTED);
	return 0;
}

/* @left: the number again if the other end is still to close, else 0. */
int ivc_conn_close(struct ivc_fe *fe, const struct ivc_msg *req, u32 *left)
{
	struct ivc_conn *c = xa_load(&ivc_back.conns, req->close.conn);
	int i;

	for (i = 0; c && i < 2; i++) {
		/* The member tells the ends apart when both are of one guest;
		 * it may have left its group since.
		 */
		if (c->end[i].fe != fe || c->end[i].member != req->member ||
		    c->end[i].closed)
			continue;
		*left = c->end[!i].closed ? 0 : c->nr;
		end_close(&c->end[i], ivc_wire_reason(req->close.reason));
		return 0;
	}
	return -ENOENT;
}

/*
 * An offer to @m, withdrawn or not: its frontend drops those it has not taken,
 * so that nobody but us will close that end.
 */
static struct ivc_end *offered_to(struct ivc_member *m)
{
	struct ivc_end *end;

	list_for_each_entry (end, &m->fe->ends, in_fe)
		if (end == &end->conn->end[1] && end->member == m->nr &&
		    !end->conn->accepted && !end->closed)
			return end;
	return NULL;
}

/* A member leaves: nobody will take what is offered to it. */
void ivc_conn_refuse_member(struct ivc_member *m)
{
	struct ivc_end *end;

	/* From the start each time: closing one end may free others. */
	while ((end = offered_to(m)))
		end_close(end, -ECONNREFUSED);
}

/* The frontend has gone, and with it every end it had. */
void ivc_conn_drop_fe(struct ivc_fe *fe)
{
	while (!list_empty(&fe->ends)) {
		struct ivc_end *end =
			list_first_entry(&fe->ends, struct ivc_end, in_fe);
		struct ivc_conn *c = end->conn;

		owe_nothing(end, ~0u);
		if (!end->closed) {
			c->busy = true;
			end_close_busy(end, -ECONNRESET);
			c->busy = false;
		}
		owe_nothing(end, ~0u);
		list_del(&end->in_fe);
		end->fe = NULL;
		conn_free_if_done(c);
	}
}

/* Fill in the one event @ev that an end is owed. */
void ivc_conn_event(struct ivc_owed *owed, unsigned int ev, struct ivc_msg *msg)
{
	struct ivc_end *end = container_of(owed, struct ivc_end, owed);
	struct ivc_conn *c = end->conn;

	msg->member = end->member;
	switch (ev) {
	case OWE_OFFER:
		msg->op = IVC_MSG_EV_OFFER;
		if (c->end[0].fe == c->end[1].fe)
			msg->flags = IVC_OFFER_LOCAL;
		msg->offer.peer = c->end[0].member;
		msg->offer.conn = c->nr;
		msg->offer.peer_id = c->end[0].id;
		msg->offer.dir_gref = c->end[0].dir_gref;
		msg->offer.port = c->port;
		msg->offer.domid = c->end[0].domid;
		msg->offer.tx_shift = c->end[0].tx_shift;
		msg->offer.rx_shift = c->rx_shift;
		break;
	case OWE_ACCEPTED:
		msg->op = IVC_MSG_EV_ACCEPTED;
		msg->accept.conn = c->nr;
		msg->accept.dir_gref = c->end[1].dir_gref;
		msg->accept.tx_shift = c->end[1].tx_shift;
		break;
	case OWE_GONE:
		msg->op = IVC_MSG_EV_GONE;
		msg->close.conn = c->nr;
		msg->close.reason = end->reason;
		break;
	}
}

void ivc_conn_paid(struct ivc_owed *owed)
{
	conn_free_if_done(container_of(owed, struct ivc_end, owed)->conn);
}
