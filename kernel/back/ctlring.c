// SPDX-License-Identifier: GPL-2.0
/*
 * The control ring of one frontend. The page belongs to the guest, which may be
 * hostile: this file loads each of the guest's indices once and checks it, and
 * copies a slot before it interprets it. The backend's own indices are in
 * struct ivc_fe; this file stores them to the page and never reads them back.
 */
#include <linux/jiffies.h>
#include <xen/events.h>

#include <ivc/protocol/barrier.h>

#include "back.h"

/* Requests that one run of a work item handles; then others have a turn. */
#define BUDGET IVC_CTL_REQS

/*
 * The guest has broken the protocol of its ring; @what names the index. The
 * caller is the frontend's own work item, or that of another frontend that
 * sends an event here. The frontend's own work item drops everything of the
 * guest and reports the fault.
 */
static void ring_broken(struct ivc_fe *fe, const char *what)
{
	if (fe->state != FE_OPEN)
		return;
	fe->state = FE_BROKEN;
	fe->fault = what;
	queue_delayed_work(ivc_back.wq, &fe->work, 0);
}

/* Copy the next request to @msg. Returns 1, 0 if there is none, or -EPROTO. */
static int take(struct ivc_fe *fe, struct ivc_msg *msg)
{
	u32 waiting;

	/* Acquire pairs with the frontend's release of req_prod. */
	waiting = ivc_load_acq(&fe->ctl->req_prod) - fe->req_cons;
	if (!waiting)
		return 0;
	if (waiting > IVC_CTL_REQS) {
		ring_broken(fe, "req_prod");
		return -EPROTO;
	}
	memcpy(msg, &fe->ctl->req[fe->req_cons % IVC_CTL_REQS], sizeof(*msg));
	/* The compiler must not load from the page again. */
	barrier();
	/* Release pairs with the frontend's load: the copy is done by then. */
	ivc_store_rel(&fe->ctl->req_cons, ++fe->req_cons);
	return 1;
}

static bool room_for_event(struct ivc_fe *fe)
{
	u32 used = fe->ev_prod - ivc_load_acq(&fe->ctl->ev_cons);

	if (used > IVC_CTL_EVENTS) {
		ring_broken(fe, "ev_cons");
		return false;
	}
	return used < IVC_CTL_EVENTS;
}

/* Whether there is room for an event. If not, ask for a notification. */
static bool room_or_ask(struct ivc_fe *fe)
{
	if (!room_for_event(fe)) {
		/*
		 * The fence pairs with the frontend's, between its store of
		 * ev_cons and its load of ev_want: either this side sees the
		 * room, or the frontend sees the request.
		 */
		ivc_store(&fe->ctl->ev_want, 1);
		ivc_fence();
		if (!room_for_event(fe))
			return false;
	}
	ivc_store(&fe->ctl->ev_want, 0);
	return true;
}

/* Append @msg to the events. The caller has found room by room_or_ask(). */
static void put(struct ivc_fe *fe, const struct ivc_msg *msg)
{
	memcpy(&fe->ctl->ev[fe->ev_prod % IVC_CTL_EVENTS], msg, sizeof(*msg));
	/* Release pairs with the frontend's acquire of ev_prod. */
	ivc_store_rel(&fe->ctl->ev_prod, ++fe->ev_prod);
}

static void notify(struct ivc_fe *fe)
{
	if (fe->ev_notified == fe->ev_prod || fe->state != FE_OPEN)
		return;
	fe->ev_notified = fe->ev_prod;
	notify_remote_via_irq(fe->irq);
}

/*
 * Send the events that are owed, those of the oldest object first, as far as
 * there is room. Returns how many were sent.
 */
static unsigned int pay(struct ivc_fe *fe)
{
	unsigned int paid = 0;

	while (!list_empty(&fe->owed) && fe->state == FE_OPEN) {
		struct ivc_owed *owed =
			list_first_entry(&fe->owed, struct ivc_owed, node);
		unsigned int ev = owed->events & -owed->events;
		struct ivc_msg msg = {};

		if (!room_or_ask(fe))
			break;
		owed->ops->event(owed, ev, &msg);
		put(fe, &msg);
		paid++;
		owed->events &= ~ev;
		if (!owed->events) {
			list_del_init(&owed->node);
			if (owed->ops->told)
				owed->ops->told(owed);
		}
	}
	return paid;
}

