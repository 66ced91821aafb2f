/* SPDX-License-Identifier: MIT */
/*
 * The session with the broker: the state of the link, and everything that the
 * broker sends.
 *
 *      local_session_need()          HELLO answered
 *   DOWN --------------------> HELLO ------------------> UP
 *    ^      or the time to       |                        |
 *    |      try again            | refused, no answer     | ended, no answer
 *    +---------------------------+------------------------+
 *
 * While a context is registered or a channel exists, the library's thread
 * connects again after a loss of the link. Then every context registers again,
 * and every open channel is made known to the new ivcd. The channels themselves
 * go on meanwhile.
 *
 * The library's thread receives for all. A reply goes to the thread that waits
 * for its cookie, else to the outbox. ivcd replies in the order of the
 * requests, so the reply is almost always for the first thread in the list.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "../../common/clock.h"
#include "../fd-closer.h"
#include "local.h"

#define RETRY_MAX_NS (250 * IVC_MS)
/* How many packets to receive before another thread gets the lock. */
#define LINK_BATCH 64

void local_session_heard(void)
{
	local.silent_at = IVC_NEVER;
	local.silent = false;
}

/* The link is lost: no pending request will be answered. */
static void replies_lost(void)
{
	struct local_wait *w;

	while ((w = TAILQ_FIRST(&local.waits))) {
		TAILQ_REMOVE(&local.waits, w, node);
		w->reply->status = -ENODEV;
		w->done = true;
	}
}

static void retry_later(void)
{
	if (local.retry_ns < LOCAL_RETRY_NS)
		local.retry_ns = LOCAL_RETRY_NS;
	local.retry_at = ivc_now() + local.retry_ns;
	local.retry_ns *= 2;
	if (local.retry_ns > RETRY_MAX_NS)
		local.retry_ns = RETRY_MAX_NS;
}

void local_session_down(void)
{
	struct local_channel *ch, *next;
	struct local_context *lc;

	if (local.state == LOCAL_DOWN)
		return;
	/* First out of the epoll set: a copy of the file may stay open. */
	epoll_ctl(local.epoll, EPOLL_CTL_DEL, local.link, NULL);
	local_link_hangup();
	local.state = LOCAL_DOWN;
	local.losses++;
	local_session_heard();
	local.full = false;
	retry_later();
	replies_lost();
	LIST_FOREACH (lc, &local.contexts, node) {
		struct local_offer *o;

		if (lc->registered && lc->member) {
			lc->detached = true;
			lc->attached = false;
			lc->hosts_changed = false;
		}
		local_context_set_member(lc, 0);
		if (lc->registered)
			local_due_context(lc);
		TAILQ_FOREACH (o, &lc->offers, node)
			o->conn = 0;
		local_context_signal(lc);
	}
	for (ch = LIST_FIRST(&local.channels); ch; ch = next) {
		next = LIST_NEXT(ch, node);
		ch->conn = 0;
		/* A CONNECT: the socket ends, too, unless ivcd has passed it
		 * on. */
		if (ch->due == LOCAL_DUE_REPLY)
			ch->refused = -ENODEV;
		local_due_no_channel(ch);
		if (ch->state == IVC_CHAN_OPEN)
			local_due_channel(ch);
		if (ch->closing) {
			LIST_REMOVE(ch, node);
			free(ch);
		}
	}
	pthread_cond_broadcast(&local.changed);
}

int local_session_need(void)
{
	int64_t deadline = ivc_now() + LOCAL_REQUEST_NS;
	struct timespec ts;
	int64_t next = 0;
	int ret;

	while (local.state != LOCAL_UP) {
		int64_t until = deadline;

		if (local.state == LOCAL_DOWN && ivc_now() >= next) {
			ret = local_link_open();
			/* EAGAIN: ivcd's backlog is full; try again. */
			if (ret && ret != -EAGAIN)
				return ret;
			next = ivc_now() + LOCAL_RETRY_NS;
		}
		if (local.state == LOCAL_DOWN)
			until = next;
		if (ivc_now() >= deadline)
			return -ETIMEDOUT;
		ts = ivc_timespec(until);
		pthread_cond_timedwait(&local.changed, &local.lock, &ts);
		if (local.state == LOCAL_DOWN && local.status)
			return local.status;
	}
	return 0;
}

