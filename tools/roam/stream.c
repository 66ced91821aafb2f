/* SPDX-License-Identifier: MIT */
/*
 * One stream of bytes in each direction, by way of TCP or of IVC channels.
 *
 * Each direction is cut into segments. One segment goes over TCP, the next over
 * a channel, the next over TCP, and so on; the order of the segments is the
 * order of the bytes. TCP is there all the time and says where the cuts are.
 *
 *     TCP      DATA DATA SWITCH(7) . . . . . . . . . . DATA DATA SWITCH(8) ...
 *                             \                       / what the channel
 *     channel 7                hello DATA DATA DATA (end)  did not deliver
 *
 * Sender. Sends DATA frames until there is a channel which both sides know. It
 * puts SWITCH with the channel's number, its generation, on TCP and writes to
 * the channel from then on, until that has ended, for whatever reason. Then it
 * asks the library which bytes were not delivered: these are the last that it
 * wrote, exactly. They are recalled and go over TCP before anything else.
 *
 * Receiver. Reads TCP until SWITCH, then that channel until reading it gives an
 * error, which comes after all that was delivered, then TCP again. So nothing
 * is looked at twice, and no order is guessed.
 *
 * Which channels both know. A channel's first four bytes, each way, are its
 * generation, and no part of the stream. The side that connected it chooses the
 * number, each higher than the last, and says it; the side that accepted it
 * says it back. Who has heard and said it may send SWITCH. By then the other
 * side has the channel: the one that accepted, since it has answered; the one
 * that connected, since it did. TCP and the channel are not ordered with each
 * other, and need not be.
 *
 * A channel can end at any moment, also between these steps, and at other times
 * for each side. It is kept after its end until this side's sender has recalled
 * what it must and its receiver has read it out. One that has ended with
 * nothing in it (the hello at most) is dropped: its SWITCH may still be on its
 * way, or never have been sent. So a SWITCH to a channel that is not there is a
 * segment without bytes. In one that has something in it, the peer wrote
 * something, so its SWITCH is on its way: it is kept until that comes.
 *
 * The two directions share the channels and nothing else: one may be on TCP
 * while the other is on a channel, or on an older one.
 *
 * What this rests on: the sum of what reading gave and what ivc_undelivered()
 * says is what ivc_write() took. If the library cannot say (the peer broke the
 * ring), the conversation ends with an error; it never goes on with a guess.
 *
 * END is no part of the stream: it may be read while a channel is.
 *
 * This file waits for nothing and knows no clock, so that a test can put any
 * schedule of events under it: tests/roam/test-stream.c.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "roam.h"

#define HELLO_BYTES sizeof(uint32_t)

void stream_init(struct stream *s, struct wire *w, bool connector)
{
	memset(s, 0, sizeof(*s));
	s->wire = w;
	s->connector = connector;
}

static void drop(struct stream *s, unsigned int i)
{
	struct link *l = s->links[i];

	ivc_close(l->ch);
	free(l);
	s->links[i] = s->links[--s->n_links];
}

void stream_free(struct stream *s)
{
	while (s->n_links)
		drop(s, s->n_links - 1);
}

int stream_add(struct stream *s, ivc_channel *ch)
{
	struct link *l;
	uint32_t gen;

	if (s->n_links == STREAM_LINKS)
		return -ENOSPC;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->ch = ch;
	if (s->connector) {
		l->gen = ++s->last_gen;
		gen = htole32(l->gen);
		memcpy(l->mine, &gen, sizeof(gen));
	}
	s->links[s->n_links++] = l;
	return 0;
}

bool stream_has_channel(const struct stream *s)
{
	for (unsigned int i = 0; i < s->n_links; i++)
		if (!s->links[i]->ended && !s->links[i]->bad)
			return true;
	return false;
}

/* All of the peer's hello is here: is it what it must be? */
static void heard(struct stream *s, struct link *l)
{
	uint32_t gen;

	memcpy(&gen, l->theirs, sizeof(gen));
	gen = le32toh(gen);
	if (s->connector) {
		l->bad = gen != l->gen;
		return;
	}
	/*
	 * A lower one is of a channel which the peer gave up before the one
	 * that was heard before: it never sent a SWITCH to it.
	 */
	if (gen <= s->last_gen) {
		l->bad = true;
		return;
	}
	l->gen = s->last_gen = gen;
	memcpy(l->mine, l->theirs, sizeof(l->mine));
}

