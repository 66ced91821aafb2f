// SPDX-License-Identifier: GPL-2.0
/*
 * Connections. The backend passes an offer to the peer's frontend and the
 * acceptance back, and later tells each end when the other has closed. Grant
 * references and ports pass through as numbers; the hypervisor decides whether
 * they are valid when a frontend uses them.
 *
 * Each end has a state, and is charged to its guest according to that state:
 *
 *   offerer's   CONNECT
 *                  |
 *                  v      CLOSE              told EV_GONE, or
 *                OPEN -------------> CLOSING -----------------> DONE
 *                  ^                  ^        need not be
 *                  | ACCEPT           |
 *                  |      CLOSE       |
 *   accepter's  PENDING --------------'
 *                  `---------------------------------------> DONE
 *                      the offerer closes before EV_OFFER is sent
 *
 *   PENDING   one of max.pending, until the guest answers, even if the offer
 *             has been withdrawn meanwhile
 *   OPEN      one channel and its pages
 *   CLOSING   one of max.closing. The guest has closed, and either waits for
 *             the other end to close or has not read all its events. If the
 *             limit is reached, the end goes to DONE at once, and the guest
 *             gets no more events of it.
 *   DONE      nothing: the guest no longer takes part in the connection
 *
 * A connection is freed when both ends are DONE. So as long as a connection
 * exists, a guest is charged that can end it; and a guest whose peer does not
 * close or does not read its events is charged for that only as CLOSING.
 *
 * One guest can cause at most a quarter of the ends that another may have
 * PENDING or CLOSING. struct ivc_pair counts both, so that no list has to be
 * walked.
 */
#include <linux/slab.h>

#include <ivc/protocol/limits.h>
#include <ivc/protocol/ring.h>

#include "back.h"

/* Pages that an end grants for a ring of 2^@shift bytes, and its directory. */
static u32 end_pages(u8 shift)
{
	u32 refs = IVC_DIR_HEAD + (1u << (shift - IVC_RING_MIN_SHIFT));

	return refs + DIV_ROUND_UP(refs, IVC_DIR_REFS);
}

static struct ivc_end *other_end(struct ivc_end *end)
{
	return end == &end->conn->end[0] ? &end->conn->end[1]
					 : &end->conn->end[0];
}

/* Whether the guest of @end has closed it, or has gone. */
static bool is_closed(const struct ivc_end *end)
{
	return end->state == END_CLOSING || end->state == END_DONE;
}

/* --------------------------------------------------------------- pairs */

/* Count one more end of @fe with guest @domid. NULL: no memory. */
static struct ivc_pair *pair_get(struct ivc_fe *fe, domid_t domid)
{
	struct ivc_pair *pair = xa_load(&fe->pairs, domid);

	if (!pair) {
		pair = kzalloc(sizeof(*pair), GFP_KERNEL);
		if (!pair)
			return NULL;
		pair->domid = domid;
		if (xa_insert(&fe->pairs, domid, pair, GFP_KERNEL)) {
			kfree(pair);
			return NULL;
		}
	}
	pair->ends++;
	return pair;
}

static void pair_put(struct ivc_fe *fe, struct ivc_pair *pair)
{
	if (--pair->ends)
		return;
	xa_erase(&fe->pairs, pair->domid);
	kfree(pair);
}

/* --------------------------------------------------------------- charges */

static void charge_pending(struct ivc_end *end, struct ivc_member *m)
{
	end->state = END_PENDING;
	end->fe->used.pending++;
	end->pair->pending++;
	list_add_tail(&end->in_member, &m->offers);
}

static int charge_open(struct ivc_end *end, u8 tx_shift)
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
	return 0;
}

static bool may_be_closing(const struct ivc_end *end)
{
	const struct ivc_fe *fe = end->fe;

	return fe->used.closing < fe->max.closing &&
	       end->pair->closing < ivc_pending_share(fe->max.closing);
}

static void charge_closing(struct ivc_end *end)
{
	end->state = END_CLOSING;
	end->fe->used.closing++;
	end->pair->closing++;
}

/* End the charge for the state of @end. The caller then sets a new state. */
static void uncharge(struct ivc_end *end)
{
	struct ivc_fe *fe = end->fe;

	switch (end->state) {
	case END_PENDING:
		fe->used.pending--;
		end->pair->pending--;
		list_del(&end->in_member);
		break;
	case END_OPEN:
		fe->used.channels--;
		fe->used.pages -= end->pages;
		end->pages = 0;
		break;
	case END_CLOSING:
		fe->used.closing--;
		end->pair->closing--;
		break;
	case END_DONE:
		break;
	}
}

