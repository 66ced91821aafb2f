// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts: the registration of a process for a group. A context outlives the
 * device. While no backend is connected it has no member number; when a backend
 * connects, the frontend registers the context again.
 */
#include <linux/slab.h>

#include "front.h"

struct ivc_ctx *ivcf_ctx_new(void)
{
	struct ivc_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);

	if (!ctx)
		return NULL;
	kref_init(&ctx->ref);
	INIT_LIST_HEAD(&ctx->node);
	INIT_LIST_HEAD(&ctx->offers);
	spin_lock_init(&ctx->lock);
	init_waitqueue_head(&ctx->wq);
	ctx->memcg = get_mem_cgroup_from_mm(current->mm);
	return ctx;
}

static void ctx_free(struct kref *ref)
{
	struct ivc_ctx *ctx = container_of(ref, struct ivc_ctx, ref);

	mem_cgroup_put(ctx->memcg);
	kfree(ctx);
}

void ivcf_ctx_put(struct ivc_ctx *ctx)
{
	kref_put(&ctx->ref, ctx_free);
}

/* The context's member number, 0 if it has none, and the backend's epoch. */
u64 ivcf_ctx_member(struct ivc_ctx *ctx, u32 *epoch)
{
	u64 member;

	spin_lock(&ctx->lock);
	member = ctx->member;
	*epoch = ctx->epoch;
	spin_unlock(&ctx->lock);
	return member;
}

static void unregister(u32 epoch, u64 member)
{
	struct ivc_request *req =
		ivcf_request_new(IVC_MSG_UNREGISTER, epoch, member);

	req->kind = IVC_REQUEST_END;
	ivcf_ctl_send(req);
	ivcf_request_put(req);
}

/*
 * The one way to change the state, by the table of
 * include/ivc/protocol/state.h. True if the event changed the state. Under
 * ctx->lock.
 */
static bool ctx_event(struct ivc_ctx *ctx, enum ivc_ctx_event ev)
{
	unsigned char next = ivc_ctx_next[ctx->state][ev];

	if (next == IVC_STATE_NONE)
		return false;
	pr_debug("context %llu/%u: %u --%u--> %u\n", ctx->magic, ctx->id,
		 ctx->state, ev, next);
	WRITE_ONCE(ctx->state, next);
	return true;
}

/* `done` of REGISTER: in the event work, or when the backend is gone. */
static void registered(struct ivc_request *req)
{
	struct ivc_ctx *ctx = req->data;
	u64 member = req->msg.reged.member;
	bool again, changed;

	/* A member number of 0 would mean that no backend is connected. */
	if (!req->status && !member)
		req->status = -EPROTO;
	spin_lock(&ctx->lock);
	again = ctx->state == IVC_CTX_RETURNING;
	/*
	 * A reply counts only if it answers the last REGISTER of the context.
	 */
	changed = ctx->asked == req &&
		  ctx_event(ctx,
			    req->status ? IVC_CTX_REFUSED : IVC_CTX_ANSWERED);
	if (ctx->asked == req)
		WRITE_ONCE(ctx->asked, NULL);
	if (changed && !req->status) {
		WRITE_ONCE(ctx->member, member);
		ctx->epoch = req->epoch;
		ctx->domid = req->msg.reged.domid;
	}
	/* A backend that is gone again is no event for the process. */
	if (changed && again && req->status != -ENODEV) {
		ctx->attached = true;
		ctx->attach_status = req->status;
	}
	spin_unlock(&ctx->lock);
	/* A member that the process does not want any more leaves the group. */
	if (!req->status && !changed)
		unregister(req->epoch, member);
	wake_up_interruptible(&ctx->wq);
	ivcf_ctx_put(ctx);
}

/* Send REGISTER. The caller gets a reference to the request. */
static struct ivc_request *ask(struct ivc_ctx *ctx)
{
	struct ivc_request *req = ivcf_request_new(IVC_MSG_REGISTER, 0, 0);

	req->msg.reg.magic = ctx->magic;
	req->msg.reg.id = ctx->id;
	req->done = registered;
	kref_get(&ctx->ref);
	req->data = ctx;
	spin_lock(&ctx->lock);
	WRITE_ONCE(ctx->asked, req);
	spin_unlock(&ctx->lock);
	ivcf_ctl_send(req);
	return req;
}

/*
 * An earlier ioctl may have given up waiting while its REGISTER is still
 * unanswered. The backend counts that process id as used, by us, so wait for
 * the answer.
 */
