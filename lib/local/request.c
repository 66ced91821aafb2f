/* SPDX-License-Identifier: MIT */
/*
 * Requests to ivcd and its answers, and what it says unasked.
 *
 * A thread of the program sends its request and waits; the library's thread
 * receives for all and hands out the replies by their cookies. ivcd answers in
 * the order in which it was asked, so the request that a reply belongs to is
 * the first that waits. What the library itself has to say is not waited for:
 * see outbox.c.
 *
 * An ivcd that does not answer within 5 s is as good as gone: the link is given
 * up and made again, so that both sides agree on what there is. A caller that
 * has less time gets its thread back when that is over; what ivcd may still
 * answer is found by its cookie, and undone if nobody wants it any more.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../common/clock.h"
#include "../fd-closer.h"
#include "local.h"

#define CALL_TIMEOUT_NS (5 * IVC_SEC)

/*
 * Who gives no time at all still means to hear what ivcd says, which takes some
 * microseconds, or a busy machine's next time slice. Not again, though, before
 * ivcd has shown that it lives.
 */
#define ANSWER_NS (200 * IVC_MS)

/* Before something is tried again for which there was no memory. */
#define NO_MEMORY_NS (10 * IVC_MS)

uint64_t local_cookie(void)
{
	return ++local.next_cookie;
}

/* -ENODEV, -ETIMEDOUT, or 0: something has changed. */
static int wait_change(int64_t deadline)
{
	struct timespec ts = ivc_timespec(deadline);

	if (pthread_cond_timedwait(&local.changed, &local.lock, &ts) !=
	    ETIMEDOUT)
		return 0;
	return ivc_now() >= deadline ? -ETIMEDOUT : 0;
}

int64_t local_answer_by(int64_t deadline)
{
	int64_t answer = ivc_now() + (local.silent ? 0 : ANSWER_NS);

	return deadline > answer ? deadline : answer;
}

void local_call_heard(void)
{
	local.silent_at = IVC_NEVER;
	local.silent = false;
}

/* No answer came. Is it only that the caller has no more time? */
static int no_answer(int64_t patience, bool sent)
{
	if (ivc_now() >= patience) {
		local_link_down();
	} else if (sent) {
		local.silent = true;
		local_poke(); /* the thread watches on */
		return -EINPROGRESS;
	}
	local_poke();
	return -ETIMEDOUT;
}

static int call(struct local_wait *w, struct ivc_msg *msg, int fd,
		int64_t until)
{
	int64_t patience = ivc_now() + CALL_TIMEOUT_NS;
	int ret;

	if (until > patience)
		until = patience;
	if (local.state != LOCAL_UP)
		return -ENODEV;
	w->reply = msg;
	w->cookie = msg->cookie = local_cookie();
	while ((ret = local_link_send(msg, fd)) == -EAGAIN) {
		ret = wait_change(until);
		if (!ret && local.state != LOCAL_UP)
			ret = -ENODEV;
		if (ret)
			break;
	}
	if (ret)
		return ret == -ETIMEDOUT ? no_answer(patience, false) : ret;
	TAILQ_INSERT_TAIL(&local.waits, w, node);
	while (!w->done && !ret)
		ret = wait_change(until);
	/* If this process was stopped, the answer may be there by now. */
	if (!w->done)
		local_link_event(0);
	if (w->done)
		return msg->status;
	TAILQ_REMOVE(&local.waits, w, node);
	return no_answer(patience, true);
}

int local_call(struct ivc_msg *msg, int fd, struct ivc_host *table,
	       int64_t until)
{
	struct local_wait w = { .table = table };

	return call(&w, msg, fd, until);
}

void local_call_surely(struct ivc_msg *msg)
{
	int64_t patience = ivc_now() + CALL_TIMEOUT_NS;
	int ret;

	while ((ret = local_call(msg, -1, NULL, IVC_NEVER)) == -ENOMEM &&
	       ivc_now() < patience)
		(void)wait_change(ivc_now() + NO_MEMORY_NS);
	/* With the link ivcd forgets it all; the thread makes a new one. */
	if (ret == -ENOMEM) {
		local_link_down();
		local_poke();
	}
}

int local_call_register(struct local_context *lc)
{
	struct local_wait w = { .enrolls = lc };
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER,
			       .reg = { .magic = lc->ctx->magic,
					.id = lc->ctx->id } };

	return call(&w, &msg, -1, IVC_NEVER);
}

/* Of the requests under way none will be answered any more. */
void local_call_lost(void)
{
	struct local_wait *w;

	while ((w = TAILQ_FIRST(&local.waits))) {
		TAILQ_REMOVE(&local.waits, w, node);
		w->reply->status = -ENODEV;
		w->done = true;
	}
}

static bool reply_waiting(const struct ivc_msg *msg,
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
			local_context_named(w->enrolls, msg->reged.member);
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

	/* If it cannot be sent now: the offerer has seen its socket close. */
	(void)local_link_send(&msg, -1);
}

/* Refuse an offer since this process lacks something: accept says what. */
static void refuse_for(struct local_context *lc, const struct ivc_msg *offer,
		       int lack)
{
	refuse(offer);
	lc->lack = lack;
	local_context_lit(lc);
}

static void on_offer(const struct ivc_msg *msg, struct ivc_packet *fds)
{
	struct local_context *lc = local_context_of(msg->member);
	struct local_offer *o;

	/* Its socket is closed by that: the offerer hears of it at once. */
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
		/* As of an offer that waits in the list: local_offer_drop(). */
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
	local_context_lit(lc);
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
	local_context_lit(lc);
}

void local_dispatch(const struct ivc_msg *msg, const struct ivc_host *table,
		    size_t hosts, struct ivc_packet *fds)
{
	switch (msg->op) {
	case IVC_MSG_REPLY:
		if (local.state == LOCAL_HELLO)
			local_link_welcome(msg);
		else if (!reply_waiting(msg, table, hosts) && msg->cookie)
			local_due_reply(msg);
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
