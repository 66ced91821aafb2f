// SPDX-License-Identifier: GPL-2.0
/*
 * The control ring of one frontend. The page belongs to the guest: indices are
 * taken once and bounded, slots are copied before they are looked at, and our
 * own indices live in struct ivc_fe, the shared ones being output only.
 */
#include <linux/jiffies.h>
#include <xen/events.h>

#include <ivc/barrier.h>

#include "back.h"

/* Requests handled before others get their turn. */
#define BUDGET IVC_CTL_REQS

static void ring_broken(struct ivc_fe *fe, const char *what)
{
	if (fe->broken)
		return;
	fe->broken = true;
	xenbus_dev_error(fe->dev, -EPROTO,
			 "guest %u broke its control ring: %s", fe->domid,
			 what);
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
	if (fe->ev_notified == fe->ev_prod)
		return;
	fe->ev_notified = fe->ev_prod;
	notify_remote_via_irq(fe->irq);
}

static void hosts_event(struct ivc_owed *owed, struct ivc_msg *msg)
{
	struct ivc_member *m = container_of(owed, struct ivc_member, owed);

	msg->op = IVC_MSG_EV_HOSTS;
	msg->member = m->nr;
	msg->hosted.generation = m->group->generation;
}

/* Send what is owed as far as there is room: oldest debtor first. */
static void pay(struct ivc_fe *fe)
{
	while (!list_empty(&fe->owed) && !fe->broken) {
		struct ivc_owed *owed =
			list_first_entry(&fe->owed, struct ivc_owed, node);
		unsigned int ev = owed->events & -owed->events;
		struct ivc_msg msg = {};

		if (!room_or_ask(fe))
			return;
		if (owed->conn)
			ivc_conn_event(owed, ev, &msg);
		else
			hosts_event(owed, &msg);
		put(fe, &msg);
		owed->events &= ~ev;
		if (!owed->events) {
			list_del_init(&owed->node);
			if (owed->conn)
				ivc_conn_paid(owed);
		}
	}
}

/* @fe shall be told @ev about the owner of @owed, now or when there is room. */
void ivc_ring_owe(struct ivc_fe *fe, struct ivc_owed *owed, unsigned int ev)
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

static enum ivc_rate serve_one(struct ivc_fe *fe, bool *more)
{
	struct ivc_msg req, reply = {};
	enum ivc_rate rate;

	*more = false;
	pay(fe);
	if (fe->broken || ivc_load(&fe->ctl->req_prod) == fe->req_cons ||
	    !room_or_ask(fe))
		return RATE_OK;
	rate = ivc_policy_rate(fe);
	if (rate == RATE_STALL || take(fe, &req) <= 0)
		return rate;

	fe->requests++;
	reply.op = IVC_MSG_REPLY;
	reply.cookie = req.cookie;
	if (rate == RATE_REFUSE) {
		reply.status = -EBUSY;
	} else {
		fe->replying = true;
		ivc_request(fe, &req, &reply);
		fe->replying = false;
	}
	if (reply.status)
		fe->refused++;
	put(fe, &reply);
	pay(fe);
	*more = true;
	return rate;
}

/*
 * Woken by the frontend's event channel, which stays masked until we say EOI:
 * a guest cannot make us run more often than this work item runs.
 */
void ivc_ring_work(struct work_struct *work)
{
	struct ivc_fe *fe =
		container_of(to_delayed_work(work), struct ivc_fe, work);
	unsigned int done = 0;
	bool more = true, stall = false;

	while (more && done < BUDGET) {
		mutex_lock(&ivc_back.lock);
		stall = serve_one(fe, &more) == RATE_STALL;
		if (!more)
			notify(fe);
		mutex_unlock(&ivc_back.lock);
		done += more;
		cond_resched();
	}
	mutex_lock(&ivc_back.lock);
	notify(fe);
	if (fe->broken) {
		/*
		 * Everything of the guest goes now; the irq stays masked. The
		 * rest follows when the guest or the toolstack moves.
		 */
		ivc_fe_drop(fe);
		mutex_unlock(&ivc_back.lock);
		xenbus_switch_state(fe->dev, XenbusStateClosing);
		return;
	}
	mutex_unlock(&ivc_back.lock);
	if (stall)
		queue_delayed_work(ivc_back.wq, &fe->work,
				   time_before(jiffies, fe->window + HZ)
					   ? fe->window + HZ - jiffies
					   : 1);
	else if (more)
		queue_delayed_work(ivc_back.wq, &fe->work, 0);
	else
		xen_irq_lateeoi(fe->irq, done ? 0 : XEN_EOI_FLAG_SPURIOUS);
}