/* ------------------------------------------------------------- the ends */

static void owe_nothing(struct ivc_end *end)
{
	if (!end->owed.events)
		return;
	end->owed.events = 0;
	list_del_init(&end->owed.node);
}

static void end_done(struct ivc_end *end)
{
	owe_nothing(end);
	uncharge(end);
	end->state = END_DONE;
	list_del(&end->in_fe);
	pair_put(end->fe, end->pair);
	end->pair = NULL;
	end->fe = NULL;
}

/* Finish a closed end if its guest has no event of it to come. */
static void end_settle(struct ivc_end *end)
{
	if (end->state == END_CLOSING && !end->owed.events &&
	    is_closed(other_end(end)))
		end_done(end);
}

static void conn_free_if_done(struct ivc_conn *c)
{
	if (c->end[0].state != END_DONE || c->end[1].state != END_DONE)
		return;
	xa_erase(&ivc_back.conns, c->nr);
	kfree(c);
}

/*
 * @end has just been closed: send EV_GONE to the other end. That may send all
 * that the other end is owed, and so free the connection: it comes last.
 */
static void end_closed(struct ivc_end *end, int reason)
{
	struct ivc_end *told = other_end(end);

	/*
	 * The peer has not been sent the offer: it need not hear of it at all.
	 */
	if (told->state == END_PENDING && told->owed.events & OWE_OFFER) {
		end_done(told);
		told = end;
	} else {
		end_settle(end);
	}
	if (told->state == END_DONE) {
		conn_free_if_done(end->conn);
		return;
	}
	told->reason = reason;
	ivcb_ctlring_owe(told->fe, &told->owed, OWE_GONE);
}

/* Close @end, which is not closed yet. */
static void end_close(struct ivc_end *end, int reason)
{
	if (may_be_closing(end)) {
		uncharge(end);
		charge_closing(end);
	} else {
		end_done(end);
	}
	end_closed(end, reason);
}

/* Fill in the event @ev of an end. */
static void end_event(struct ivc_owed *owed, unsigned int ev,
		      struct ivc_msg *msg)
{
	struct ivc_end *end = container_of(owed, struct ivc_end, owed);
	struct ivc_conn *c = end->conn;