static int wait_for_last(struct ivc_ctx *ctx, long timeout)
{
	struct ivc_request *last;
	int err = 0;

	spin_lock(&ctx->lock);
	last = ctx->asked;
	if (last)
		kref_get(&last->ref);
	spin_unlock(&ctx->lock);
	if (!last)
		return 0;
	err = ivcf_ctl_wait(last, timeout);
	/*
	 * `done` has run, whatever the answer was, and has undone the
	 * registration.
	 */
	if (READ_ONCE(ctx->asked) != last)
		err = 0;
	ivcf_request_put(last);
	return err;
}

/*
 * Change the state, and put the context on the list or take it off accordingly.
 */
static bool ctx_event_listed(struct ivc_ctx *ctx, enum ivc_ctx_event ev)
{
	bool changed;

	spin_lock(&ivc_front.lock);
	spin_lock(&ctx->lock);
	changed = ctx_event(ctx, ev);
	list_del_init(&ctx->node);
	if (ctx->state != IVC_CTX_IDLE && ctx->state != IVC_CTX_CLOSED)
		list_add_tail(&ctx->node, &ivc_front.ctxs);
	spin_unlock(&ctx->lock);
	spin_unlock(&ivc_front.lock);
	return changed;
}

int ivcf_ctx_register(struct ivc_ctx *ctx, u64 magic, u32 id)
{
	unsigned long end = jiffies + IVC_REPLY_TIMEOUT;
	struct ivc_request *req;
	int err;

	if (READ_ONCE(ctx->state) != IVC_CTX_IDLE)
		return -EALREADY;
	err = wait_for_last(ctx, IVC_REPLY_TIMEOUT);
	if (err)
		return err;
	/* On the list first: an offer may come directly behind the reply. */
	if (!ctx_event_listed(ctx, IVC_CTX_REGISTER))
		return -EALREADY;
	WRITE_ONCE(ctx->owner, ivcf_owner());
	ctx->magic = magic;
	ctx->id = id;

	req = ask(ctx);
	err = ivcf_ctl_wait(req, max((long)(end - jiffies), 1L));
	ivcf_request_put(req);
	if (!err)
		return 0;
	/* No answer, or an error. An answer that still comes is not wanted. */
	ctx_event_listed(ctx, IVC_CTX_REFUSED);
	/* But it may have come just before the state changed. */
	return ivcf_ctx_registered(ctx) ? 0 : err;
}

/*
 * The descriptor is closed, or the process that it belongs to has closed it.
 * The backend refuses offers that wait. A second call does nothing.
 */
void ivcf_ctx_end(struct ivc_ctx *ctx)
{
	u64 member;
	u32 epoch;

	ctx_event_listed(ctx, IVC_CTX_CLOSE);
	spin_lock(&ctx->lock);
	member = ctx->member;
	epoch = ctx->epoch;
	WRITE_ONCE(ctx->member, 0);
	spin_unlock(&ctx->lock);
	ivcf_offer_drop_all(ctx);
	if (member)
		unregister(epoch, member);
}

int ivcf_ctx_next_event(struct ivc_ctx *ctx, struct ivc_abi_event *ev)
{
	int ret = 0;

	memset(ev, 0, sizeof(*ev));
	spin_lock(&ctx->lock);
	if (ctx->channels) {
		ctx->channels = false;
		ev->type = IVC_ABI_EVENT_CHANNELS;
	} else if (ctx->detached) {
		ctx->detached = false;
		ev->type = IVC_ABI_EVENT_DETACHED;
		ev->status = ctx->detach_reason;
	} else if (ctx->attached) {
		ctx->attached = false;
		ev->type = IVC_ABI_EVENT_ATTACHED;
		ev->status = ctx->attach_status;
	} else if (ctx->hosts_changed) {
		ctx->hosts_changed = false;
		ev->type = IVC_ABI_EVENT_HOSTS;
		ev->generation = ctx->generation;
	} else {
		ret = -EAGAIN;
	}
	spin_unlock(&ctx->lock);
	return ret;
}

/* ------------------------------------------------ told by the backend */

static struct ivc_ctx *ctx_find(u64 member)
{
	struct ivc_ctx *ctx, *found = NULL;

	spin_lock(&ivc_front.lock);
	list_for_each_entry (ctx, &ivc_front.ctxs, node) {
		if (member && READ_ONCE(ctx->member) == member) {
			kref_get(&ctx->ref);
			found = ctx;
			break;
		}
	}
	spin_unlock(&ivc_front.lock);
	return found;
}

