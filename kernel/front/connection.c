// SPDX-License-Identifier: GPL-2.0
/*
 * A channel's connection: what the backend knows of the channel. The backend
 * gives it a number, by which its events name the channel; we tell the backend
 * once that our end is closed.
 *
 * The events are only noted here. The channel's work item carries them out, so
 * that nothing slow runs in the event work.
 */
#include <linux/slab.h>

#include "front.h"

/*
 * The backend has given @ch a number, by which it is found from here on. None,
 * or one of another, is a lie. Under ch->lock.
 */
int ivcf_conn_add(struct ivc_chan *ch, u32 conn, gfp_t gfp)
{
	int err;

	ch->conn = conn;
	err = conn ? xa_insert(&ivc_front.conns, conn, ch, gfp) : -EBUSY;
	if (!err)
		return 0;
	ch->conn = 0;
	return err == -EBUSY ? -EPROTO : err;
}

/* The number is not ours any more, or will soon be another channel's. */
void ivcf_conn_remove(struct ivc_chan *ch)
{
	xa_lock(&ivc_front.conns);
	if (ch->conn && xa_load(&ivc_front.conns, ch->conn) == ch)
		__xa_erase(&ivc_front.conns, ch->conn);
	xa_unlock(&ivc_front.conns);
}

/* The channel of number @conn, with a reference; or NULL. */
struct ivc_chan *ivcf_conn_find(u32 conn)
{
	struct ivc_chan *ch;

	xa_lock(&ivc_front.conns);
	ch = xa_load(&ivc_front.conns, conn);
	if (ch && !kref_get_unless_zero(&ch->ref))
		ch = NULL;
	xa_unlock(&ivc_front.conns);
	return ch;
}

/* The other end is gone, says somebody. The first reason stands. Any context.
 */
static void note_gone(struct ivc_chan *ch, int reason)
{
	spin_lock(&ch->todo_lock);
	if (!ch->todo_gone)
		ch->todo_gone = reason;
	spin_unlock(&ch->todo_lock);
	ivcf_chan_queue_work(ch);
}

/*
 * The backend says that the other end is gone. In the event work: from here on
 * the number of the connection may be another's.
 */
static void told_gone(struct ivc_chan *ch, int reason)
{
	ivcf_conn_remove(ch);
	note_gone(ch, reason);
}

/*
 * In the event work. If the backend has no open other end any more, nobody will
 * tell us that it is gone: either we have been told, or it slipped past us
 * while the offer was between the context's queue and its channel.
 */
static void close_done(struct ivc_request *req)
{
	struct ivc_chan *ch = req->data;

	if (req->status || !req->msg.close.conn)
		told_gone(ch, -ECONNRESET);
	ivcf_chan_put(ch);
}

/* Tell the backend, once, that this end is closed. */
void ivcf_conn_close(struct ivc_chan *ch, int reason)
{
	struct ivc_request *req;

	if (!ch->conn || ch->conn_closed)
		return;
	ch->conn_closed = true;
	req = ivcf_request_new(IVC_MSG_CLOSE, ch->epoch, ch->member);
	req->kind = IVC_REQUEST_END;
	req->msg.close.conn = ch->conn;
	req->msg.close.reason = reason;
	req->done = close_done;
	ivcf_chan_get(ch);
	req->data = ch;
	ivcf_ctl_send(req);
	ivcf_request_put(req);
}

/* ------------------------------------------------ told by the backend */

void ivcf_conn_accepted(const struct ivc_msg *msg)
{
	struct ivc_chan *ch = ivcf_conn_find(msg->accept.conn);

	if (!ch)
		return;
	spin_lock(&ch->todo_lock);
	ch->todo_accepted = true;
	ch->todo_dir_gref = msg->accept.dir_gref;
	ch->todo_tx_shift = msg->accept.tx_shift;
	spin_unlock(&ch->todo_lock);
	ivcf_chan_queue_work(ch);
	ivcf_chan_put(ch);
}

void ivcf_conn_gone(const struct ivc_msg *msg)
{
	struct ivc_chan *ch = ivcf_conn_find(msg->close.conn);

	if (!ch)
		return;
	/* Both ends of a local pair have one number; they tell each other of
	 * all but an offer that nobody took.
	 */
	if (!ch->local || (ch->member == msg->member &&
			   READ_ONCE(ch->state) == IVC_CHAN_OFFERED))
		told_gone(ch, ivc_wire_reason(msg->close.reason));
	ivcf_chan_put(ch);
}
