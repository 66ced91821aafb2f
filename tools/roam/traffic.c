/* SPDX-License-Identifier: MIT */
/*
 * The messages. Each side numbers its messages from 0. The receiver expects
 * exactly the next number, the length that belongs to it and a correct CRC; the
 * first message that differs is a fault and ends the run.
 *
 * The end. The side that began sends FIN when its time is over and, in mode
 * latency, its last message was answered. The other side then sends FIN, too.
 * FIN has the number of messages. A side that has sent and received FIN sends
 * END over TCP; a side that has sent and received END is done.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "roam.h"

#define AT_ONCE 64 /* messages per step of each direction */

const char *const mode_names[MODES] = {
	[MODE_LATENCY] = "latency",
	[MODE_STREAM] = "stream",
};

void traffic_init(struct traffic *t, struct stream *s, struct record *r,
		  const struct options *o, bool active, uint64_t now)
{
	memset(t, 0, offsetof(struct traffic, out));
	t->stream = s;
	t->record = r;
	t->active = active;
	t->mode = o->mode;
	t->size = o->size;
	t->period = o->rate ? SECOND / o->rate : 0;
	t->messages = active ? o->messages : 0;
	if (active && o->seconds > 0)
		t->until = now + (uint64_t)(o->seconds * SECOND);
	t->heard_at = now;
}

static void make(struct traffic *t, enum message_type type, uint32_t len)
{
	struct message m = { .type = type, .seq = t->tx_seq, .len = len };

	message_make(&m, t->out);
	t->out_len = len;
	t->out_at = 0;
}

static void make_data(struct traffic *t, uint64_t now)
{
	make(t, MESSAGE_DATA,
	     t->mode == MODE_LATENCY ? t->size
				     : message_size(t->tx_seq, t->size));
	t->tx_seq++;
	t->tx_bytes += t->out_len;
	if (!t->period)
		return;
	/* Messages that could not be sent in time are not made up for. */
	t->next_at = t->next_at + t->period > now ? t->next_at + t->period
						  : now + t->period;
}

/* Put the next message into t->out, if one is due. */
static bool make_next(struct traffic *t, uint64_t now)
{
	if (t->fin_made)
		return false;
	if ((t->messages && t->tx_seq >= t->messages) ||
	    (t->until && now >= t->until))
		t->stopping = true;
	if (t->owing) {
		t->owing = false;
		make_data(t, now);
		return true;
	}
	if (t->stopping) {
		/* The side that did not begin asks the other side to end. */
		if (t->awaiting || (!t->active && !t->fin_got)) {
			if (t->active || t->asked)
				return false;
			t->asked = true;
			make(t, MESSAGE_STOP, MESSAGE_HEAD);
			return true;
		}
		t->fin_made = true;
		make(t, MESSAGE_FIN, MESSAGE_HEAD);
		return true;
	}
	if (now < t->next_at)
		return false;
	if (t->mode == MODE_LATENCY) {
		if (!t->active || t->awaiting)
			return false;
		t->awaiting = true;
		t->sent_at = now;
	}
	make_data(t, now);
	return true;
}

static int send_some(struct traffic *t, uint64_t now)
{
	int moved = 0;

	for (int i = 0; i < AT_ONCE; i++) {
		ssize_t n;

		if (t->out_at == t->out_len && !make_next(t, now))
			break;
		n = stream_write(t->stream, t->out + t->out_at,
				 t->out_len - t->out_at);
		if (n < 0)
			return (int)n;
		if (!n)
			break;
		t->out_at += (size_t)n;
		moved = 1;
	}
	return moved;
}