/* HELLO is answered. */
static void welcome(const struct ivc_msg *msg)
{
	struct ivc_local_welcome welcome;

	memcpy(&welcome, msg->raw, sizeof(welcome));
	local.status = msg->status;
	if (!local.status && (welcome.magic != IVC_LOCAL_MAGIC ||
			      welcome.version != IVC_LOCAL_VERSION))
		local.status = -EPROTONOSUPPORT;
	if (local.status) {
		local_session_down();
		return;
	}
	local.state = LOCAL_UP;
	local.retry_at = IVC_NEVER;
	local.retry_ns = LOCAL_RETRY_NS;
	pthread_cond_broadcast(&local.changed);
}

static bool reply_to_request(const struct ivc_msg *msg,
			     const struct ivc_host *table, size_t hosts)
{
	struct local_wait *w;

	TAILQ_FOREACH (w, &local.waits, node) {
		if (w->cookie != msg->cookie)
			continue;
		*w->reply = *msg;
		if (w->table && !msg->status) {
			if (msg->hosted.count != hosts)
				w->reply->status = -EPROTO;
			else
				memcpy(w->table, table, hosts * sizeof(*table));
		}
		if (w->enrolls && !msg->status) {
			w->enrolls->registered = true;
			local_context_set_member(w->enrolls, msg->reged.member);
		}
		w->done = true;
		TAILQ_REMOVE(&local.waits, w, node);
		pthread_cond_broadcast(&local.changed);
		return true;
	}
	return false;
}

static void refuse(const struct ivc_msg *offer)
{
	struct ivc_msg msg = { .op = IVC_MSG_CLOSE,
			       .member = offer->member,
			       .close = { .conn = offer->offer.conn,
					  .reason = -ECONNREFUSED } };

	/* If this cannot be sent, the offerer still sees its socket close. */
	(void)local_link_send(&msg, -1);
}

/* Refuse an offer for lack of a resource; the next accept returns @lack. */
static void refuse_for(struct local_context *lc, const struct ivc_msg *offer,
		       int lack)
{
	refuse(offer);
	lc->lack = lack;
	local_context_signal(lc);
}

static void on_offer(const struct ivc_msg *msg, struct ivc_packet *fds)
{
	struct local_context *lc = local_context_of(msg->member);
	struct local_offer *o;

	/* The kernel kept the socket back, which closes it for the offerer. */
	if (lc && fds->lack) {
		refuse_for(lc, msg, -EMFILE);
		return;
	}
	if (fds->nr != 1 || !lc || msg->offer.tx_shift > IVC_RING_MAX_SHIFT ||
	    msg->offer.rx_shift > IVC_RING_MAX_SHIFT) {
		refuse(msg);
		return;
	}
	o = calloc(1, sizeof(*o));
	if (!o) {
		/* As local_offer_drop() does with an offer in the list. */
		ivc_closer_hangup(fds->fd[0]);
		fds->nr = 0;
		refuse_for(lc, msg, -ENOMEM);
		return;
	}
	o->fd = fds->fd[0];
	fds->nr = 0;
	o->conn = msg->offer.conn;
	o->peer = (ivc_peer){ .id = msg->offer.peer_id,
			      .member = msg->offer.peer,
			      .local = 1 };
	o->tx_size = 1u << msg->offer.tx_shift;
	o->rx_size = 1u << msg->offer.rx_shift;
	TAILQ_INSERT_TAIL(&lc->offers, o, node);
	local_context_signal(lc);
}

static void on_gone(const struct ivc_msg *msg)
{
	struct local_context *lc = local_context_of(msg->member);
	struct local_offer *o;

	if (!lc)
		return;
	TAILQ_FOREACH (o, &lc->offers, node) {
		if (o->conn == msg->close.conn) {
			o->conn = 0;
			local_offer_drop(lc, o, 0);
			return;
		}
	}
}

