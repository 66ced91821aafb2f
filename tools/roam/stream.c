/* SPDX-License-Identifier: MIT */
/*
 * A stream of bytes in each direction, over TCP or IVC channels.
 *
 * Each direction is cut into segments. The first segment goes over TCP, the
 * next over a channel, the next over TCP, and so on; the order of the segments
 * is the order of the bytes. TCP exists all the time and marks the cuts.
 *
 *     TCP      DATA DATA SWITCH(7) . . . . . . . . . . DATA DATA SWITCH(8) ...
 *                             \                       / undelivered
 *     channel 7                hello DATA DATA DATA (end)  bytes first
 *
 * The sender sends DATA frames until both sides know some channel. Then it
 * sends SWITCH with the number of the channel, the generation, over TCP and
 * writes to the channel until that ends, for whatever reason. Then the library
 * tells how many bytes were not delivered: exactly the last ones written. The
 * sender recalls them and sends them over TCP before any other bytes.
 *
 * The receiver reads TCP until SWITCH, then the channel until reading returns
 * an error, which comes after all delivered bytes, then TCP again. So no byte
 * is read twice, and the order is always known.
 *
 * When do both sides know a channel? The first four bytes of a channel in each
 * direction are its generation and no part of the stream. The connecting side
 * chooses the generation, each higher than the last, and sends it; the
 * accepting side sends it back. A side that has sent and received the
 * generation may send SWITCH. At that time the other side has the channel: the
 * accepting side has answered in it, and the connecting side has made it. The
 * order between TCP and the channel does not matter.
 *
 * A channel can end at any moment, also between these steps, and at different
 * times for the two sides. A side keeps an ended channel until its sender has
 * recalled the undelivered bytes and its receiver has read all delivered bytes.
 * An ended channel without bytes (but the hello) is dropped, although its
 * SWITCH may still arrive or may never have been sent; so a SWITCH to an
 * unknown channel is a segment without bytes. If an ended channel has bytes,
 * the peer wrote to it, so its SWITCH will arrive: the channel is kept until
 * then.
 *
 * The two directions share only the channels: one direction may be on TCP while
 * the other is on a channel, or on an older channel.
 *
 * The method relies on this: the bytes that ivc_read() returned and the number
 * that ivc_undelivered() returns add up to the bytes that ivc_write() accepted.
 * If the library cannot tell (the peer damaged the ring), the run ends with an
 * error; nothing is ever guessed.
 *
 * END is no part of the stream: it may be read while a channel is in use.
 *
 * No function here blocks or reads a clock, so that a test can run any schedule
 * of events: tests/roam/test-stream.c.
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

/* The peer's hello is complete: check it. */
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
	 * A lower generation belongs to a channel that the peer gave up before
	 * it made the channel with the higher one. The peer never sent a SWITCH
	 * to it.
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
		/* It has ended without any byte of the stream. */
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
	/* An error is the channel's end, which has_ended() notices. */
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

/* Has the channel ended, and is its number of undelivered bytes known? */
static bool has_ended(struct link *l)
{
	ssize_t n;

	if (!l->ended) {
		n = ivc_undelivered(l->ch);
		l->ended = n != -EAGAIN && n != -EINTR;
	}
	return l->ended;
}

/* Is the channel no longer needed, neither now nor later? */
static bool done_with(const struct stream *s, struct link *l)
{
	const void *p;

	if (l == s->in || l == s->out || l == s->back)
		return false;
	if (l->bad)
		return true;
	return has_ended(l) && ivc_peek(l->ch, &p) < 0;
}

/* Send the undelivered bytes over TCP, as far as there is room. */
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

/* If the channel in use has ended, go on with TCP. */
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
	/* The hello may be among the undelivered bytes. */
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
	/* A write without bytes returns the error that ended the channel. */
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

/* Switch to the newest channel that both sides know, if there is any. */
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
	/* An error of a channel that has not ended: do not rely on it. */
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

/* As ivc_read(), without the hello. */
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

/* Read a frame: bytes of data, 0: no frame now, -EAGAIN: call again. */
static ssize_t read_tcp(struct stream *s, void *buf, size_t len)
{
	struct frame f;
	int ret = wire_head(s->wire, &f);

	if (ret <= 0)
		return ret;
	/* While a channel is being read, bytes on TCP belong to later segments.
	 */
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

/* Is @error an end after which the library knows which bytes were delivered? */
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
