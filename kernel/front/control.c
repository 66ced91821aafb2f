// SPDX-License-Identifier: GPL-2.0
/*
 * The control ring, from the guest's side.
 *
 * At most IVC_CTL_REQS requests are in the ring unanswered; more wait in a
 * list. Replies and events come in one ring and are handled by one work item in
 * their order, which the rest of the driver relies on: a reply's `done` has run
 * before a later event is looked at.
 *
 * The backend may lie. A reply is matched to its request by a cookie that is
 * never the same twice in a row for a slot; indices are bounded; what does not
 * fit is dropped, or ends the connection to the backend.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/events.h>

#include "front.h"

#define REPLY_TIMEOUT (5 * HZ)

/* Events handled before other work items get their turn. */
#define BUDGET IVC_CTL_EVENTS

/*
 * More requests than this wait only if the backend does not answer, since most
 * of them are closes of what the quotas allow. Each event may add one.
 */
#define MAX_WAITING 65536u

static struct ivc_ctl {
	spinlock_t lock;
	bool up;
	bool broken; /* by the backend, which is to be dropped */
	struct xenbus_device *dev;
	struct ivc_page *ring_page, *table_page;
	int irq;
	unsigned int eoi; /* what the next EOI says, of event_work() */
	u32 req_prod;	  /* private: the shared ones are output only */
	u32 ev_cons;
	u32 turn; /* upper part of the next cookie */
	struct list_head waiting;
	u32 nr_waiting;
	struct ivc_request *inflight[IVC_CTL_REQS];
	struct work_struct work;
	struct mutex table_lock; /* one HOSTS at a time */
} ctl = {
	.lock = __SPIN_LOCK_UNLOCKED(ctl.lock),
	.waiting = LIST_HEAD_INIT(ctl.waiting),
	.table_lock = __MUTEX_INITIALIZER(ctl.table_lock),
	.irq = -1,
};

/* ---------------------------------------------------------- requests */

/* A small object on paths that must not fail: it is always found. */
struct ivc_request *ivc_request_new(u16 op, u64 member)
{
	struct ivc_request *req =
		kzalloc(sizeof(*req), GFP_KERNEL | __GFP_NOFAIL);

	kref_init(&req->ref);
	INIT_LIST_HEAD(&req->node);
	init_completion(&req->completed);
	req->msg.op = op;
	req->msg.member = member;
	return req;
}

static void request_free(struct kref *ref)
{
	kfree(container_of(ref, struct ivc_request, ref));
}

void ivc_request_put(struct ivc_request *req)
{
	kref_put(&req->ref, request_free);
}

/* Takes the reference that the ring held. */
static void finish(struct ivc_request *req, int status)
{
	req->status = status;
	if (req->done)
		req->done(req);
	complete_all(&req->completed);
	ivc_request_put(req);
}

static struct ivc_ctl_page *ring(void)
{
	return ctl.ring_page->at;
}

/* Move what waits into the ring while there is room. Under ctl.lock. */
static void pump(void)
{
	bool notify = false;
	u32 i;

	for (i = 0; i < IVC_CTL_REQS && !list_empty(&ctl.waiting); i++) {
		struct ivc_request *req;

		if (ctl.inflight[i])
			continue;
		req = list_first_entry(&ctl.waiting, struct ivc_request, node);
		list_del_init(&req->node);
		ctl.nr_waiting--;
		ctl.turn += IVC_CTL_REQS;
		req->msg.cookie = ctl.turn | i;
		ctl.inflight[i] = req;
		memcpy(&ring()->req[ctl.req_prod % IVC_CTL_REQS], &req->msg,
		       sizeof(req->msg));
		/* Release pairs with the backend's acquire of req_prod. */
		ivc_store_rel(&ring()->req_prod, ++ctl.req_prod);
		notify = true;
	}
	if (notify)
		notify_remote_via_irq(ctl.irq);
}

/*
 * Hand @req to the backend; its `done` and its waiter hear of the outcome, at
 * once (-ENODEV) if there is no backend.
 */
void ivc_request_send(struct ivc_request *req)
{
	bool up;

	kref_get(&req->ref);
	spin_lock(&ctl.lock);
	up = ctl.up;
	if (up) {
		list_add_tail(&req->node, &ctl.waiting);
		ctl.nr_waiting++;
		pump();
	}
	spin_unlock(&ctl.lock);
	if (!up)
		finish(req, -ENODEV);
}

/*
 * Wait for the reply: its status, -ETIMEDOUT, or -EINTR if the process is being
 * killed. In the last two `done` is still to come.
 */
int ivc_request_wait(struct ivc_request *req)
{
	long left = wait_for_completion_killable_timeout(&req->completed,
							 REPLY_TIMEOUT);

	if (left < 0)
		return -EINTR;
	return left ? req->status : -ETIMEDOUT;
}

