/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls of libivc on a channel with a hostile peer: both rings and the peer's
 * control page change between the calls, or all the time. Only `status`, which
 * the kernel writes, is honest. Every call must return a value that its manual
 * page allows, and no byte from outside the two rings.
 */
#include "../../lib/channel.h"
#include "fuzz.h"

#define SIZE 4096u
#define CELLS (SIZE / 64)

struct end {
	struct ivc_channel *ch;
	struct ivc_kctl *kctl;
	struct ivc_ctrl *own, *peer;
	uint8_t *out, *in;
	struct storm *storm;
};

/* If the channel ended during a write, the kernel may report any part of it. */
static int delivery(const struct ivc_channel *ch, struct ivc_abi_delivery *f)
{
	f->final = f->from;
	f->written = 0;
	f->undelivered = 0;
	f->status = ch->kctl->status;
	return 0;
}

static int kick(const struct ivc_channel *ch)
{
	return ch->kctl->status;
}

static void stay(struct ivc_channel *ch)
{
	memset(&ch->map, 0, sizeof(ch->map));
}

static struct ivc_transport transport;

static int status_of(const struct end *e)
{
	int status = e->kctl->status;

	return status == -EAGAIN ? 0 : status;
}

/* May a call on @e that moves at most @max bytes return @ret? */
static void moved(const struct end *e, ssize_t ret, size_t max)
{
	if (ret >= 0)
		must((size_t)ret <= max);
	else
		must(ret == -EPROTO || ret == status_of(e));
}

static void write_call(struct end *e, struct script *s, bool all)
{
	size_t n = take_len(s, 2 * SIZE), done = 0;
	uint8_t *buf = exact(n);
	ssize_t ret;

	memset(buf, 0x5a, n);
	if (all) {
		ret = ivc_write_all(e->ch, buf, n, 0, &done);
		must(done <= n);
		if (ret != -ETIMEDOUT)
			moved(e, ret, n);
	} else {
		moved(e, ivc_write(e->ch, buf, n), n);
	}
	free(buf);
}

static void read_call(struct end *e, struct script *s, bool all)
{
	size_t n = take_len(s, 2 * SIZE), done = 0;
	uint8_t *buf = exact(n);
	ssize_t ret;

	if (all) {
		ret = ivc_read_all(e->ch, buf, n, 0, &done);
		must(done <= n);
		if (ret != -ETIMEDOUT)
			moved(e, ret, n);
	} else {
		moved(e, ivc_read(e->ch, buf, n), n);
	}
	free(buf);
}

static void reserve_call(struct end *e, struct script *s)
{
	size_t min = take_len(s, SIZE), max = take_len(s, SIZE);
	size_t len = take_len(s, SIZE);
	void *p = NULL;
	ssize_t ret = ivc_reserve(e->ch, min, max, &p);
	int err;

	if (ret == -EMSGSIZE)
		return;
	moved(e, ret, max > min ? max : min ? min : 1);
	if (ret <= 0)
		return;
	must((uint8_t *)p >= e->out && (uint8_t *)p + ret <= e->out + SIZE);
	memset(p, 0xa5, (size_t)ret);
	err = ivc_commit(e->ch, len);
	must(!err || err == -EPROTO || err == -EAGAIN || err == status_of(e) ||
	     (err == -EINVAL && len > (size_t)ret));
}

/*
 * In parts, each in a buffer of its own, so that a read past its end is caught.
 */
static void record_call(struct end *e, struct script *s)
{
	struct iovec parts[3];
	size_t len = 0;
	ssize_t ret;

	for (int i = 0; i < 3; i++) {
		parts[i].iov_len = take_len(s, SIZE);
		parts[i].iov_base = exact(parts[i].iov_len);
		len += parts[i].iov_len;
	}
	ret = ivc_write_record(e->ch, parts, 3);
	for (int i = 0; i < 3; i++)
		free(parts[i].iov_base);
	if (ret == -EMSGSIZE) {
		must(len > SIZE / 4 - IVC_RING_HDR);
		return;
	}
	if (ret == -EINVAL) {
		must(!len);
		return;
	}
	moved(e, ret, len);
}

