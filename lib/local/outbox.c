/* SPDX-License-Identifier: MIT */
/*
 * What the library tells ivcd by itself, and waits for no answer: that a
 * context registers again after a loss of the link, that a channel is to be
 * entered in a new ivcd's books (ADOPT), that one has been closed.
 *
 *   NOTHING --due--> SEND --sent--> REPLY --answered--> NOTHING
 *
 * CLOSE has no answer: the channel is freed when it has been sent. A channel
 * that is closed while ADOPT is under way is closed when the answer says by
 * which number ivcd knows it. Likewise one whose CONNECT was not answered in
 * the caller's time: it is in REPLY, too.
 *
 * Each state but NOTHING is a list, so that no step looks at anything that is
 * not due. ivcd answers in the order in which it was asked, so the one that a
 * reply belongs to is the first in its list.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../common/clock.h"
#include "local.h"

/* For an id that is taken: by ourselves, if ivcd has not yet seen us go. */
#define AGAIN_TRIES 20
#define AGAIN_NS (50 * IVC_MS)

void local_due_init(void)
{
	TAILQ_INIT(&local.due.contexts);
	TAILQ_INIT(&local.due.channels);
	TAILQ_INIT(&local.asked.contexts);
	TAILQ_INIT(&local.asked.channels);
}

static struct local_dues *dues(enum local_due due)
{
	return due == LOCAL_DUE_SEND ? &local.due : &local.asked;
}

static void context_move(struct local_context *lc, enum local_due due)
{
	if (lc->due)
		TAILQ_REMOVE(&dues(lc->due)->contexts, lc, in_due);
	lc->due = due;
	if (due)
		TAILQ_INSERT_TAIL(&dues(due)->contexts, lc, in_due);
}

static void channel_move(struct local_channel *lc, enum local_due due)
{
	if (lc->due)
		TAILQ_REMOVE(&dues(lc->due)->channels, lc, in_due);
	lc->due = due;
	if (due)
		TAILQ_INSERT_TAIL(&dues(due)->channels, lc, in_due);
}

void local_due_context(struct local_context *lc)
{
	lc->tries = 0;
	context_move(lc, LOCAL_DUE_SEND);
}

void local_due_no_context(struct local_context *lc)
{
	context_move(lc, LOCAL_DUE_NOTHING);
}

void local_due_channel(struct local_channel *lc)
{
	/* Its answer brings the number that CLOSE needs. */
	if (lc->due != LOCAL_DUE_REPLY)
		channel_move(lc, LOCAL_DUE_SEND);
}

void local_due_no_channel(struct local_channel *lc)
{
	channel_move(lc, LOCAL_DUE_NOTHING);
}

void local_due_asked(struct local_channel *lc, uint64_t cookie)
{
	lc->cookie = cookie;
	channel_move(lc, LOCAL_DUE_REPLY);
}

/* A context has registered again, or may not. */
static void registered_again(struct local_context *lc,
			     const struct ivc_msg *msg)
{
	if (msg->status == -EADDRINUSE && ++lc->tries < AGAIN_TRIES) {
		context_move(lc, LOCAL_DUE_SEND);
		local.retry_at = ivc_now() + AGAIN_NS;
		return;
	}
	context_move(lc, LOCAL_DUE_NOTHING);
	lc->tries = 0;
	local_context_named(lc, msg->status ? 0 : msg->reged.member);
	lc->attached = true;
	lc->attach_status = msg->status;
	local_context_lit(lc);
}

void local_due_reply(const struct ivc_msg *msg)
{
	struct local_context *lc;
	struct local_channel *ch;

	TAILQ_FOREACH (lc, &local.asked.contexts, in_due) {
		if (lc->cookie == msg->cookie) {
			registered_again(lc, msg);
			return;
		}
	}
	TAILQ_FOREACH (ch, &local.asked.channels, in_due) {
		if (ch->cookie != msg->cookie)
			continue;
		/*
		 * Refused by a new ivcd (a quota): the channel lives on, and
		 * is not in its books.
		 */
		ch->conn = msg->status ? 0 : msg->offer.conn;
		ch->refused = msg->status;
		channel_move(ch,
			     ch->closing ? LOCAL_DUE_SEND : LOCAL_DUE_NOTHING);
		return;
	}
}

static int send_register(struct local_context *lc)
{
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER,
			       .cookie = local_cookie(),
			       .reg = { .magic = lc->ctx->magic,
					.id = lc->ctx->id } };
	int ret = local_link_send(&msg, -1);

	if (!ret) {
		lc->cookie = msg.cookie;
		context_move(lc, LOCAL_DUE_REPLY);
	}
	return ret;
}

static int send_adopt(struct local_channel *ch)
{
	struct ivc_msg msg = { .op = IVC_LOCAL_ADOPT,
			       .cookie = local_cookie(),
			       .member = ch->member };
	int ret;

	msg.offer.tx_shift = (uint8_t)__builtin_ctz(ch->tx_size);
	ret = local_link_send(&msg, -1);
	if (!ret) {
		ch->cookie = msg.cookie;
		channel_move(ch, LOCAL_DUE_REPLY);
	}
	return ret;
}

static int send_close(struct local_channel *ch)
{
	struct ivc_msg msg = { .op = IVC_MSG_CLOSE,
			       .member = ch->member,
			       .close = { .conn = ch->conn,
					  .reason = -EPIPE } };
	int ret = ch->conn ? local_link_send(&msg, -1) : 0;

	if (!ret) {
		channel_move(ch, LOCAL_DUE_NOTHING);
		LIST_REMOVE(ch, node);
		free(ch);
	}
	return ret;
}

/* Not sent. If the link is full epoll says when it is not; else a time does. */
static void not_now(int err)
{
	if (err != -ENOMEM)
		return;
	local.retry_at = ivc_now() + AGAIN_NS;
	local_poke();
}

/* Send what is due, as much as the link takes. */
void local_flush(void)
{
	struct local_context *lc, *next;
	struct local_channel *ch;
	bool waiting =
		local.retry_at != IVC_NEVER && ivc_now() < local.retry_at;
	int ret;

	if (!waiting)
		local.retry_at = IVC_NEVER;
	for (lc = TAILQ_FIRST(&local.due.contexts); lc; lc = next) {
		next = TAILQ_NEXT(lc, in_due);
		if (waiting && lc->tries)
			continue;
		ret = send_register(lc);
		if (ret) {
			not_now(ret);
			return;
		}
	}
	while ((ch = TAILQ_FIRST(&local.due.channels))) {
		ret = ch->closing ? send_close(ch) : send_adopt(ch);
		if (ret) {
			not_now(ret);
			return;
		}
	}
}
