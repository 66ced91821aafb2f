// SPDX-License-Identifier: GPL-2.0
/*
 * The connection of a channel: the backend's record of it. The backend gives
 * the connection a number, which names the channel in EV_ACCEPTED and EV_GONE.
 * The frontend tells the backend once that its end is closed.
 *
 * Events are only noted here. The work item of the channel carries them out, so
 * that nothing slow runs in the event work.
 */
#include <linux/slab.h>

#include "front.h"

/*
 * The backend has given @ch the number @conn. A number of 0, or the number of
 * another channel, means that the backend lies. Under ch->lock.
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

/* From here on events with that number do not find @ch. */
void ivcf_conn_remove(struct ivc_chan *ch)
{
	xa_lock(&ivc_front.conns);
	if (ch->conn && xa_load(&ivc_front.conns, ch->conn) == ch)
		__xa_erase(&ivc_front.conns, ch->conn);
	xa_unlock(&ivc_front.conns);
}

/* The channel with number @conn, with a reference; or NULL */
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

/* Note that the other end is gone. The first reason stands. Any context. */
static void note_gone(struct ivc_chan *ch, int reason)
{
	spin_lock(&ch->todo_lock);
	if (!ch->todo_gone)
		ch->todo_gone = reason;
	spin_unlock(&ch->todo_lock);
	ivcf_chan_queue_work(ch);
}

/*
 * The backend says that the other end is gone. In the event work, because from
 * here on the backend may give the number to another connection.
 */
static void told_gone(struct ivc_chan *ch, int reason)
{
	ivcf_conn_remove(ch);
	note_gone(ch, reason);
}

/*
 * In the event work. If the backend has no open other end any more, no EV_GONE
 * will come. Either EV_GONE has come before, or it found nothing, because the
 * offer had left the context and was not a channel yet.
 */
static void close_done(struct ivc_request *req)
{
	struct ivc_chan *ch = req->data;

	if (req->status || !req->msg.close.conn)
		told_gone(ch, -ECONNRESET);
	ivcf_chan_put(ch);
}

/* Send CLOSE, once. */
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
	/*
	 * Both ends of a local pair have the same number. They tell each other
	 * of their ends, except of an offer that was never accepted.
	 */
	if (!ch->local || (ch->member == msg->member &&
			   READ_ONCE(ch->state) == IVC_CHAN_OFFERED))
		told_gone(ch, ivc_wire_reason(msg->close.reason));
	ivcf_chan_put(ch);
}
