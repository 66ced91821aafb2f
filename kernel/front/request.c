// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the backend, and the lists in which they wait: for a slot of the
 * control ring, or for the table of hosts. This file does not touch the ring.
 * ctlring.c does, and holds its lock around each call that takes a struct
 * ivc_requests.
 */
#include <linux/slab.h>

#include "front.h"

/*
 * Callers must not fail, so the allocation of this small object does not. A
 * process that runs is charged for it.
 */
struct ivc_request *ivcf_request_new(u16 op, u32 epoch, u64 member)
{
	struct ivc_request *req =
		kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);

	kref_init(&req->ref);
	INIT_LIST_HEAD(&req->node);
	init_completion(&req->completed);
	req->epoch = epoch;
	req->msg.op = op;
	req->msg.member = member;
	return req;
}

static void request_free(struct kref *ref)
{
	struct ivc_request *req = container_of(ref, struct ivc_request, ref);

	kfree(req->table);
	kfree(req);
}

void ivcf_request_put(struct ivc_request *req)
{
	kref_put(&req->ref, request_free);
}

/* @req has its answer, or is given up. Puts the reference of the ring. */
void ivcf_request_finish(struct ivc_request *req, int status)
{
	req->status = status;
	if (req->done)
		req->done(req);
	complete_all(&req->completed);
	ivcf_request_put(req);
}

/* @req waits for a slot of the ring, or first for the table of hosts. */
void ivcf_requests_add(struct ivc_requests *q, struct ivc_request *req)
{
	if (req->msg.op == IVC_MSG_HOSTS && q->lister) {
		list_add_tail(&req->node, &q->listers);
		return;
	}
	if (req->msg.op == IVC_MSG_HOSTS)
		q->lister = req;
	list_add_tail(&req->node, &q->waiting);
	if (req->kind == IVC_REQUEST_REFUSAL)
		WRITE_ONCE(q->nr_refusals, q->nr_refusals + 1);
}

/* @req waits no longer: the caller puts it into the ring, or gives it up. */
void ivcf_requests_remove(struct ivc_requests *q, struct ivc_request *req)
{
	list_del_init(&req->node);
	if (req->kind == IVC_REQUEST_REFUSAL)
		WRITE_ONCE(q->nr_refusals, q->nr_refusals - 1);
}

/* If @req had the table of hosts, the next request in line gets the table. */
void ivcf_requests_pass_table(struct ivc_requests *q,
			      const struct ivc_request *req)
{
	if (q->lister != req)
		return;
	q->lister =
		list_first_entry_or_null(&q->listers, struct ivc_request, node);
	if (q->lister)
		list_move_tail(&q->lister->node, &q->waiting);
}

/* The backend is gone: return any request that still waits, or NULL. */
struct ivc_request *ivcf_requests_take(struct ivc_requests *q)
{
	struct ivc_request *req;

	q->lister = NULL;
	req = list_first_entry_or_null(&q->waiting, struct ivc_request, node)
		      ?: list_first_entry_or_null(&q->listers,
						  struct ivc_request, node);
	if (req)
		ivcf_requests_remove(q, req);
	return req;
}