static void hear(struct stream *s, struct link *l)
{
	while (l->heard < HELLO_BYTES && !l->bad) {
		ssize_t n = ivc_read(l->ch, l->theirs + l->heard,
				     HELLO_BYTES - l->heard);

		if (n == -EINTR || !n)
			return;
		/* It has ended before anything of the stream was in it. */
		if (n < 0) {
			l->bad = true;
			return;
		}
		l->heard += (unsigned int)n;
		if (l->heard == HELLO_BYTES)
			heard(s, l);
	}
}

static void say(struct link *l)
{
	ssize_t n;

	if (l->said == HELLO_BYTES || l->bad || !l->gen)
		return;
	n = ivc_write(l->ch, l->mine + l->said, HELLO_BYTES - l->said);
	/* An error is the channel's end, which others notice. */
	if (n > 0)
		l->said += (unsigned int)n;
}

static void greet(struct stream *s, struct link *l)
{
	if (s->connector)
		say(l);
	if (l->heard < HELLO_BYTES)
		hear(s, l);
	if (!s->connector)
		say(l);
}

/* The channel can be written to no longer, and all about that is known. */
static bool has_ended(struct link *l)
{
	ssize_t n;

	if (!l->ended) {
		n = ivc_undelivered(l->ch);
		l->ended = n != -EAGAIN && n != -EINTR;
	}
	return l->ended;
}

/* Nobody needs it any more, and nobody can come to. */
static bool done_with(const struct stream *s, struct link *l)
{
	const void *p;

	if (l == s->in || l == s->out || l == s->back)
		return false;
	if (l->bad)
		return true;
	return has_ended(l) && ivc_peek(l->ch, &p) < 0;
}

/* Send again what came back, as far as there is room. */
static int resend(struct stream *s)
{
	uint8_t buf[FRAME_MAX];
	ssize_t n;

	while (s->back && s->left) {
		size_t len = s->left < sizeof(buf) ? s->left : sizeof(buf);

		len = wire_room(s->wire, len);
		if (!len)
			return 0;
		n = ivc_recall(s->back->ch, buf, len, s->skip);
		if (n == -EINTR)
			return 0;
		if (n <= 0 || (size_t)n > len)
			return n < 0 ? (int)n : -EPROTO;
		wire_put(s->wire, FRAME_DATA, buf, (size_t)n);
		s->skip += (size_t)n;
		s->left -= (size_t)n;
	}
	s->back = NULL;
	return 0;
}

/* The channel in use may have ended; then the sender goes on with TCP. */
static int check_out(struct stream *s)
{
	struct link *l = s->out;
	ssize_t lost;

	if (!l)
		return resend(s);
	lost = ivc_undelivered(l->ch);
	if (lost == -EAGAIN || lost == -EINTR)
		return 0;
	if (lost < 0)
		return (int)lost;
	if ((uint64_t)lost > l->written + HELLO_BYTES)
		return -EPROTO;
	/* The hello may have come back too. */
	s->left =
		(uint64_t)lost < l->written ? (size_t)lost : (size_t)l->written;
	s->skip = (size_t)lost - s->left;
	s->back = l;
	s->out = NULL;
	s->full = false;
	l->ended = true;
	s->to_tcp++;
	s->last_back = s->left;
	s->again += s->left;
	/* No bytes, only to hear why. */
	s->last_end = (int)ivc_write(l->ch, "", 0);
	return resend(s);
}

int stream_step(struct stream *s)
{
	unsigned int i = 0;

	while (i < s->n_links) {
		struct link *l = s->links[i];

		if (l->heard < HELLO_BYTES || l->said < HELLO_BYTES)
			greet(s, l);
		has_ended(l);
		if (done_with(s, l))
			drop(s, i);
		else
			i++;
	}
	return check_out(s);
}

static bool usable(const struct link *l)
{
	return !l->bad && !l->ended && l->heard == HELLO_BYTES &&
	       l->said == HELLO_BYTES;
}

