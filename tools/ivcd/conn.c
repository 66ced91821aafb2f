/* SPDX-License-Identifier: MIT */
/*
 * Channels. An offer is passed to the accepter's client, with a socket over
 * which the two ends talk from then on. ivcd records a channel to charge it to
 * the users, and to withdraw an offer that has not been accepted.
 *
 *   CONNECT -> OFFERED --ACCEPT--> OPEN
 *                 |                  |
 *                 | CLOSE of one end, or its client or member has gone
 *                 v                  v
 *                HALF: until the CLOSE of the other end
 *                 |
 *                 v
 *               freed
 *
 *   ADOPT -> HALF: one end of a channel that an earlier ivcd brokered; the
 * other end is another record
 *
 * An end is charged to its user until its CLOSE. An accepter sends no CLOSE for
 * an offer that it has not accepted.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ivcd.h"

#define HASH 4096u

static LIST_HEAD(, conn) conns[HASH];
static uint32_t last_nr;
static unsigned int nr_conns;

static struct conn *conn_find(uint32_t nr)
{
	struct conn *c;

	LIST_FOREACH (c, &conns[nr % HASH], in_hash)
		if (c->nr == nr)
			return c;
	return NULL;
}

/* A channel's number can be given again after 2^32 others. */
static struct conn *conn_new(void)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	do
		last_nr++;
	while (!last_nr || conn_find(last_nr));
	c->nr = last_nr;
	c->fd = -1;
	c->owed.conn = true;
	c->end[0].conn = c;
	c->end[1].conn = c;
	LIST_INSERT_HEAD(&conns[c->nr % HASH], c, in_hash);
	nr_conns++;
	return c;
}

static void conn_free_if_done(struct conn *c)
{
	if (c->end[0].client || c->end[1].client || c->owed.events)
		return;
	LIST_REMOVE(c, in_hash);
	nr_conns--;
	free(c);
}

static void end_init(struct end *end, struct client *client, uint64_t member,
		     uint32_t id)
{
	end->client = client;
	end->member = member;
	end->id = id;
	LIST_INSERT_HEAD(&client->ends, end, in_client);
}

static int charge(struct end *end, uint8_t shift)
{
	struct quota *used = &end->client->user->used;
	uint64_t bytes = IVC_LOCAL_HEAD + (1ull << shift);

	if (used->channels >= config.max.channels ||
	    used->bytes + bytes > config.max.bytes)
		return -EDQUOT;
	used->channels++;
	used->bytes += bytes;
	end->bytes = bytes;
	end->charged = true;
	return 0;
}

/* The end has closed: take it from its client. */
static void end_off(struct end *end)
{
	struct quota *used;

	if (!end->client)
		return;
	used = &end->client->user->used;
	if (end->charged) {
		used->channels--;
		used->bytes -= end->bytes;
		end->charged = false;
	}
	LIST_REMOVE(end, in_client);
	end->client = NULL;
}

/* The offer was accepted, withdrawn or refused. */
static void not_pending(struct conn *c)
{
	LIST_REMOVE(&c->end[1], in_member);
	user_offer_done(c->end[1].client->user, c->end[0].client->user);
}

/* Close @end, which must be open. May free the channel. */
static void end_close(struct end *end)
{
	struct conn *c = end->conn;
	bool by_offerer = end == &c->end[0];

	if (c->state == CONN_OFFERED) {
		not_pending(c);
		if (c->owed.events) {
			/* Not sent yet: the accepter does not know of it. */
			client_owe_nothing(c->end[1].client, &c->owed);
		} else if (by_offerer) {
			c->owed_to = c->end[1].client;
			client_owe(c->owed_to, &c->owed, OWE_GONE);
		}
		/* The offerer sees it by the shutdown, if ivcd has the fd. */
		if (c->fd >= 0) {
			shutdown(c->fd, SHUT_RDWR);
			closer_add(&c->end[0].client->user->sockets, c->fd);
		}
		c->fd = -1;
		end_off(&c->end[1]);
		if (!by_offerer)
			end = NULL;
	}
	c->state = CONN_HALF;
	if (end)
		end_off(end);
	conn_free_if_done(c);
}