__attribute__((format(printf, 2, 3))) static int fault(struct traffic *t,
						       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->fault, sizeof(t->fault), fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static int check(struct traffic *t, const struct message *m)
{
	unsigned long long seq = m->seq, due = t->rx_seq;
	uint32_t len = MESSAGE_HEAD;

	if (m->type == MESSAGE_DATA)
		len = t->mode == MODE_LATENCY ? t->size
					      : message_size(m->seq, t->size);
	if (seq > due)
		return fault(t,
			     "message %llu came when %llu was due: %llu lost, "
			     "or out of order",
			     seq, due, seq - due);
	if (seq < due)
		return fault(t,
			     "message %llu came again when %llu was due: "
			     "doubled",
			     seq, due);
	if (m->len != len)
		return fault(t, "message %llu has %u bytes, not %u", seq,
			     m->len, len);
	if (t->fin_got)
		return fault(t, "a message came after the last one");
	return 0;
}

static void data_came(struct traffic *t, const struct message *m, uint64_t now)
{
	uint64_t took = now - t->heard_at;

	t->rx_seq++;
	t->rx_bytes += m->len;
	if (t->mode == MODE_LATENCY) {
		if (t->active)
			took = (now - t->sent_at) / 2;
		t->awaiting = false;
		t->owing = !t->active;
	}
	record_sample(t->record, now, took, t->stream->in);
}

static int message_came(struct traffic *t, const struct message *m,
			uint64_t now)
{
	int ret = check(t, m);

	if (ret)
		return ret;
	switch (m->type) {
	case MESSAGE_DATA:
		if (t->mode == MODE_LATENCY && t->active && !t->awaiting)
			return fault(t, "an answer to nothing");
		data_came(t, m, now);
		break;
	case MESSAGE_STOP:
		t->stopping = true;
		break;
	case MESSAGE_FIN:
		t->fin_got = true;
		t->stopping = true;
		/* It has all its answers, or gives none any more. */
		t->awaiting = false;
		break;
	default:
		return fault(t, "message %llu is of no known type",
			     (unsigned long long)m->seq);
	}
	t->heard_at = now;
	return 0;
}

/* Check complete messages; one that must be answered delays the rest. */
static int parse(struct traffic *t, uint64_t now)
{
	struct message m;
	const char *why;
	int ret = 1;

	while (ret > 0 && !t->owing) {
		ret = message_parse(&m, t->in + t->in_at, t->in_len - t->in_at,
				    &why);
		if (ret < 0)
			return fault(t, "message %llu is corrupt: %s",
				     (unsigned long long)t->rx_seq, why);
		if (ret) {
			t->in_at += m.len;
			if (message_came(t, &m, now))
				return -EBADMSG;
		}
	}
	if (t->in_at == t->in_len)
		t->in_at = t->in_len = 0;
	return 0;
}

bool traffic_wants_input(const struct traffic *t)
{
	return t->in_len - t->in_at < sizeof(t->in) / 2;
}

/* Make room for at least one message at the end of the buffer. */
static void make_room(struct traffic *t)
{
	if (t->in_len <= sizeof(t->in) / 2)
		return;
	t->in_len -= t->in_at;
	memmove(t->in, t->in + t->in_at, t->in_len);
	t->in_at = 0;
}

static int receive_some(struct traffic *t, uint64_t now)
{
	ssize_t n = 1;
	int moved = 0;

	/* Messages that an answer has delayed. */
	if (t->in_at < t->in_len && parse(t, now))
		return -EBADMSG;
	for (int i = 0; i < AT_ONCE && n > 0 && traffic_wants_input(t); i++) {
		make_room(t);
		n = stream_read(t->stream, t->in + t->in_len,
				sizeof(t->in) - t->in_len);
		if (n <= 0)
			break;
		t->in_len += (size_t)n;
		moved = 1;
		if (parse(t, now))
			return -EBADMSG;
	}
	/* The next call returns the error again, after these messages. */
	return moved || n > 0 ? moved : (int)n;
}

int traffic_step(struct traffic *t, uint64_t now)
{
	int in, out;

	in = receive_some(t, now);
	if (in < 0)
		return in;
	out = send_some(t, now);
	if (out < 0)
		return out;
	if (t->fin_made && t->out_at == t->out_len && t->fin_got &&
	    !t->end_put && !t->stream->back && wire_room(t->stream->wire, 1)) {
		wire_put(t->stream->wire, FRAME_END, NULL, 0);
		t->end_put = true;
		out = 1;
	}
	return in | out;
}

void traffic_stop(struct traffic *t)
{
	t->stopping = true;
}

bool traffic_done(const struct traffic *t)
{
	return t->end_put && t->stream->peer_end &&
	       !wire_pending(t->stream->wire);
}

uint64_t traffic_deadline(const struct traffic *t)
{
	uint64_t at = UINT64_MAX;

	if (t->stopping || t->out_at < t->out_len)
		return at;
	if (t->until)
		at = t->until;
	if (t->period && t->next_at < at &&
	    (t->mode == MODE_STREAM || (t->active && !t->awaiting)))
		at = t->next_at;
	return at;
}