static void on_hosts(const struct ivc_msg *msg)
{
	struct local_context *lc = local_context_of(msg->member);

	if (!lc)
		return;
	lc->hosts_changed = true;
	lc->generation = msg->hosted.generation;
	local_context_signal(lc);
}

static void dispatch(const struct ivc_msg *msg, const struct ivc_host *table,
		     size_t hosts, struct ivc_packet *fds)
{
	switch (msg->op) {
	case IVC_MSG_REPLY:
		if (local.state == LOCAL_HELLO)
			welcome(msg);
		else if (!reply_to_request(msg, table, hosts) && msg->cookie)
			local_outbox_reply(msg);
		break;
	case IVC_MSG_EV_OFFER:
		on_offer(msg, fds);
		break;
	case IVC_MSG_EV_GONE:
		on_gone(msg);
		break;
	case IVC_MSG_EV_HOSTS:
		on_hosts(msg);
		break;
	}
}

/* Receive one packet. Returns false if there is none, or no link any more. */
static bool receive(void)
{
	static union {
		struct ivc_msg msg;
		char raw[IVC_LOCAL_PACKET];
	} in; /* guarded by the lock */
	struct ivc_packet fds;
	ssize_t n;

	if (local.link < 0)
		return false;
	/*
	 * Too many sockets of withdrawn offers wait to be closed. Without a
	 * link no more offers come.
	 */
	if (!ivc_closer_room(1)) {
		local_session_down();
		return false;
	}
	n = ivc_packet_recv(local.link, &in, sizeof(in), &fds);
	/* Lack of memory does not end the link: epoll reports the packet again.
	 */
	if (n == -EAGAIN || n == -ENOMEM)
		return false;
	/*
	 * ivcd has closed the socket with requests unread. The messages that it
	 * sent before follow the error.
	 */
	if (n == -ECONNRESET)
		n = ivc_packet_recv(local.link, &in, sizeof(in), &fds);
	local_session_heard();
	if (n < (ssize_t)sizeof(in.msg) || fds.cut) {
		if (n >= 0)
			ivc_closer_add(&fds);
		local_session_down();
		return false;
	}
	dispatch(&in.msg, (struct ivc_host *)(&in.msg + 1),
		 ((size_t)n - sizeof(in.msg)) / sizeof(struct ivc_host), &fds);
	ivc_closer_add(&fds);
	return true;
}

void local_session_event(uint32_t events)
{
	int i;

	if (events & EPOLLOUT && local.full) {
		local_link_drained();
		pthread_cond_broadcast(&local.changed);
	}
	for (i = 0; i < LINK_BATCH && receive(); i++)
		;
}

static bool link_wanted(void)
{
	struct local_context *lc;

	LIST_FOREACH (lc, &local.contexts, node)
		if (lc->registered)
			return true;
	return !LIST_EMPTY(&local.channels);
}

/* Connect again, give ivcd up, or send from the outbox, as due. */
int64_t local_session_tick(void)
{
	int64_t now = ivc_now();

	switch (local.state) {
	case LOCAL_DOWN:
		if (!link_wanted())
			return IVC_NEVER;
		if (now < local.retry_at)
			return local.retry_at;
		if (ivc_closer_room(1) && !local_link_open())
			return local.retry_at;
		retry_later();
		return local.retry_at;
	case LOCAL_HELLO:
		if (now >= local.retry_at) {
			local.status = -ETIMEDOUT;
			local_session_down();
		}
		return local.retry_at;
	case LOCAL_UP:
		/* Perhaps this process was stopped and ivcd has answered. */
		if (now >= local.silent_at)
			local_session_event(0);
		if (now >= local.silent_at)
			local_session_down();
		else
			local_outbox_send();
		return local.retry_at < local.silent_at ? local.retry_at
							: local.silent_at;
	}
	return IVC_NEVER;
}