int conn_offer(struct member *from, struct member *to,
	       const struct ivc_msg *req, int *fd, uint32_t *nr)
{
	struct conn *c;
	int err;

	if (!ivc_ring_shift_ok(req->offer.tx_shift) ||
	    !ivc_ring_shift_ok(req->offer.rx_shift))
		return -EINVAL;
	c = conn_new();
	if (!c)
		return -ENOMEM;
	end_init(&c->end[0], from->client, from->nr, from->id);
	err = charge(&c->end[0], req->offer.tx_shift);
	if (!err)
		err = user_offer(to->client->user, from->client->user);
	if (err)
		goto err_end;
	end_init(&c->end[1], to->client, to->nr, to->id);
	LIST_INSERT_HEAD(&to->offers, &c->end[1], in_member);
	c->state = CONN_OFFERED;
	c->tx_shift = req->offer.tx_shift;
	c->rx_shift = req->offer.rx_shift;
	c->fd = *fd;
	*fd = -1;
	*nr = c->nr;
	c->owed_to = to->client;
	client_owe(to->client, &c->owed, OWE_OFFER);
	return 0;

err_end:
	end_off(&c->end[0]);
	conn_free_if_done(c);
	return err;
}

int conn_accept(struct member *m, const struct ivc_msg *req)
{
	struct conn *c = conn_find(req->accept.conn);
	int err;

	/* Before the event is sent, the number can only be a guess. */
	if (!c || c->state != CONN_OFFERED || c->owed.events ||
	    c->end[1].member != m->nr)
		return -ENOENT;
	/* The accepter's ring may be smaller than the offer says, not larger.
	 */
	if (!ivc_ring_shift_ok(req->accept.tx_shift) ||
	    req->accept.tx_shift > c->rx_shift)
		return -EINVAL;
	err = charge(&c->end[1], req->accept.tx_shift);
	if (err)
		return err;
	not_pending(c);
	c->state = CONN_OPEN;
	return 0;
}

int conn_adopt(struct client *client, const struct ivc_msg *req, uint32_t *nr)
{
	struct conn *c;
	int err;

	if (!ivc_ring_shift_ok(req->offer.tx_shift))
		return -EINVAL;
	c = conn_new();
	if (!c)
		return -ENOMEM;
	end_init(&c->end[0], client, req->member, 0);
	c->state = CONN_HALF;
	err = charge(&c->end[0], req->offer.tx_shift);
	if (err) {
		end_off(&c->end[0]);
		conn_free_if_done(c);
		return err;
	}
	*nr = c->nr;
	return 0;
}

int conn_close(struct client *client, const struct ivc_msg *req)
{
	struct conn *c = conn_find(req->close.conn);
	int i;

	for (i = 0; c && i < 2; i++) {
		/*
		 * Both ends may belong to one client: the member's number
		 * tells them apart, even if the member has left its group.
		 */
		if (c->end[i].client != client ||
		    c->end[i].member != req->member)
			continue;
		end_close(&c->end[i]);
		return 0;
	}
	return -ENOENT;
}

/* A member leaves: refuse the offers to it. */
void conn_refuse_member(struct member *m)
{
	while (!LIST_EMPTY(&m->offers))
		end_close(LIST_FIRST(&m->offers));
}

/* The client has gone: close all its ends. */
void conn_drop_client(struct client *c)
{
	while (!LIST_EMPTY(&c->ends))
		end_close(LIST_FIRST(&c->ends));
}

/* Fill in event @ev, which is sent with descriptor *@fd. */
void conn_event(struct owed *owed, unsigned int ev, struct ivc_msg *msg,
		int *fd)
{
	struct conn *c =
		(struct conn *)((char *)owed - offsetof(struct conn, owed));

	msg->member = c->end[1].member;
	if (ev == OWE_OFFER) {
		msg->op = IVC_MSG_EV_OFFER;
		msg->offer.peer = c->end[0].member;
		msg->offer.conn = c->nr;
		msg->offer.peer_id = c->end[0].id;
		msg->offer.tx_shift = c->tx_shift;
		msg->offer.rx_shift = c->rx_shift;
		*fd = c->fd;
	} else {
		msg->op = IVC_MSG_EV_GONE;
		msg->close.conn = c->nr;
		msg->close.reason = -EPIPE;
	}
}

void conn_refuse(struct owed *owed)
{
	struct conn *c =
		(struct conn *)((char *)owed - offsetof(struct conn, owed));

	end_close(&c->end[1]);
}

/* Event @ev was sent, or its client has gone. */
void conn_paid(struct owed *owed, unsigned int ev)
{
	struct conn *c =
		(struct conn *)((char *)owed - offsetof(struct conn, owed));

	/*
	 * The accepter has the descriptor, or has closed it already. Close the
	 * copy here without shutdown(), which would end the channel.
	 */
	if (ev == OWE_OFFER) {
		closer_add(&c->end[0].client->user->sockets, c->fd);
		c->fd = -1;
	}
	conn_free_if_done(c);
}

unsigned int conns_count(void)
{
	return nr_conns;
}