/* Send @fe the event @ev of the owner of @owed, now or when there is room. */
void ivcb_ctlring_owe(struct ivc_fe *fe, struct ivc_owed *owed, unsigned int ev)
{
	if (!owed->events)
		list_add_tail(&owed->node, &fe->owed);
	owed->events |= ev;
	/* The free slot that a request found is reserved for its reply. */
	if (fe->replying)
		return;
	pay(fe);
	notify(fe);
}

/*
 * Serve at most one request. Adds the number of messages sent to *@moved: a
 * notification that led to messages was not spurious. *@more: there may be
 * another request.
 */
static enum ivc_rate serve_one(struct ivc_fe *fe, bool *more,
			       unsigned int *moved)
{
	struct ivc_msg req, reply = {};
	enum ivc_rate rate;

	*more = false;
	*moved += pay(fe);
	if (fe->state != FE_OPEN ||
	    ivc_load(&fe->ctl->req_prod) == fe->req_cons || !room_or_ask(fe))
		return RATE_OK;
	rate = ivcb_policy_rate(fe);
	if (rate == RATE_STALL || take(fe, &req) <= 0)
		return rate;

	fe->requests++;
	reply.op = IVC_MSG_REPLY;
	reply.cookie = req.cookie;
	if (rate == RATE_REFUSE) {
		reply.status = -EBUSY;
	} else {
		fe->replying = true;
		fe->ops->request(fe, &req, &reply);
		fe->replying = false;
		ivcb_audit();
	}
	if (reply.status)
		fe->refused++;
	put(fe, &reply);
	*moved += 1 + pay(fe);
	*more = true;
	return rate;
}

/*
 * Drop all members and ends of a guest that has broken its ring. Only this work
 * item uses the frontend, and none will after it: no interrupt comes, since
 * its EOI is never sent. No code queues work for a frontend that has ended.
 * fe_disconnect() frees the rest, when the guest or the toolstack changes the
 * state of the device.
 */
static void let_go(struct ivc_fe *fe)
{
	fe->state = FE_ENDED;
	fe->ops->drop(fe);
	ivcb_audit();
}

/*
 * The work item of a frontend. The frontend's event channel queues it, and
 * stays masked until this function sends the EOI. So a guest cannot cause more
 * interrupts than this function has runs.
 */
void ivcb_ctlring_work(struct work_struct *work)
{
	struct ivc_fe *fe =
		container_of(to_delayed_work(work), struct ivc_fe, work);
	unsigned int done = 0, moved = 0;
	bool more = true, stall = false;
	enum ivc_fe_state state;

	while (more && done < BUDGET) {
		mutex_lock(&ivc_back.lock);
		stall = serve_one(fe, &more, &moved) == RATE_STALL;
		if (!more)
			notify(fe);
		mutex_unlock(&ivc_back.lock);
		done += more;
		cond_resched();
	}
	mutex_lock(&ivc_back.lock);
	state = fe->state;
	notify(fe);
	if (state == FE_BROKEN)
		let_go(fe);
	mutex_unlock(&ivc_back.lock);

	if (state == FE_BROKEN)
		xenbus_dev_fatal(fe->dev, -EPROTO,
				 "guest %u broke its control ring: %s",
				 fe->domid, fe->fault);
	else if (state != FE_OPEN)
		return; /* fe_start() or fe_disconnect() deal with the irq */
	else if (stall)
		queue_delayed_work(ivc_back.wq, &fe->work,
				   time_before(jiffies, fe->window + HZ)
					   ? fe->window + HZ - jiffies
					   : 1);
	else if (more)
		queue_delayed_work(ivc_back.wq, &fe->work, 0);
	else
		xen_irq_lateeoi(fe->irq, moved ? 0 : XEN_EOI_FLAG_SPURIOUS);
}
