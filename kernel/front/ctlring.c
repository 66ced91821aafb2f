// SPDX-License-Identifier: GPL-2.0
/*
 * The control ring, from the guest's side.
 *
 * At most IVC_CTL_REQS requests are in the ring unanswered; more wait in a
 * list, where who waits for the answer can still take them back. Replies and
 * events come in one ring and are handled by one work item in their order,
 * which the rest of the driver relies on: a reply's `done` has run before a
 * later event is looked at.
 *
 * The backend may lie. A reply is matched to its request by a cookie that is
 * never given twice; indices are bounded; what does not fit is dropped, or ends
 * the connection to the backend.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/events.h>

#include "front.h"

/* Events handled before other work items get their turn. */
#define BUDGET IVC_CTL_EVENTS

/*
 * More refusals than this wait only if the backend makes offers and answers
 * nothing. Nothing else waits in such numbers: of requests that a process waits
 * for there is one per thread, and of closes one per channel, which the backend
 * has given us.
 */
#define MAX_REFUSALS 65536u

static struct ivc_ctl {
	spinlock_t lock;
	bool up;
	bool broken; /* by the backend, which is to be dropped */
	const struct ivc_ctl_ops *ops;
	struct xenbus_device *dev;
	struct ivc_backend_page *ring_page, *table_page;
	int irq;
	int heard;	  /* the same, of the event that event_work() is for */
	unsigned int eoi; /* and what its EOI will say */
	u32 req_prod;	  /* private: the shared ones are output only */
	u32 ev_cons;
	u64 turn;  /* upper part of the next cookie */
	u32 epoch; /* which backend this is, counted; never 0 */
	struct ivc_requests requests;
	struct ivc_request *inflight[IVC_CTL_REQS];
	struct work_struct work;
} ctl = {
	.lock = __SPIN_LOCK_UNLOCKED(ctl.lock),
	.requests.waiting = LIST_HEAD_INIT(ctl.requests.waiting),
	.requests.listers = LIST_HEAD_INIT(ctl.requests.listers),
	.irq = -1,
};

/* ---------------------------------------------------------- requests */

/* Refusals that wait to be sent, as counted and as found. */
void ivcf_ctl_audit(u64 *charged, u64 *held)
{
	struct ivc_request *req;

	spin_lock(&ctl.lock);
	*charged += ctl.requests.nr_refusals;
	list_for_each_entry (req, &ctl.requests.waiting, node)
		*held += req->kind == IVC_REQUEST_REFUSAL;
	spin_unlock(&ctl.lock);
}

static struct ivc_ctl_page *ring(void)
{
	return ctl.ring_page->at;
}

