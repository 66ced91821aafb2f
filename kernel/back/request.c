// SPDX-License-Identifier: GPL-2.0
/*
 * The requests of a frontend, one function each, under ivc_back.lock. @req is a
 * private copy, so the guest cannot change it any more; but each value in it
 * has to be checked.
 */
#include "back.h"

typedef int (*request_fn)(struct ivc_fe *fe, const struct ivc_msg *req,
			  struct ivc_msg *reply);

static int do_register(struct ivc_fe *fe, const struct ivc_msg *req,
		       struct ivc_msg *reply)
{
	struct ivc_member *m =
		ivcb_member_join(fe, req->reg.magic, req->reg.id);

	if (IS_ERR(m))
		return PTR_ERR(m);
	reply->reged.member = m->nr;
	reply->reged.domid = fe->domid;
	reply->reged.max_channels = fe->max.channels;
	reply->reged.max_pages = fe->max.pages;
	return 0;
}

static int do_unregister(struct ivc_fe *fe, const struct ivc_msg *req,
			 struct ivc_msg *reply)
{
	struct ivc_member *m = ivcb_member_of(fe, req->member);

	if (!m)
		return -ENOENT;
	ivcb_member_leave(m);
	return 0;
}

static int do_hosts(struct ivc_fe *fe, const struct ivc_msg *req,
		    struct ivc_msg *reply)
{
	struct ivc_member *m = ivcb_member_of(fe, req->member);
	bool more;

	if (!m)
		return -ENOENT;
	reply->hosted.count =
		ivcb_group_list(m, req->hosts.after, fe->table, &more);
	reply->hosted.more = more;
	reply->hosted.generation = m->group->generation;
	return 0;
}

static int do_lookup(struct ivc_fe *fe, const struct ivc_msg *req,
		     struct ivc_msg *reply)
{
	struct ivc_member *m = ivcb_member_of(fe, req->member);
	struct ivc_member *peer;

	if (!m)
		return -ENOENT;
	peer = ivcb_member_peer(m, req->lookup.member);
	if (!peer)
		return -ENOENT;
	reply->looked.member = peer->nr;
	reply->looked.id = peer->id;
	reply->looked.domid = peer->fe->domid;
	reply->looked.local = peer->fe == fe;
	return 0;
}

static int do_connect(struct ivc_fe *fe, const struct ivc_msg *req,
		      struct ivc_msg *reply)
{
	struct ivc_member *m = ivcb_member_of(fe, req->member);
	struct ivc_member *peer;

	if (!m)
		return -ENOENT;
	peer = ivcb_member_peer(m, req->offer.peer);
	if (!peer)
		return -ENOENT;
	return ivcb_conn_offer(m, peer, req, &reply->offer.conn);
}

static int do_accept(struct ivc_fe *fe, const struct ivc_msg *req,
		     struct ivc_msg *reply)
{
	struct ivc_member *m = ivcb_member_of(fe, req->member);

	return m ? ivcb_conn_accept(m, req) : -ENOENT;
}

static int do_close(struct ivc_fe *fe, const struct ivc_msg *req,
		    struct ivc_msg *reply)
{
	return ivcb_conn_close(fe, req, &reply->close.conn);
}

static const request_fn requests[] = {
	[IVC_MSG_REGISTER] = do_register, [IVC_MSG_UNREGISTER] = do_unregister,
	[IVC_MSG_HOSTS] = do_hosts,	  [IVC_MSG_LOOKUP] = do_lookup,
	[IVC_MSG_CONNECT] = do_connect,	  [IVC_MSG_ACCEPT] = do_accept,
	[IVC_MSG_CLOSE] = do_close,
};

void ivcb_request(struct ivc_fe *fe, const struct ivc_msg *req,
		  struct ivc_msg *reply)
{
	if (req->op >= ARRAY_SIZE(requests) || !requests[req->op])
		reply->status = -EOPNOTSUPP;
	else
		reply->status = requests[req->op](fe, req, reply);
}
