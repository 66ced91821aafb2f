// SPDX-License-Identifier: GPL-2.0
/* Offers of other members: they wait in a context until its process accepts. */
#include <linux/slab.h>

#include "front.h"

/*
 * Tell the backend that an offer is refused, or that its accepter has failed.
 */
void ivcf_offer_refuse(u32 epoch, u64 member, u32 conn, int reason)
{
	struct ivc_request *req =
		ivcf_request_new(IVC_MSG_CLOSE, epoch, member);

	req->kind = IVC_REQUEST_REFUSAL;
	req->msg.close.conn = conn;
	req->msg.close.reason = reason;
	ivcf_ctl_send(req);
	ivcf_request_put(req);
}

/*
 * The event work allocates the offer, and the process that may accept the offer
 * is charged for it.
 */
static struct ivc_offer *new_offer(const struct ivc_ctx *ctx)
{
	struct ivc_alloc before = ivcf_alloc_begin(ctx);
	struct ivc_offer *o = kmalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);

	ivcf_alloc_end(before);
	return o;
}

/* 0, or the reason to refuse the offer with. */
int ivcf_offer_add(struct ivc_ctx *ctx, const struct ivc_msg *msg)
{
	struct ivc_offer *o = new_offer(ctx);
	int err = -ECONNREFUSED;

	if (!o)
		return -ENOMEM;
	o->msg = *msg;
	o->epoch = ivcf_ctl_epoch();
	spin_lock(&ctx->lock);
	if (ctx->member == msg->member && ctx->nr_offers < IVC_MAX_OFFERS) {
		list_add_tail(&o->node, &ctx->offers);
		ctx->nr_offers++;
		err = 0;
	}
	spin_unlock(&ctx->lock);
	if (err)
		kfree(o);
	return err;
}

/* The offer that has waited longest, or NULL. The caller has to kfree() it. */
struct ivc_offer *ivcf_offer_take(struct ivc_ctx *ctx)
{
	struct ivc_offer *o;

	spin_lock(&ctx->lock);
	o = list_first_entry_or_null(&ctx->offers, struct ivc_offer, node);
	if (o) {
		list_del(&o->node);
		ctx->nr_offers--;
	}
	spin_unlock(&ctx->lock);
	return o;
}

/*
 * Remove the offer of connection @conn, which is withdrawn: true if it waited.
 */
bool ivcf_offer_withdraw(struct ivc_ctx *ctx, u32 conn)
{
	struct ivc_offer *o, *found = NULL;

	spin_lock(&ctx->lock);
	list_for_each_entry (o, &ctx->offers, node) {
		if (o->msg.offer.conn == conn) {
			list_del(&o->node);
			ctx->nr_offers--;
			found = o;
			break;
		}
	}
	spin_unlock(&ctx->lock);
	if (!found)
		return false;
	kfree(found);
	return true;
}

/* The context leaves its group. The backend refuses the offers by itself. */
void ivcf_offer_drop_all(struct ivc_ctx *ctx)
{
	struct ivc_offer *o, *next;
	LIST_HEAD(offers);

	spin_lock(&ctx->lock);
	list_splice_init(&ctx->offers, &offers);
	ctx->nr_offers = 0;
	spin_unlock(&ctx->lock);
	list_for_each_entry_safe (o, next, &offers, node)
		kfree(o);
}