	msg->member = end->member;
	switch (ev) {
	case OWE_OFFER:
		msg->op = IVC_MSG_EV_OFFER;
		if (c->local)
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

/* All events of an end have been sent. */
static void end_told(struct ivc_owed *owed)
{
	struct ivc_end *end = container_of(owed, struct ivc_end, owed);
	struct ivc_conn *c = end->conn;

	end_settle(end);
	conn_free_if_done(c);
}

static const struct ivc_owed_ops end_ops = {
	.event = end_event,
	.told = end_told,
};

static int end_init(struct ivc_conn *c, int side, struct ivc_member *m,
		    struct ivc_member *other)
{
	struct ivc_end *end = &c->end[side];

	end->conn = c;
	end->state = END_DONE;
	end->fe = m->fe;
	end->member = m->nr;
	end->id = m->id;
	end->domid = m->fe->domid;
	end->owed.ops = &end_ops;
	INIT_LIST_HEAD(&end->owed.node);
	end->pair = pair_get(m->fe, other->fe->domid);
	return end->pair ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------- requests */

/* Whether @to has room for an offer: one guest gets at most a quarter of it. */
static bool may_offer(const struct ivc_fe *from, struct ivc_fe *to)
{
	struct ivc_pair *pair = xa_load(&to->pairs, from->domid);

	return to->used.pending < to->max.pending &&
	       (!pair || pair->pending < ivc_pending_share(to->max.pending));
}

int ivcb_conn_offer(struct ivc_member *from, struct ivc_member *to,
		    const struct ivc_msg *req, u32 *nr)
{
	struct ivc_conn *c;
	int err;

	if (!ivc_ring_shift_ok(req->offer.tx_shift) ||
	    !ivc_ring_shift_ok(req->offer.rx_shift))
		return -EINVAL;
	if (!may_offer(from->fe, to->fe))
		return -EBUSY;

	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	err = end_init(c, 0, from, to);
	if (err)
		goto err_free;
	err = end_init(c, 1, to, from);
	if (err)
		goto err_offerer;
	c->local = from->fe == to->fe;
	c->end[0].dir_gref = req->offer.dir_gref;
	c->port = req->offer.port;
	c->rx_shift = req->offer.rx_shift;
	c->since = jiffies;
	err = charge_open(&c->end[0], req->offer.tx_shift);
	if (err)
		goto err_accepter;
	c->end[0].state = END_OPEN;
	err = xa_alloc_cyclic(&ivc_back.conns, &c->nr, c, XA_LIMIT(1, U32_MAX),
			      &ivc_back.next_conn, GFP_KERNEL);
	if (err < 0)
		goto err_uncharge;

	list_add_tail(&c->end[0].in_fe, &from->fe->ends);
	list_add_tail(&c->end[1].in_fe, &to->fe->ends);
	charge_pending(&c->end[1], to);
	*nr = c->nr;
	ivcb_ctlring_owe(to->fe, &c->end[1].owed, OWE_OFFER);
	return 0;

err_uncharge:
	uncharge(&c->end[0]);
err_accepter:
	pair_put(to->fe, c->end[1].pair);
err_offerer:
	pair_put(from->fe, c->end[0].pair);
err_free:
	kfree(c);
	return err;
}

int ivcb_conn_accept(struct ivc_member *m, const struct ivc_msg *req)
{
	struct ivc_conn *c = xa_load(&ivc_back.conns, req->accept.conn);
	struct ivc_end *end;
	int err;

	if (!c)
		return -ENOENT;
	end = &c->end[1];
	if (end->state != END_PENDING || end->member != m->nr ||
	    is_closed(&c->end[0]))
		return -ENOENT;
	/*
	 * The accepter's ring may be smaller than the offer asks, not larger.
	 */
	if (!ivc_ring_shift_ok(req->accept.tx_shift) ||
	    req->accept.tx_shift > c->rx_shift)
		return -EINVAL;
	err = charge_open(end, req->accept.tx_shift);
	if (err)
		return err;
	uncharge(end); /* as PENDING */
	end->state = END_OPEN;
	end->dir_gref = req->accept.dir_gref;
	ivcb_ctlring_owe(c->end[0].fe, &c->end[0].owed, OWE_ACCEPTED);
	return 0;
}

/*
 * Sets *@left to the number if EV_GONE will still be sent to this end, else 0.
 */
int ivcb_conn_close(struct ivc_fe *fe, const struct ivc_msg *req, u32 *left)
{
	struct ivc_conn *c = xa_load(&ivc_back.conns, req->close.conn);
	int i;

	for (i = 0; c && i < 2; i++) {
		struct ivc_end *end = &c->end[i];

		/*
		 * The member distinguishes the ends if both are in one guest.
		 * It may have left its group meanwhile.
		 */
		if (is_closed(end) || end->fe != fe ||
		    end->member != req->member)
			continue;
		*left = is_closed(&c->end[!i]) || !may_be_closing(end) ? 0
								       : c->nr;
		end_close(end, ivc_wire_reason(req->close.reason));
		return 0;
	}
	return -ENOENT;
}

/*
 * A member leaves its group: refuse the offers that are pending at it. Its
 * frontend drops these offers, withdrawn or not, without a CLOSE, so that only
 * this function closes those ends.
 */
void ivcb_conn_refuse_member(struct ivc_member *m)
{
	/* Always the first one: closing an end may free others. */
	while (!list_empty(&m->offers))
		end_close(list_first_entry(&m->offers, struct ivc_end,
					   in_member),
			  -ECONNREFUSED);
}

/* The frontend has gone: end all its ends. */
void ivcb_conn_drop_fe(struct ivc_fe *fe)
{
	while (!list_empty(&fe->ends)) {
		struct ivc_end *end =
			list_first_entry(&fe->ends, struct ivc_end, in_fe);
		struct ivc_conn *c = end->conn;
		bool was_closed = is_closed(end);

		end_done(end);
		if (was_closed)
			conn_free_if_done(c);
		else
			end_closed(end, -ECONNRESET);
	}
}

const char *ivcb_conn_state(const struct ivc_conn *c)
{
	if (is_closed(&c->end[0]) || is_closed(&c->end[1]))
		return "half";
	return c->end[1].state == END_PENDING ? "offered" : "open";
}