void ivcf_ctx_offer(const struct ivc_msg *msg)
{
	struct ivc_ctx *ctx = ctx_find(msg->member);
	int err = ctx ? ivcf_offer_add(ctx, msg) : -ECONNREFUSED;

	if (err)
		ivcf_offer_refuse(ivcf_ctl_epoch(), msg->member,
				  msg->offer.conn, err);
	else
		wake_up_interruptible(&ctx->wq);
	if (ctx)
		ivcf_ctx_put(ctx);
}

/* Withdraw the offer of EV_GONE: true if it still waited in a context. */
bool ivcf_ctx_withdraw(const struct ivc_msg *msg)
{
	struct ivc_ctx *ctx = ctx_find(msg->member);
	bool found;

	if (!ctx)
		return false;
	found = ivcf_offer_withdraw(ctx, msg->close.conn);
	ivcf_ctx_put(ctx);
	/*
	 * The accepting end is closed, too, so the backend can forget the
	 * connection.
	 */
	if (found)
		ivcf_offer_refuse(ivcf_ctl_epoch(), msg->member,
				  msg->close.conn, -ECONNREFUSED);
	return found;
}

void ivcf_ctx_hosts(const struct ivc_msg *msg)
{
	struct ivc_ctx *ctx = ctx_find(msg->member);

	if (!ctx)
		return;
	spin_lock(&ctx->lock);
	ctx->hosts_changed = true;
	ctx->generation = msg->hosted.generation;
	spin_unlock(&ctx->lock);
	wake_up_interruptible(&ctx->wq);
	ivcf_ctx_put(ctx);
}

/* A channel of @ctx has ended because a guest was suspended or detached. */
void ivcf_ctx_channels(struct ivc_ctx *ctx)
{
	spin_lock(&ctx->lock);
	ctx->channels = true;
	spin_unlock(&ctx->lock);
	wake_up_interruptible(&ctx->wq);
}

/* --------------------------------------------------- attach and detach */

/* A context that round @round has not handled yet, with a reference; or NULL */
static struct ivc_ctx *unseen(u32 round)
{
	struct ivc_ctx *ctx, *found = NULL;

	spin_lock(&ivc_front.lock);
	list_for_each_entry (ctx, &ivc_front.ctxs, node) {
		if (ctx->round == round)
			continue;
		ctx->round = round;
		kref_get(&ctx->ref);
		found = ctx;
		break;
	}
	spin_unlock(&ivc_front.lock);
	return found;
}

/* Attach and detach run one after the other, under xenbus.c's conn_lock. */
static u32 this_round;

/* A backend is connected, perhaps again: register all contexts. */
void ivcf_ctx_attach_all(void)
{
	struct ivc_ctx *ctx;
	bool returning;

	this_round++;
	while ((ctx = unseen(this_round))) {
		spin_lock(&ctx->lock);
		/*
		 * After a suspend that was cancelled the backend may still have
		 * a REGISTER of before, which it will answer.
		 */
		returning = ctx_event(ctx, IVC_CTX_BACKEND) && !ctx->asked;
		spin_unlock(&ctx->lock);
		if (returning)
			ivcf_request_put(ask(ctx));
		ivcf_ctx_put(ctx);
	}
}

/*
 * The guest is suspended, or its backend is gone. With @tell the backend is
 * there and gets UNREGISTER, so that other members know at once. No answer is
 * awaited.
 */
void ivcf_ctx_detach_all(int reason, bool tell)
{
	struct ivc_ctx *ctx;
	u64 member;
	u32 epoch;

	this_round++;
	while ((ctx = unseen(this_round))) {
		spin_lock(&ctx->lock);
		member = ctx->member;
		epoch = ctx->epoch;
		WRITE_ONCE(ctx->member, 0);
		/*
		 * A context that was not registered again since gets no second
		 * event.
		 */
		if (ctx->state == IVC_CTX_MEMBER) {
			ctx->detached = true;
			ctx->detach_reason = reason;
			ctx->attached = false;
		}
		ctx_event(ctx, IVC_CTX_LEAVE);
		spin_unlock(&ctx->lock);
		ivcf_offer_drop_all(ctx);
		if (member && tell)
			unregister(epoch, member);
		wake_up_interruptible(&ctx->wq);
		ivcf_ctx_put(ctx);
	}
}
