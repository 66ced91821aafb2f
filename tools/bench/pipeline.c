/* SPDX-License-Identifier: MIT */
/*
 * The bound of two copies: a process copies into a chunk of a shared buffer
 * while the other process copies out of the previous chunk. Each chunk has a
 * flag; there is nothing else. The best number and size of chunks depends on
 * the caches of the machine, so it is measured at the start: this must be an
 * upper bound.
 */
#include <errno.h>
#include <sys/mman.h>

#include <ivc/protocol/ring.h>

#include "../common/clock.h"
#include "contenders.h"
#include "stream.h"

#define CHUNKS_MAX 16u
#define CHUNK_MAX (128u << 10)
#define TRIAL_BYTES (8ul << 20)
#define TRIAL_PIECE (64ul << 10)
#define TRIALS 3

struct flag {
	uint32_t full;
} __attribute__((aligned(128)));

struct way {
	struct flag flags[CHUNKS_MAX];
	uint8_t data[CHUNKS_MAX * CHUNK_MAX] __attribute__((aligned(4096)));
};

struct pipeline {
	struct way *out, *in;
	uint32_t put, got; /* the next chunk */
	uint32_t chunk, chunks;
};

static struct pipeline mine;

static inline ssize_t pipeline_put(struct end *e, const void *buf, size_t len)
{
	struct pipeline *p = &mine;
	size_t n = len < p->chunk ? len : p->chunk;

	(void)e;
	/* Acquire pairs with the release in pipeline_get(). */
	if (ivc_load_acq(&p->out->flags[p->put].full))
		return 0;
	memcpy(p->out->data + (size_t)p->put * p->chunk, buf, n);
	/* Release pairs with the acquire in pipeline_get(). */
	ivc_store_rel(&p->out->flags[p->put].full, 1);
	p->put = (p->put + 1) % p->chunks;
	return (ssize_t)n;
}

static inline ssize_t pipeline_get(struct end *e, void *buf, size_t len)
{
	struct pipeline *p = &mine;
	size_t n = len < p->chunk ? len : p->chunk;

	(void)e;
	/* Acquire pairs with the release in pipeline_put(). */
	if (!ivc_load_acq(&p->in->flags[p->got].full))
		return 0;
	memcpy(buf, p->in->data + (size_t)p->got * p->chunk, n);
	/* Release pairs with the acquire in pipeline_put(). */
	ivc_store_rel(&p->in->flags[p->got].full, 0);
	p->got = (p->got + 1) % p->chunks;
	return (ssize_t)n;
}

STREAM_FUNCTIONS(pipeline)

static int pipeline_prepare(struct end *e)
{
	e->priv = mmap(NULL, 2 * sizeof(struct way), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return e->priv == MAP_FAILED ? -errno : 0;
}

struct shape {
	uint32_t chunk, chunks;
};

/* Use shape @s. All messages so far have been read, so all flags are 0. */
static void take(struct shape s)
{
	mine.chunk = s.chunk;
	mine.chunks = s.chunks;
	mine.put = mine.got = 0;
}

static int trial(struct end *e, uint8_t *piece, uint64_t *ns)
{
	uint64_t start = clock_ns();
	int ret = 0;

	for (size_t n = 0; n < TRIAL_BYTES && !ret; n += TRIAL_PIECE)
		ret = e->server ? pipeline_recv(e, piece, TRIAL_PIECE)
				: pipeline_send(e, piece, TRIAL_PIECE);
	if (!ret)
		ret = e->server ? pipeline_send(e, piece, 1)
				: pipeline_recv(e, piece, 1);
	*ns = clock_ns() - start;
	return ret;
}

static int try_all(struct end *e, struct shape *best)
{
	static uint8_t piece[TRIAL_PIECE] __attribute__((aligned(4096)));
	uint64_t least = UINT64_MAX, ns;

	memset(piece, 1, sizeof(piece));
	for (uint32_t chunk = 4096; chunk <= CHUNK_MAX; chunk *= 2) {
		for (uint32_t n = 2; n <= CHUNKS_MAX; n *= 2) {
			struct shape s = { chunk, n };

			take(s);
			for (int i = 0; i < TRIALS; i++) {
				int ret = trial(e, piece, &ns);

				if (ret)
					return ret;
				if (ns >= least)
					continue;
				least = ns;
				*best = s;
			}
		}
	}
	return 0;
}

static int pipeline_open(struct end *e)
{
	struct way *ways = e->priv;
	struct shape best;
	int ret;

	mine.out = &ways[e->server];
	mine.in = &ways[!e->server];
	ret = try_all(e, &best);
	/* Both use the shape that the client chose. */
	if (!ret)
		ret = e->server ? pipeline_recv(e, &best, sizeof(best))
				: pipeline_send(e, &best, sizeof(best));
	if (!ret)
		ret = e->server ? pipeline_send(e, &best, 1)
				: pipeline_recv(e, &(uint8_t){ 0 }, 1);
	take(best);
	return ret;
}

const struct contender pipefloor_contender = {
	.name = "two-copy",
	.can = CAN(TEST_UNI) | CAN(TEST_BI),
	.prepare = pipeline_prepare,
	.open = pipeline_open,
	.send = pipeline_send,
	.recv = pipeline_recv,
	.burst = pipeline_burst,
};