static int copy_table(u32 count, u64 *after, struct ivc_abi_host *hosts,
		      u32 max, u32 *total)
{
	const struct ivc_host *table = ctl.table_page->at;
	u32 i;

	if (count > IVC_TABLE_HOSTS)
		return -EPROTO;
	for (i = 0; i < count; i++) {
		struct ivc_host h;

		memcpy(&h, &table[i], sizeof(h));
		barrier(); /* one copy, and only the copy is looked at */
		/* Ascending, so that this ends. */
		if (h.member <= *after)
			return -EPROTO;
		*after = h.member;
		if (*total < max)
			hosts[*total] = (struct ivc_abi_host){
				.member = h.member,
				.id = h.id,
				.domid = h.domid,
			};
		++*total;
	}
	return 0;
}

/*
 * The other members of @member's group; the first @max of them in @hosts. Not
 * for longer than two replies may take, however long the backend says it is.
 */
int ivc_request_hosts(u64 member, struct ivc_abi_host *hosts, u32 max,
		      u32 *total, u32 *generation)
{
	unsigned long end = jiffies + 2 * REPLY_TIMEOUT;
	u64 after = 0;
	u32 more = 1;
	int err = 0;

	*total = 0;
	if (mutex_lock_killable(&ctl.table_lock))
		return -EINTR;
	while (more && !err) {
		struct ivc_request *req =
			ivc_request_new(IVC_MSG_HOSTS, member);

		req->msg.hosts.after = after;
		ivc_request_send(req);
		err = ivc_request_wait(req);
		if (!err) {
			*generation = req->msg.hosted.generation;
			more = req->msg.hosted.more;
			err = copy_table(req->msg.hosted.count, &after, hosts,
					 max, total);
			if (more && !req->msg.hosted.count)
				err = -EPROTO;
			else if (more && time_after(jiffies, end))
				err = -ETIMEDOUT;
		}
		ivc_request_put(req);
	}
	mutex_unlock(&ctl.table_lock);
	return err;
}

/* ------------------------------------------------------------ events */

static void reply(const struct ivc_msg *msg)
{
	u32 slot = msg->cookie % IVC_CTL_REQS;
	struct ivc_request *req;

	spin_lock(&ctl.lock);
	req = ctl.inflight[slot];
	if (!req || req->msg.cookie != msg->cookie) {
		spin_unlock(&ctl.lock);
		pr_warn_once("backend answers what was not asked\n");
		return;
	}
	ctl.inflight[slot] = NULL;
	pump();
	spin_unlock(&ctl.lock);
	req->msg = *msg;
	finish(req, msg->status > 0 || msg->status < -MAX_ERRNO ? -EPROTO
								: msg->status);
}

static void dispatch(const struct ivc_msg *msg)
{
	switch (msg->op) {
	case IVC_MSG_REPLY:
		reply(msg);
		break;
	case IVC_MSG_EV_OFFER:
		ivc_ctx_offer(msg);
		break;
	case IVC_MSG_EV_ACCEPTED:
		ivc_chan_accepted(msg);
		break;
	case IVC_MSG_EV_GONE:
		if (!ivc_ctx_withdraw(msg))
			ivc_chan_gone(msg);
		break;
	case IVC_MSG_EV_HOSTS:
		ivc_ctx_hosts(msg);
		break;
	default:
		pr_warn_once("backend sends unknown event %u\n", msg->op);
	}
}

/* The next event: 1, 0 when there is none, -EPROTO. */
static int take(struct ivc_msg *msg)
{
	/* Acquire pairs with the backend's release of ev_prod. */
	u32 waiting = ivc_load_acq(&ring()->ev_prod) - ctl.ev_cons;

	if (!waiting)
		return 0;
	if (waiting > IVC_CTL_EVENTS)
		return -EPROTO;
	memcpy(msg, &ring()->ev[ctl.ev_cons % IVC_CTL_EVENTS], sizeof(*msg));
	barrier(); /* the copy is made before the slot is given back */
	ivc_store_rel(&ring()->ev_cons, ++ctl.ev_cons);
	return 1;
}

/*
 * Woken by the backend's event channel, which stays masked until we say EOI. A
 * backend that writes without end gets a budget at a time: between two of them
 * the teardown can cancel us, and whoever shares the CPU has it.
 */
