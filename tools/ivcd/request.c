/* SPDX-License-Identifier: MIT */
/*
 * The requests of a client, one function each. The message is a copy, so the
 * client cannot change it, but every field must be checked.
 */
#include <errno.h>
#include <string.h>

#include "../../common/unix-packet.h"
#include "ivcd.h"

struct call {
	struct client *client;
	const struct ivc_msg *req;
	struct ivc_msg *reply;
	struct ivc_host *table;
	int *fd; /* NULL: none came, or the kernel had no room for it */
};

/* The bytes of raw[] that an op uses; the rest is 0. */
#define USES(field)                                                            \
	(offsetof(struct ivc_msg, field) - offsetof(struct ivc_msg, raw) +     \
	 sizeof(((struct ivc_msg *)0)->field))

static int do_register(const struct call *call)
{
	const struct ivc_msg *req = call->req;
	struct member *m;
	int err;

	if (req->reg.reserved)
		return -EINVAL;
	err = member_join(call->client, req->reg.magic, req->reg.id, &m);
	if (err)
		return err;
	call->reply->reged.member = m->nr;
	call->reply->reged.max_channels = (__u32)config.max.channels;
	call->reply->reged.max_pages = (__u32)(config.max.bytes / 4096);
	return 0;
}

static int do_unregister(const struct call *call)
{
	struct member *m = member_of(call->client, call->req->member);

	if (!m)
		return -ENOENT;
	member_leave(m);
	return 0;
}

static int do_hosts(const struct call *call)
{
	struct member *m = member_of(call->client, call->req->member);
	bool more;

	if (!m)
		return -ENOENT;
	call->reply->hosted.count =
		group_list(m, call->req->hosts.after, call->table, &more);
	call->reply->hosted.more = more;
	call->reply->hosted.generation = m->group->generation;
	return 0;
}

static int do_lookup(const struct call *call)
{
	struct member *m = member_of(call->client, call->req->member);
	struct member *peer;

	if (!m)
		return -ENOENT;
	peer = member_peer(m, call->req->lookup.member);
	if (!peer)
		return -ENOENT;
	call->reply->looked.member = peer->nr;
	call->reply->looked.id = peer->id;
	call->reply->looked.local = 1;
	return 0;
}

static int do_connect(const struct call *call)
{
	const struct ivc_msg *req = call->req;
	struct member *m = member_of(call->client, req->member);
	struct member *peer;

	if (req->offer.conn || req->offer.peer_id || req->offer.dir_gref ||
	    req->offer.port || req->offer.domid ||
	    (call->fd && !ivc_packet_is_socket(*call->fd)))
		return -EINVAL;
	if (!m)
		return -ENOENT;
	/* A lack of descriptors here: no reason to disconnect the client. */
	if (!call->fd)
		return -ENFILE;
	peer = member_peer(m, req->offer.peer);
	if (!peer)
		return -ENOENT;
	return conn_offer(m, peer, req, call->fd, &call->reply->offer.conn);
}

static int do_accept(const struct call *call)
{
	struct member *m = member_of(call->client, call->req->member);

	if (call->req->accept.dir_gref)
		return -EINVAL;
	return m ? conn_accept(m, call->req) : -ENOENT;
}

static int do_close(const struct call *call)
{
	return conn_close(call->client, call->req);
}

static int do_adopt(const struct call *call)
{
	return conn_adopt(call->client, call->req, &call->reply->offer.conn);
}

static const struct {
	uint16_t op;
	uint8_t uses;
	int (*fn)(const struct call *call);
} requests[] = {
	{ IVC_MSG_REGISTER, USES(reg), do_register },
	{ IVC_MSG_UNREGISTER, 0, do_unregister },
	{ IVC_MSG_HOSTS, USES(hosts), do_hosts },
	{ IVC_MSG_LOOKUP, USES(lookup), do_lookup },
	{ IVC_MSG_CONNECT, USES(offer), do_connect },
	{ IVC_MSG_ACCEPT, USES(accept), do_accept },
	{ IVC_MSG_CLOSE, USES(close), do_close },
	{ IVC_LOCAL_ADOPT, USES(offer), do_adopt },
};

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

int request(struct client *c, const struct ivc_msg *req, int *fd,
	    struct ivc_msg *reply, struct ivc_host *table)
{
	struct call call = { .client = c,
			     .req = req,
			     .reply = reply,
			     .table = table,
			     .fd = fd };
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].op != req->op)
			continue;
		if (req->flags || req->status ||
		    !all_zero(req->raw + requests[i].uses,
			      sizeof(req->raw) - requests[i].uses))
			return -EINVAL;
		return requests[i].fn(&call);
	}
	return -EOPNOTSUPP;
}