/* Move what waits into the ring, if there is one, while there is room. */
static void pump(void)
{
	u32 i, slots = ctl.up ? IVC_CTL_REQS : 0;
	bool notify = false;

	for (i = 0; i < slots && !list_empty(&ctl.requests.waiting); i++) {
		struct ivc_request *req;

		if (ctl.inflight[i])
			continue;
		req = list_first_entry(&ctl.requests.waiting,
				       struct ivc_request, node);
		ivcf_requests_remove(&ctl.requests, req);
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
 * once (-ENODEV) if the backend that it is for is not there.
 */
void ivcf_ctl_send(struct ivc_request *req)
{
	bool there;

	kref_get(&req->ref);
	spin_lock(&ctl.lock);
	there = ctl.up && (!req->epoch || req->epoch == ctl.epoch);
	if (there) {
		req->epoch = ctl.epoch;
		ivcf_requests_add(&ctl.requests, req);
		pump();
	}
	spin_unlock(&ctl.lock);
	if (!there)
		ivcf_request_finish(req, -ENODEV);
}

/* Nobody waits for @req any more: unless the backend has it, it never gets it.
 */
static void take_back(struct ivc_request *req, int status)
{
	bool waits;

	spin_lock(&ctl.lock);
	waits = !list_empty(&req->node);
	if (waits) {
		ivcf_requests_remove(&ctl.requests, req);
		ivcf_requests_pass_table(&ctl.requests, req);
		pump();
	}
	spin_unlock(&ctl.lock);
	if (waits)
		ivcf_request_finish(req, status);
}

/*
 * Wait for the reply: its status, -ETIMEDOUT, or -EINTR if the process is being
 * killed. In the last two `done` is still to come if the backend has the
 * request; else it has run.
 */
int ivcf_ctl_wait(struct ivc_request *req, long timeout)
{
	long left =
		wait_for_completion_killable_timeout(&req->completed, timeout);
	int err = left ? -EINTR : -ETIMEDOUT;

	if (left > 0)
		return req->status;
	take_back(req, err);
	return err;
}

/* ------------------------------------------------------------ events */

/* What a reply may say; the rest has a meaning to our own processes only. */
static int reply_status(int status)
{
	switch (status) {
	case 0:
	case -ENOENT:
	case -EBUSY:
	case -EDQUOT:
	case -EADDRINUSE:
	case -EINVAL:
	case -ENOMEM:
	case -EOPNOTSUPP:
		return status;
	default:
		return -EPROTO;
	}
}

static void reply(const struct ivc_msg *msg)
{
	int status = reply_status(msg->status);
	u32 slot = msg->cookie % IVC_CTL_REQS;
	struct ivc_request *req;
	bool again;

	spin_lock(&ctl.lock);
	req = ctl.inflight[slot];
	if (!req || req->msg.cookie != msg->cookie) {
		spin_unlock(&ctl.lock);
		pr_warn_once("backend answers what was not asked\n");
		return;
	}
	ctl.inflight[slot] = NULL;
	if (req->table)
		memcpy(req->table, ctl.table_page->at, PAGE_SIZE);
	ivcf_requests_pass_table(&ctl.requests, req);
	again = ctl.up && status == -EBUSY && req->kind != IVC_REQUEST_ASK;
	if (again)
		ivcf_requests_add(&ctl.requests, req);
	pump();
	spin_unlock(&ctl.lock);
	if (again)
		return;
	req->msg = *msg;
	ivcf_request_finish(req, status);
}

static void dispatch(const struct ivc_msg *msg)
{
	switch (msg->op) {
	case IVC_MSG_REPLY:
		reply(msg);
		break;
	case IVC_MSG_EV_OFFER:
		ctl.ops->offer(msg);
		break;
	case IVC_MSG_EV_ACCEPTED:
		ctl.ops->accepted(msg);
		break;
	case IVC_MSG_EV_GONE:
		ctl.ops->gone(msg);
		break;
	case IVC_MSG_EV_HOSTS:
		ctl.ops->hosts(msg);
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
 * Handle events, up to a budget: 1 if it is used up, 0 if there are no more,
 * -EPROTO.
 */
static int handle_events(void)
{
	unsigned int left = BUDGET;
	struct ivc_msg msg;
	int ret;

	while ((ret = take(&msg)) > 0) {
		if (READ_ONCE(ctl.requests.nr_refusals) > MAX_REFUSALS)
			return -EPROTO;
		ctl.eoi = 0;
		dispatch(&msg);
		if (!--left)
			return 1;
		cond_resched();
	}
	return ret;
}

/*
 * Woken by the backend's event channel, which stays masked until we say EOI. A
 * backend that writes without end gets a budget at a time: between two of them
 * the teardown can cancel us, and whoever shares the CPU has it.
 */
static void event_work(struct work_struct *work)
{
	struct ivc_alloc before = ivcf_alloc_begin(NULL);
	int ret = handle_events();
	unsigned int eoi;

	ivcf_alloc_end(before);
	if (ret > 0) {
		queue_work(ivc_front.wq, &ctl.work);
		return;
	}
	if (ret < 0) {
		xenbus_dev_error(ctl.dev, ret,
				 "backend broke the control ring");
		/* The irq stays masked: this backend is not listened to. */
		xenbus_switch_state(ctl.dev, XenbusStateClosing);
		WRITE_ONCE(ctl.broken, true);
		ctl.ops->broken();
		return;
	}
	/*
	 * The fence pairs with the backend's between its store of ev_want and
	 * its look at ev_cons: if it still waits for room, we see it.
	 */
	ivc_fence();
	if (ivc_load(&ring()->ev_want))
		notify_remote_via_irq(READ_ONCE(ctl.heard));
	eoi = ctl.eoi;
	ctl.eoi = XEN_EOI_FLAG_SPURIOUS;
	xen_irq_lateeoi(READ_ONCE(ctl.heard), eoi);
}

static irqreturn_t control_event(int irq, void *data)
{
	/* The first event may come before ivcf_ctl_connect() knows the number.
	 */
	WRITE_ONCE(ctl.heard, irq);
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
	struct ivc_backend_page *first = ivcf_backend_page_grant(dev), *second;

	if (IS_ERR(first))
		return PTR_ERR(first);
	second = ivcf_backend_page_grant(dev);
	if (IS_ERR(second)) {
		ivcf_backend_page_end(first);
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
	ivcf_backend_page_end(ctl.table_page);
	ivcf_backend_page_end(ctl.ring_page);
	ctl.table_page = NULL;
	ctl.ring_page = NULL;
}

/* Set up the ring and publish it in xenstore. */
int ivcf_ctl_connect(struct xenbus_device *dev, const struct ivc_ctl_ops *ops)
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
	ctl.ops = ops;
	ctl.dev = dev;
	ctl.req_prod = 0;
	ctl.ev_cons = 0;
	ctl.eoi = XEN_EOI_FLAG_SPURIOUS;
	WRITE_ONCE(ctl.broken, false);
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
	WRITE_ONCE(ctl.epoch, ctl.epoch + 1 ?: 1);
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
bool ivcf_ctl_broken(void)
{
	return READ_ONCE(ctl.broken);
}

/* The backend that is connected, or was last: in the event work, this one. */
u32 ivcf_ctl_epoch(void)
{
	return READ_ONCE(ctl.epoch);
}

/* Is backend @epoch still there? */
bool ivcf_ctl_is(u32 epoch)
{
	bool is;

	spin_lock(&ctl.lock);
	is = ctl.up && ctl.epoch == epoch;
	spin_unlock(&ctl.lock);
	return is;
}

/* A request that nobody will answer any more, or NULL. */
static struct ivc_request *take_orphan(void)
{
	struct ivc_request *req;
	u32 i;

	spin_lock(&ctl.lock);
	req = ivcf_requests_take(&ctl.requests);
	for (i = 0; i < IVC_CTL_REQS && !req; i++)
		swap(req, ctl.inflight[i]);
	spin_unlock(&ctl.lock);
	return req;
}

/* Every request ends with -ENODEV. Nothing when not connected. */
void ivcf_ctl_disconnect(void)
{
	struct ivc_request *req;

	if (ctl.irq < 0)
		return;
	spin_lock(&ctl.lock);
	ctl.up = false;
	spin_unlock(&ctl.lock);
	stop_events();
	while ((req = take_orphan()))
		ivcf_request_finish(req, -ENODEV);
	end_pages();
	ctl.dev = NULL;
}