static void event_work(struct work_struct *work)
{
	unsigned int left = BUDGET, eoi;
	struct ivc_msg msg;
	int ret;

	while ((ret = take(&msg)) > 0) {
		if (READ_ONCE(ctl.nr_waiting) > MAX_WAITING) {
			ret = -EPROTO;
			break;
		}
		ctl.eoi = 0;
		dispatch(&msg);
		if (!--left) {
			queue_work(ivc_front.wq, &ctl.work);
			return;
		}
		cond_resched();
	}
	if (ret < 0) {
		xenbus_dev_error(ctl.dev, ret,
				 "backend broke the control ring");
		/* The irq stays masked: this backend is not listened to. */
		xenbus_switch_state(ctl.dev, XenbusStateClosing);
		WRITE_ONCE(ctl.broken, true);
		ivc_xenbus_broken();
		return;
	}
	/*
	 * The fence pairs with the backend's between its store of ev_want and
	 * its look at ev_cons: if it still waits for room, we see it.
	 */
	ivc_fence();
	if (ivc_load(&ring()->ev_want))
		notify_remote_via_irq(ctl.irq);
	eoi = ctl.eoi;
	ctl.eoi = XEN_EOI_FLAG_SPURIOUS;
	xen_irq_lateeoi(ctl.irq, eoi);
}

static irqreturn_t control_event(int irq, void *data)
{
	/* The first event may come before ivc_ctl_connect() knows the number.
	 */
	WRITE_ONCE(ctl.irq, irq);
	queue_work(ivc_front.wq, &ctl.work);
	return IRQ_HANDLED;
}

/* --------------------------------------------------- connect, disconnect */

static int write_nodes(struct xenbus_device *dev, evtchn_port_t port)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = xenbus_printf(xbt, dev->nodename, "version", "%u",
				    IVC_PROTOCOL_VERSION) ?:
		      xenbus_printf(xbt, dev->nodename, "ring-ref", "%u",
				    ctl.ring_page->ref) ?:
		      xenbus_printf(xbt, dev->nodename, "table-ref", "%u",
				    ctl.table_page->ref) ?:
		      xenbus_printf(xbt, dev->nodename, "event-channel", "%u",
				    port);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

static int grant_pages(struct xenbus_device *dev)
{
	struct ivc_page *first = ivc_page_grant(dev), *second;

	if (IS_ERR(first))
		return PTR_ERR(first);
	second = ivc_page_grant(dev);
	if (IS_ERR(second)) {
		ivc_page_end(first);
		return PTR_ERR(second);
	}
	ctl.ring_page = first;
	ctl.table_page = second;
	return 0;
}

/*
 * No event is heard and none is being handled when this returns, so that what
 * they use can go.
 */
static void stop_events(void)
{
	/* First the handler, which queues the work; the work last gives EOI. */
	disable_irq(ctl.irq);
	cancel_work_sync(&ctl.work);
	unbind_from_irqhandler(ctl.irq, &ctl);
	ctl.irq = -1;
}

static void end_pages(void)
{
	ivc_page_end(ctl.table_page);
	ivc_page_end(ctl.ring_page);
	ctl.table_page = NULL;
	ctl.ring_page = NULL;
}

/* Set up the ring and publish it in xenstore. */
int ivc_ctl_connect(struct xenbus_device *dev)
{
	evtchn_port_t port;
	int err;

	err = grant_pages(dev);
	if (err)
		return err;
	err = xenbus_alloc_evtchn(dev, &port);
	if (err)
		goto err_pages;
	INIT_WORK(&ctl.work, event_work);
	ctl.dev = dev;
	ctl.req_prod = 0;
	ctl.ev_cons = 0;
	ctl.eoi = XEN_EOI_FLAG_SPURIOUS;
	ctl.broken = false;
	err = bind_evtchn_to_irqhandler_lateeoi(port, control_event, 0,
						"ivc-control", &ctl);
	if (err < 0) {
		xenbus_free_evtchn(dev, port);
		goto err_pages;
	}
	ctl.irq = err;
	err = write_nodes(dev, port);
	if (err)
		goto err_irq;
	spin_lock(&ctl.lock);
	ctl.up = true;
	spin_unlock(&ctl.lock);
	return 0;

err_irq:
	stop_events();
err_pages:
	end_pages();
	ctl.dev = NULL;
	return err;
}

/* Has the backend that is connected now broken the ring? */
bool ivc_ctl_broken(void)
{
	return READ_ONCE(ctl.broken);
}

/* Every request ends with -ENODEV. Nothing when not connected. */
void ivc_ctl_disconnect(void)
{
	struct ivc_request *req, *next;
	LIST_HEAD(orphans);
	u32 i;

	if (ctl.irq < 0)
		return;
	spin_lock(&ctl.lock);
	ctl.up = false;
	list_splice_init(&ctl.waiting, &orphans);
	ctl.nr_waiting = 0;
	spin_unlock(&ctl.lock);

	stop_events();
	for (i = 0; i < IVC_CTL_REQS; i++) {
		if (ctl.inflight[i])
			list_add(&ctl.inflight[i]->node, &orphans);
		ctl.inflight[i] = NULL;
	}
	list_for_each_entry_safe (req, next, &orphans, node) {
		list_del_init(&req->node);
		finish(req, -ENODEV);
	}
	/* A reader of the table has had its answer by now. */
	mutex_lock(&ctl.table_lock);
	end_pages();
	mutex_unlock(&ctl.table_lock);
	ctl.dev = NULL;
}