static void peek_call(struct end *e, struct script *s)
{
	size_t len = take_len(s, SIZE);
	const void *view = NULL;
	ssize_t ret = ivc_peek(e->ch, &view);
	const uint8_t *v = view;
	int err;

	moved(e, ret, SIZE - 8);
	if (ret > 0)
		must(v >= e->in && v + ret <= e->in + SIZE);
	err = ivc_release(e->ch, len);
	must(!err || (err == -EINVAL && (ret <= 0 || len > (size_t)ret)));
}

static void unread_call(struct end *e)
{
	void *all = NULL;
	ssize_t ret = ivc_unread(e->ch, &all);

	must(ret >= 0 ? ret <= (ssize_t)SIZE
		      : ret == -EAGAIN || ret == -EPROTO);
	must((ret > 0) == !!all);
	free(all);
}

static void other_call(struct end *e, struct script *s)
{
	static const int ends[] = { 0, -EAGAIN, -EPIPE, -ECONNRESET, -EREMCHG };
	int how = take8(s);
	int events = how & (IVC_READABLE | IVC_WRITABLE);

	if (how & 0x80 && !status_of(e))
		/* The kernel ends the channel, and never revokes that. */
		e->kctl->status = ends[(how >> 4 & 7) % 5];
	else if (how & 0x40)
		unread_call(e);
	else if (events)
		must(!(ivc_wait(e->ch, events, 0) & ~events));
}

static void call(struct end *e, struct script *s)
{
	uint8_t op = take8(s);

	switch (op & 7) {
	case 0:
		write_call(e, s, op & 8);
		break;
	case 1:
		read_call(e, s, op & 8);
		break;
	case 2:
		if (op & 8)
			record_call(e, s);
		else
			reserve_call(e, s);
		break;
	case 3:
		peek_call(e, s);
		break;
	case 4:
		other_call(e, s);
		break;
	default:
		if (e->storm)
			break;
		if (op & 8)
			scribble_ctrl(s, e->peer, e->ch->tx.pos);
		else
			scribble_ring(s, e->in, CELLS, e->ch->rx.pos);
		break;
	}
	must(e->ch->rx.pos - e->ch->rx.published <= CELLS);
	must(e->ch->tx.limit - e->ch->tx.pos <= CELLS - 1);
}

static void begin(struct end *e, uint32_t start)
{
	transport = ivc_xen;
	transport.delivery = delivery;
	transport.kick = kick;
	transport.close = stay;
	guarded(&e->kctl, sizeof(*e->kctl));
	guarded(&e->own, sizeof(*e->own));
	guarded(&e->peer, sizeof(*e->peer));
	guarded(&e->out, SIZE);
	guarded(&e->in, SIZE);
	must(!ivc_channel_new(&transport, &e->ch));
	ivc_tx_init(&e->ch->tx, e->out, SIZE, e->peer);
	ivc_rx_init(&e->ch->rx, e->in, SIZE, e->own);
	ivc_tx_begin_at(&e->ch->tx, start);
	ivc_rx_begin_at(&e->ch->rx, start);
	e->peer->cons = start;
	e->ch->map.own = e->own;
	e->ch->map.peer = e->peer;
	e->ch->kctl = e->kctl;
	e->ch->open = true;
}

static void end(struct end *e)
{
	int ret = ivc_close(e->ch);

	must(!ret || ret == -EPROTO || ret == status_of(e));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct script s = { input, size };
	static struct end e;
	int i;

	begin(&e, take32(&s));
	if (stormy()) {
		struct script again = s;

		e.storm = storm_begin(&s, e.in, CELLS, e.peer);
		for (i = 0; i < 3000; i++) {
			if (!again.left)
				again = s;
			storm_aim(e.storm, e.ch->rx.pos, e.ch->tx.pos);
			call(&e, &again);
		}
		storm_end(e.storm);
		e.storm = NULL;
	} else {
		while (s.left)
			call(&e, &s);
	}
	end(&e);
	return 0;
}