/* Go on with the newest channel that both know, if there is one. */
static void go_ivc(struct stream *s)
{
	struct link *best = NULL;
	uint32_t gen;

	for (unsigned int i = 0; i < s->n_links; i++) {
		struct link *l = s->links[i];

		if (usable(l) && l->gen > s->out_gen &&
		    (!best || l->gen > best->gen))
			best = l;
	}
	if (!best || wire_room(s->wire, sizeof(gen)) < sizeof(gen))
		return;
	gen = htole32(best->gen);
	wire_put(s->wire, FRAME_SWITCH, &gen, sizeof(gen));
	s->out = best;
	s->out_gen = best->gen;
	s->to_ivc++;
}

static ssize_t write_ivc(struct stream *s, const void *buf, size_t len)
{
	ssize_t n = ivc_write(s->out->ch, buf, len);
	int ret;

	s->full = !n;
	if (n > 0)
		s->out->written += (uint64_t)n;
	if (n >= 0)
		return n;
	if (n == -EINTR)
		return 0;
	ret = check_out(s);
	if (ret)
		return ret;
	/* An error, and yet the channel lives: it cannot be relied upon. */
	return s->out ? n : 0;
}

ssize_t stream_write(struct stream *s, const void *buf, size_t len)
{
	ssize_t n;

	if (!s->out && !s->back)
		go_ivc(s);
	if (s->out) {
		n = write_ivc(s, buf, len);
		if (n || s->out)
			return n;
	}
	if (s->back)
		return 0;
	if (len > FRAME_MAX)
		len = FRAME_MAX;
	len = wire_room(s->wire, len);
	if (len)
		wire_put(s->wire, FRAME_DATA, buf, len);
	return (ssize_t)len;
}

/* As ivc_read(), of what is behind the hello. */
static ssize_t read_ivc(struct stream *s, void *buf, size_t len)
{
	struct link *l = s->in;
	ssize_t n;

	if (l->heard < HELLO_BYTES)
		hear(s, l);
	if (l->bad)
		return -EPIPE;
	if (l->heard < HELLO_BYTES)
		return 0;
	n = ivc_read(l->ch, buf, len);
	return n == -EINTR ? 0 : n;
}

static int go_channel(struct stream *s, const struct frame *f)
{
	uint32_t gen;

	memcpy(&gen, f->data, sizeof(gen));
	gen = le32toh(gen);
	if (gen <= s->in_gen)
		return -EPROTO;
	s->in_gen = gen;
	for (unsigned int i = 0; i < s->n_links; i++)
		if (s->links[i]->gen == gen && !s->links[i]->bad)
			s->in = s->links[i];
	if (!s->in)
		s->empty++;
	return 0;
}

/* A frame: bytes of data, 0 if none is here, or -EAGAIN: look again. */
static ssize_t read_tcp(struct stream *s, void *buf, size_t len)
{
	struct frame f;
	int ret = wire_head(s->wire, &f);

	if (ret <= 0)
		return ret;
	/* While a channel is being read, what is on TCP is of later. */
	if (s->in && f.type != FRAME_END)
		return 0;
	switch (f.type) {
	case FRAME_DATA:
		if (len > f.len)
			len = f.len;
		memcpy(buf, f.data, len);
		wire_take(s->wire, len);
		return (ssize_t)len;
	case FRAME_SWITCH:
		ret = go_channel(s, &f);
		break;
	case FRAME_END:
		s->peer_end = true;
		break;
	default:
		ret = -EPROTO;
	}
	wire_take(s->wire, f.len);
	return ret ? ret : -EAGAIN;
}

/* An end after which the library knows what was delivered. */
static bool clean(ssize_t error)
{
	return error == -EREMCHG || error == -EPIPE || error == -ECONNRESET ||
	       error == -ENODEV;
}

ssize_t stream_read(struct stream *s, void *buf, size_t len)
{
	ssize_t n;

	for (;;) {
		n = s->in ? read_ivc(s, buf, len) : 0;
		if (n > 0 || (n < 0 && !clean(n)))
			return n;
		if (n < 0)
			s->in = NULL;
		n = read_tcp(s, buf, len);
		if (n != -EAGAIN)
			return n;
	}
}

int stream_wants(const struct stream *s, const struct link *l)
{
	int events = 0;

	if (l->heard < HELLO_BYTES || l == s->in)
		events |= IVC_READABLE;
	if (l == s->out && s->full)
		events |= IVC_WRITABLE;
	return events;
}
