/* SPDX-License-Identifier: MIT */
/*
 * Messages that the library sends to ivcd by itself, while no caller waits for
 * an answer. REGISTER registers a context again after a loss of the link. ADOPT
 * makes an open channel known to a new ivcd. CLOSE says that a channel is
 * closed.
 *
 *   NOTHING --due--> SEND --sent--> REPLY --answered--> NOTHING
 *
 * CLOSE has no answer: the channel is freed when CLOSE has been sent. If a
 * channel is closed while the answer to ADOPT is still to come, CLOSE is sent
 * after the answer, which has the number of the connection. A channel whose
 * CONNECT was not answered in the caller's time is in REPLY, too.
 *
 * Each state except NOTHING is a list, so that no step visits entries for which
 * nothing is due. ivcd replies in the order of the requests, so a reply belongs
 * to the first entry of its list.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../common/clock.h"
#include "local.h"

/*
 * Tries for an id that is in use, perhaps by this very context: the old ivcd
 * may not have noticed the loss of the link yet.
 */
#define AGAIN_TRIES 20
#define AGAIN_NS (50 * IVC_MS)

void local_outbox_init(void)
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
	/* The answer brings the number that CLOSE needs. */
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

/* ivcd has answered the REGISTER of @lc. */
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
	local_context_set_member(lc, msg->status ? 0 : msg->reged.member);
	lc->attached = true;
	lc->attach_status = msg->status;
	local_context_signal(lc);
}

void local_outbox_reply(const struct ivc_msg *msg)
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
		 * If the new ivcd refused the channel (a quota), the channel
		 * stays open and is not known to that ivcd.
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

/*
 * A message was not sent. If the link is full, epoll reports when it has room.
 * Without memory, try again after a time.
 */
static void not_now(int err)
{
	if (err != -ENOMEM)
		return;
	local.retry_at = ivc_now() + AGAIN_NS;
	local_poke();
}

/* Send the messages that are due, as many as the link accepts. */
void local_outbox_send(void)
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
