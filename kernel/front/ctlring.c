// SPDX-License-Identifier: GPL-2.0
/*
 * The control ring, from the frontend's side.
 *
 * At most IVC_CTL_REQS requests are in the ring unanswered. Others wait in a
 * list, from which a process that stops waiting can still take its request
 * back. Replies and events come in one ring, and one work item handles them in
 * order. The rest of the driver relies on that order: the `done` of a reply has
 * run before a later event is handled.
 *
 * The backend may lie. A reply is matched to its request by a cookie that is
 * never used twice, and indices are checked against the size of the ring. A
 * message that matches nothing is dropped; an index that is impossible ends the
 * connection to the backend.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/events.h>

#include "front.h"

/* Events to handle before other work items get the CPU */
#define BUDGET IVC_CTL_EVENTS

/*
 * More refusals than this wait only if the backend makes offers and answers
 * none of their refusals. No other requests wait in such numbers: a thread
 * waits for one request at a time, and each CLOSE is of a channel that the
 * backend has admitted.
 */
#define MAX_REFUSALS 65536u

static struct ivc_ctl {
	spinlock_t lock;
	bool up;
	bool broken; /* the backend broke the ring, and is to be dropped */
	const struct ivc_ctl_ops *ops;
	struct xenbus_device *dev;
	struct ivc_backend_page *ring_page, *table_page;
	int irq;
	int heard;	  /* @irq, as the interrupt handler was given it */
	unsigned int eoi; /* flags of the EOI that event_work() will give */
	u32 req_prod;	  /* private; the shared indices are only written */
	u32 ev_cons;
	u64 turn;  /* the upper part of the last cookie */
	u32 epoch; /* counts backends; never 0 */
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

/* Refusals that wait for the ring: by the counter, and by the list */
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

/* Move requests into free slots of the ring. Under ctl.lock. */
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
 * Send @req to the backend. If the backend that the request is meant for is
 * gone, `done` is called and the waiter is woken at once, with -ENODEV.
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

/*
 * The process does not wait for @req any more. If the request is not in the
 * ring yet, it is never sent.
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
 * Wait for the reply. Returns its status, -ETIMEDOUT, or -EINTR if the process
 * is being killed. After -ETIMEDOUT and -EINTR `done` has run if the request
 * was not in the ring, and is still to come if the backend has the request.
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

/*
 * The errors that a backend may reply. Others would mean something else to our
 * own processes, so they become -EPROTO.
 */
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
		pr_warn_once(
			"the backend's reply matches no request: dropped\n");
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
		pr_warn_once("the backend's event %u is unknown: dropped\n",
			     msg->op);
	}
}

/* Copy the next event: 1, 0 if there is none, or -EPROTO. */
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
 * Handle the events in the ring, at most BUDGET: 1 if there may be more, 0 if
 * there are none, or -EPROTO.
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
 * Queued by the interrupt handler. The event channel stays masked until the
 * EOI. A backend that writes events without end gets one BUDGET per run, so
 * that the teardown can cancel this work item between two runs, and other work
 * items of the CPU run, too.
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
		/* No EOI: the event channel of this backend stays masked. */
		xenbus_switch_state(ctl.dev, XenbusStateClosing);
		WRITE_ONCE(ctl.broken, true);
		ctl.ops->broken();
		return;
	}
	/*
	 * Pairs with the backend's fence between its store of ev_want and its
	 * load of ev_cons: a backend that still waits for a free slot is seen
	 * here.
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
	/*
	 * The first interrupt may come before ivcf_ctl_connect() has stored the
	 * number in ctl.irq.
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
 * When this returns no event is being handled, and none will be. So the caller
 * may free what events use.
 */
static void stop_events(void)
{
	/*
	 * The handler first, because it queues the work. The work may give one
	 * last EOI, so the interrupt is unbound after it.
	 */
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

/* Set up the ring, and publish it in xenstore. */
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

/* Has the present backend broken the ring? */
bool ivcf_ctl_broken(void)
{
	return READ_ONCE(ctl.broken);
}

/*
 * The number of the present or last backend. In the event work: the present
 * one.
 */
u32 ivcf_ctl_epoch(void)
{
	return READ_ONCE(ctl.epoch);
}

/* Is @epoch the number of the present backend? */
bool ivcf_ctl_is(u32 epoch)
{
	bool is;

	spin_lock(&ctl.lock);
	is = ctl.up && ctl.epoch == epoch;
	spin_unlock(&ctl.lock);
	return is;
}

/* A request that the backend will not answer any more, or NULL */
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

/* End every request with -ENODEV. Does nothing if not connected. */
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
