/* SPDX-License-Identifier: MIT */
/*
 * The floor: cache lines with a sequence number in each, and nothing else: no
 * length, no check of anything, no end of the channel. This is the time that
 * the hardware needs to move that many bytes from one core to another as they
 * are written. There are as many lines as in an IVC ring of the default size.
 */
#include <errno.h>
#include <sys/mman.h>

#include <ivc/protocol/ring.h>

#include "contenders.h"
#include "stream.h"

#define LINES 1024u
#define ROOM 56u

struct line {
	uint64_t seq;
	uint8_t data[ROOM];
} __attribute__((aligned(64)));

struct way {
	uint64_t taken __attribute__((aligned(128)));
	struct line lines[LINES] __attribute__((aligned(128)));
};

struct floor {
	struct way *out, *in;
	uint64_t put, seen, got;
} __attribute__((aligned(128)));

static struct floor mine;

static inline __attribute__((always_inline)) void
line_copy(void *to, const void *from, size_t n)
{
	if (n == ROOM)
		memcpy(to, from, ROOM);
	else
		ivc_ring_copy(to, from, (uint32_t)n);
}

static inline ssize_t floor_put(struct end *e, const void *buf, size_t len)
{
	struct floor *f = &mine;
	struct line *line = &f->out->lines[f->put % LINES];
	size_t n = len < ROOM ? len : ROOM;

	(void)e;
	if (unlikely(f->put - f->seen == LINES)) {
		/* Acquire pairs with the release in floor_get(). */
		f->seen = ivc_load_acq(&f->out->taken);
		if (f->put - f->seen == LINES)
			return 0;
	}
	line_copy(line->data, buf, n);
	/* Release pairs with the acquire in floor_get(). */
	ivc_store_rel(&line->seq, ++f->put);
	return (ssize_t)n;
}

static inline ssize_t floor_get(struct end *e, void *buf, size_t len)
{
	struct floor *f = &mine;
	struct line *line = &f->in->lines[f->got % LINES];
	size_t n = len < ROOM ? len : ROOM;

	(void)e;
	/* Acquire pairs with the release in floor_put(). */
	if (ivc_load_acq(&line->seq) != f->got + 1)
		return 0;
	line_copy(buf, line->data, n);
	if (unlikely(!(++f->got % (LINES / 8))))
		/* Release pairs with the acquire in floor_put(). */
		ivc_store_rel(&f->in->taken, f->got);
	return (ssize_t)n;
}

STREAM_FUNCTIONS(floor)

static int floor_prepare(struct end *e)
{
	e->priv = mmap(NULL, 2 * sizeof(struct way), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return e->priv == MAP_FAILED ? -errno : 0;
}

static int floor_open(struct end *e)
{
	struct way *ways = e->priv;

	mine.out = &ways[e->server];
	mine.in = &ways[!e->server];
	return 0;
}

const struct contender floor_contender = {
	.name = "floor",
	.can = CAN_ALL,
	.prepare = floor_prepare,
	.open = floor_open,
	.send = floor_send,
	.recv = floor_recv,
	.burst = floor_burst,
};
