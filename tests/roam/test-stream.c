/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test tools/roam/stream.c with random schedules: test-stream [SEED
 * [SCHEDULES]]
 *
 * There are two sides, a TCP connection that stalls at any time, and channels
 * that appear and end at any moment, with one side noticing before the other.
 * This file has the functions of libivc and of wire.c under the same names. At
 * its end a channel has delivered, in each direction, any number of bytes
 * between those read and those written. The test passes if all bytes sent
 * arrive once and in order, and no channel is left over.
 *
 * A schedule is a function of its seed alone; a failed schedule is named.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/roam/roam.h"

#define RING_MAX 4096
#define CHANNELS 64 /* in a schedule */
#define STEPS 600
#define CALM 20000

static uint64_t rng_state, schedule;

static uint32_t below(uint32_t n)
{
	uint64_t x = rng_state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	x ^= x >> 31;
	return n ? (uint32_t)((x >> 32) * n >> 32) : 0;
}

__attribute__((noreturn, format(printf, 1, 2))) static void
fail(const char *fmt, ...)
{
	va_list ap;

	printf("FAIL schedule %llu: ", (unsigned long long)schedule);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

/* Bytes in transit. */
struct bytes {
	uint8_t *p;
	size_t at, len, max;
};

static void bytes_put(struct bytes *b, const void *p, size_t n)
{
	if (b->len + n > b->max) {
		b->max = 2 * (b->len + n);
		b->p = realloc(b->p, b->max);
		if (!b->p)
			abort();
	}
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
}

/* A channel: the bytes written in each direction, and the number read. */
enum phase { ALIVE, HANDING_OVER, ENDED };

struct pair;

struct ivc_channel {
	struct pair *pair;
	int side;
	enum phase phase;
	int error; /* of the ended channel */
	bool closed;
};

struct pair {
	struct ivc_channel end[2];
	struct bytes sent[2]; /* by each side */
	size_t cut[2];	      /* number of those delivered at the end */
	size_t room;	      /* in a ring */
	bool over;
	bool offered; /* side 1 has not accepted it yet */
	bool dark;    /* no byte can be read during the hand-over */
};

static struct pair pairs[CHANNELS];
static unsigned int n_pairs, n_open;
static unsigned long n_ends, n_cut, n_never, n_segments;

static void pair_end(struct pair *p, int error)
{
	if (p->over)
		return;
	p->over = true;
	n_ends++;
	n_never += p->offered;
	for (int i = 0; i < 2; i++) {
		struct bytes *b = &p->sent[i];
		size_t more = b->len - b->at;

		/* Often all bytes, as when both sides work as they should. */
		p->cut[i] =
			b->at + (below(2) ? more : below((uint32_t)more + 1));
		/* A side that never accepted has received nothing. */
		if (i == 0 && p->offered)
			p->cut[i] = 0;
		n_cut += p->cut[i] < b->len;
		p->end[i].phase = HANDING_OVER;
		p->end[i].error = error;
	}
}

ssize_t ivc_write(ivc_channel *ch, const void *buf, size_t len)
{
	struct bytes *b = &ch->pair->sent[ch->side];
	size_t room = ch->pair->room - (b->len - b->at);

	if (ch->closed)
		fail("written after close");
	if (ch->phase == ENDED)
		return ch->error;
	if (ch->phase == HANDING_OVER)
		return 0;
	if (len > room)
		len = room;
	if (len && below(4) == 0)
		len = below((uint32_t)len + 1);
	bytes_put(b, buf, len);
	return (ssize_t)len;
}

static size_t readable(const ivc_channel *ch)
{
	const struct pair *p = ch->pair;
	const struct bytes *b = &p->sent[!ch->side];

	if (ch->phase == HANDING_OVER && p->dark)
		return 0;
	return (p->over ? p->cut[!ch->side] : b->len) - b->at;
}

ssize_t ivc_read(ivc_channel *ch, void *buf, size_t len)
{
	struct bytes *b = &ch->pair->sent[!ch->side];
	size_t n = readable(ch);

	if (ch->closed)
		fail("read after close");
	if (!n)
		return ch->phase == ENDED ? ch->error : 0;
	if (len > n)
		len = n;
	len = 1 + below((uint32_t)len);
	memcpy(buf, b->p + b->at, len);
	b->at += len;
	return (ssize_t)len;
}

ssize_t ivc_peek(ivc_channel *ch, const void **p)
{
	size_t n = readable(ch);

	if (ch->closed)
		fail("looked at after close");
	*p = "";
	return n ? (ssize_t)n : ch->phase == ENDED ? ch->error : 0;
}

ssize_t ivc_undelivered(ivc_channel *ch)
{
	const struct pair *p = ch->pair;

	if (ch->closed)
		fail("asked after close");
	if (ch->phase != ENDED)
		return -EAGAIN;
	return (ssize_t)(p->sent[ch->side].len - p->cut[ch->side]);
}

ssize_t ivc_recall(ivc_channel *ch, void *buf, size_t len, size_t skip)
{
	const struct pair *p = ch->pair;
	const struct bytes *b = &p->sent[ch->side];
	size_t from = p->cut[ch->side] + skip;

	if (ch->phase != ENDED || ch->closed)
		return -EAGAIN;
	if (from >= b->len)
		return 0;
	if (len > b->len - from)
		len = b->len - from;
	memcpy(buf, b->p + from, len);
	return (ssize_t)len;
}

int ivc_close(ivc_channel *ch)
{
	struct pair *p;

	if (!ch)
		return 0;
	p = ch->pair;
	if (ch->closed)
		fail("closed twice");
	ch->closed = true;
	n_open--;
	if (p->over)
		return 0;
	/* The other side still gets all bytes that this side wrote. */
	pair_end(p, -EPIPE);
	p->cut[ch->side] = p->sent[ch->side].len;
	p->cut[!ch->side] = p->sent[!ch->side].at;
	return 0;
}

/* TCP: the frames in transit to each side. */
struct wire {
	struct wire *other;
	struct bytes way; /* to the other side, whole frames */
	size_t arrived;	  /* of it */
	size_t room;
	size_t left; /* of the frame in front, 0: none begun */
	uint32_t type;
};

static struct wire wires[2];

size_t wire_room(const struct wire *w, size_t want)
{
	return want < w->room ? want : w->room;
}

void wire_put(struct wire *w, enum frame_type type, const void *data,
	      size_t len)
{
	uint32_t head[2] = { type, (uint32_t)len };

	if (len > w->room)
		fail("a frame of %zu bytes where there is room for %zu", len,
		     w->room);
	w->room -= len;
	bytes_put(&w->way, head, sizeof(head));
	bytes_put(&w->way, data, len);
}

int wire_head(struct wire *w, struct frame *f)
{
	struct wire *from = w->other;
	struct bytes *b = &from->way;
	size_t here = from->arrived - b->at;
	uint32_t head[2];

	if (!w->type) {
		if (here < sizeof(head))
			return 0;
		memcpy(head, b->p + b->at, sizeof(head));
		b->at += sizeof(head);
		here -= sizeof(head);
		w->type = head[0];
		w->left = head[1];
	}
	if (w->type == FRAME_DATA ? !here : here < w->left)
		return 0;
	f->type = w->type;
	f->data = b->p + b->at;
	f->len = w->left < here ? w->left : here;
	return 1;
}

void wire_take(struct wire *w, size_t n)
{
	w->other->way.at += n;
	w->left -= n;
	if (!w->left)
		w->type = 0;
}

/* A side, with the number of bytes sent and received. */
struct side {
	struct stream s;
	uint64_t said, heard;
};

static struct side sides[2];

static uint8_t byte_at(int from, uint64_t at)
{
	uint64_t x = (at + 1) * 0x9e3779b97f4a7c15ull + (uint64_t)from;

	return (uint8_t)(x >> 56 ^ x >> 24);
}

static void speak(int i, uint32_t max)
{
	struct side *me = &sides[i];
	uint8_t buf[3000];
	size_t len = 1 + below(max);
	ssize_t n;

	for (size_t k = 0; k < len; k++)
		buf[k] = byte_at(i, me->said + k);
	n = stream_write(&me->s, buf, len);
	if (n < 0 || (size_t)n > len)
		fail("side %d: stream_write: %zd", i, n);
	me->said += (uint64_t)n;
}

static bool hear(int i)
{
	struct side *me = &sides[i];
	uint8_t buf[3000];
	ssize_t n = stream_read(&me->s, buf, 1 + below(sizeof(buf)));

	if (n < 0)
		fail("side %d: stream_read: %zd", i, n);
	for (ssize_t k = 0; k < n; k++)
		if (buf[k] != byte_at(!i, me->heard + (uint64_t)k))
			fail("side %d: wrong byte at %llu of %llu", i,
			     (unsigned long long)me->heard + (uint64_t)k,
			     (unsigned long long)sides[!i].said);
	me->heard += (uint64_t)n;
	if (me->heard > sides[!i].said)
		fail("side %d: more than was said", i);
	return n > 0;
}

static void step(int i)
{
	int ret = stream_step(&sides[i].s);

	if (ret)
		fail("side %d: stream_step: %d", i, ret);
}

static void give(struct pair *p, int i)
{
	if (stream_add(&sides[i].s, &p->end[i]))
		ivc_close(&p->end[i]);
}

static void channel_comes(void)
{
	struct pair *p;

	/*
	 * As group.c: not while a channel is alive. But sometimes do, since the
	 * stream must cope with that.
	 */
	if (n_pairs == CHANNELS ||
	    (stream_has_channel(&sides[0].s) && below(20)))
		return;
	p = &pairs[n_pairs++];
	memset(p, 0, sizeof(*p));
	p->room = 64 + below(RING_MAX - 64);
	p->offered = true;
	p->dark = below(2);
	for (int i = 0; i < 2; i++) {
		p->end[i].pair = p;
		p->end[i].side = i;
	}
	n_open += 2;
	give(p, 0);
}

static void channel_accepted(struct pair *p)
{
	if (!p->offered)
		return;
	p->offered = false;
	if (!p->over) {
		give(p, 1);
		return;
	}
	/* The offer is lost: side 1 will never accept it. */
	p->end[1].closed = true;
	n_open--;
}

static void tcp_moves(int i, size_t max)
{
	struct wire *w = &wires[i];
	size_t n = w->way.len - w->arrived;

	if (n > max)
		n = max;
	w->arrived += n ? 1 + below((uint32_t)n) : 0;
	w->room = 1 + below(2000);
}

static void channel_moves(struct pair *p)
{
	int i = (int)below(2);

	switch (below(4)) {
	case 0:
		channel_accepted(p);
		break;
	case 1:
		pair_end(p, below(2) ? -EREMCHG : -ECONNRESET);
		break;
	default:
		if (p->end[i].phase == HANDING_OVER)
			p->end[i].phase = ENDED;
	}
}

static void anything(uint32_t stalls, uint32_t ends)
{
	int i = (int)below(2);

	switch (below(8)) {
	case 0:
	case 1:
		speak(i, 1500);
		break;
	case 2:
	case 3:
		hear(i);
		break;
	case 4:
		step(i);
		break;
	case 5:
		if (below(100) >= stalls)
			tcp_moves(i, 1 + below(3000));
		break;
	case 6:
		channel_comes();
		if (n_pairs && below(2))
			channel_accepted(&pairs[n_pairs - 1]);
		break;
	case 7:
		if (n_pairs && below(100) < ends)
			channel_moves(&pairs[n_pairs - 1 -
					     below(n_pairs < 4 ? n_pairs : 4)]);
		break;
	}
}

/* End all trouble: all bytes sent must arrive. */
static void calm(void)
{
	for (unsigned int k = 0; k < n_pairs; k++)
		if (below(2))
			channel_accepted(&pairs[k]);
	for (unsigned int k = 0; k < n_pairs; k++) {
		pair_end(&pairs[k], -EREMCHG);
		channel_accepted(&pairs[k]);
	}
	for (int k = 0; k < CALM; k++) {
		int i = k & 1;
		struct pair *p = n_pairs ? &pairs[below(n_pairs)] : NULL;

		if (p && p->end[i].phase == HANDING_OVER)
			p->end[i].phase = ENDED;
		tcp_moves(i, SIZE_MAX);
		step(i);
		while (hear(i))
			;
		if (sides[0].heard == sides[1].said &&
		    sides[1].heard == sides[0].said && !sides[0].s.n_links &&
		    !sides[1].s.n_links)
			return;
	}
	fail("heard %llu of %llu and %llu of %llu; %u and %u channels left",
	     (unsigned long long)sides[1].heard,
	     (unsigned long long)sides[0].said,
	     (unsigned long long)sides[0].heard,
	     (unsigned long long)sides[1].said, sides[0].s.n_links,
	     sides[1].s.n_links);
}

static void reset(uint64_t seed)
{
	schedule = seed;
	rng_state = seed * 0xd1342543de82ef95ull + 1;
	n_pairs = n_open = 0;
	memset(wires, 0, sizeof(wires));
	memset(sides, 0, sizeof(sides));
	for (int i = 0; i < 2; i++) {
		wires[i].other = &wires[!i];
		wires[i].room = 1000;
		stream_init(&sides[i].s, &wires[i], i == 0);
	}
}

static void run(uint64_t seed)
{
	uint32_t stalls, ends;

	reset(seed);
	stalls = below(100);
	ends = 5 + below(90);
	for (int k = 0; k < STEPS; k++)
		anything(stalls, ends);
	calm();
	for (int i = 0; i < 2; i++) {
		n_segments += sides[i].s.to_ivc;
		stream_free(&sides[i].s);
		free(wires[i].way.p);
	}
	if (n_open)
		fail("%u ends of channels were not closed", n_open);
	for (unsigned int k = 0; k < n_pairs; k++) {
		free(pairs[k].sent[0].p);
		free(pairs[k].sent[1].p);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 0) : 20000;

	for (uint64_t k = 0; k < n; k++)
		run(seed + k);
	printf("%llu schedules from seed %llu: %lu channels ended, %lu never "
	       "accepted, %lu ways cut short, %lu segments over IVC\n",
	       (unsigned long long)n, (unsigned long long)seed, n_ends, n_never,
	       n_cut, n_segments);
	/* Fail if the schedules never cut, lost an offer, or switched. */
	return n >= 1000 && (!n_cut || !n_never || n_segments < n);
}
