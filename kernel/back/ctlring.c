// SPDX-License-Identifier: GPL-2.0
/*
 * The control ring of one frontend. The page belongs to the guest: indices are
 * taken once and bounded, slots are copied before they are looked at, and our
 * own indices live in struct ivc_fe, the shared ones being output only.
 */
#include <linux/jiffies.h>
#include <xen/events.h>

#include <ivc/protocol/barrier.h>

#include "back.h"

/* Requests handled before others get their turn. */
#define BUDGET IVC_CTL_REQS

/*
 * Found by the frontend's own work or by another's that has something to tell
 * it; its own work lets go of what it has, and says why.
 */
static void ring_broken(struct ivc_fe *fe, const char *what)
{
	if (fe->state != FE_OPEN)
		return;
	fe->state = FE_BROKEN;
	fe->fault = what;
	queue_delayed_work(ivc_back.wq, &fe->work, 0);
}

/* The next request into @msg: 1, 0 when there is none, -EPROTO. */
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
	/* The compiler must not go back to the page for what was copied. */
	barrier();
	/* Release: the slot is free only after the copy. */
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

/* Is there room? If not, ask to be told when there is. */
static bool room_or_ask(struct ivc_fe *fe)
{
	if (!room_for_event(fe)) {
		/*
		 * The fence pairs with the frontend's, between its store of
		 * ev_cons and its load of ev_want: one of us sees the other.
		 */
		ivc_store(&fe->ctl->ev_want, 1);
		ivc_fence();
		if (!room_for_event(fe))
			return false;
	}
	ivc_store(&fe->ctl->ev_want, 0);
	return true;
}

/* Only after room_or_ask(). */
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

/* Send what is owed as far as there is room, oldest debtor first: how much? */
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

/* @fe shall be told @ev about the owner of @owed, now or when there is room. */
void ivcb_ctlring_owe(struct ivc_fe *fe, struct ivc_owed *owed, unsigned int ev)
{
	if (!owed->events)
		list_add_tail(&owed->node, &fe->owed);
	owed->events |= ev;
	/* The slot that a request found free is for its reply. */
	if (fe->replying)
		return;
	pay(fe);
	notify(fe);
}

/*
 * @moved counts what was sent: a frontend that wakes us for that, or for its
 * requests, has not done so without reason.
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
 * Everything of the guest goes now. Nothing was under way but this work, and
 * nothing will be: no event comes, since EOI is never said, and nobody queues
 * work for what has ended. The rest follows when the guest or the toolstack
 * moves.
 */
static void let_go(struct ivc_fe *fe)
{
	fe->state = FE_ENDED;
	fe->ops->drop(fe);
	ivcb_audit();
}

/*
 * Woken by the frontend's event channel, which stays masked until we say EOI:
 * a guest cannot make us run more often than this work item runs.
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
		return; /* whoever changes that says EOI, or unbinds the irq */
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
