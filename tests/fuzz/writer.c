/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A writer with a hostile reader, which claims any position. The writer must
 * write only to cells that are free by the last possible claim, return -EPROTO
 * for an impossible claim, and go on returning it.
 */
#include "fuzz.h"

#define SIZE 4096u
#define CELLS (SIZE / 64)

struct writer {
	struct ivc_tx tx;
	uint8_t *ring;
	struct ivc_ctrl *ctrl;
	uint8_t before[SIZE];
	uint32_t from; /* position before the step */
	uint32_t free; /* most cells free in this step */
};

/*
 * How much may this step write, by the protocol? A claim ahead of the writer is
 * impossible now, but may have become possible when the step loads it.
 */
static void begin(struct writer *w)
{
	uint32_t known = CELLS - 1 - (w->tx.pos - w->tx.cons);
	uint32_t claim = w->ctrl->cons;

	memcpy(w->before, w->ring, SIZE);
	w->from = w->tx.pos;
	if (w->tx.error)
		w->free = 0;
	else if (w->tx.pos - claim <= w->tx.pos - w->tx.cons ||
		 claim - w->tx.pos <= known)
		w->free = CELLS - 1 + (claim - w->tx.pos);
	else
		w->free = known;
}

static void end(struct writer *w)
{
	uint32_t used = w->tx.pos - w->from;
	uint32_t i;

	must(used <= w->free);
	must(w->tx.limit - w->tx.pos <= CELLS - 1);
	must(!w->tx.error || w->tx.error == -EPROTO);
	/*
	 * After the free cells and one cell for the zero, nothing has changed.
	 */
	for (i = w->free + 1; i < CELLS; i++) {
		size_t at = ivc_ring_at(w->from + i, CELLS - 1);

		must(!memcmp(w->ring + at, w->before + at, 64));
	}
	/* And the next header to read is zero. */
	if (used)
		must(!ivc_load((uint64_t *)(w->ring + ivc_ring_at(w->tx.pos,
								  CELLS - 1))));
}

/* The fast path, as in ivc_write(). */
static bool write_one(struct ivc_tx *tx, const void *buf, uint32_t n)
{
	if (ivc_ring_words(n))
		return ivc_tx_write_one(tx, buf, n, IVC_RING_WORDS);
	if (ivc_ring_line(n))
		return ivc_tx_write_one(tx, buf, n, IVC_RING_LINE);
	return ivc_ring_one(n, CELLS) &&
	       ivc_tx_write_one(tx, buf, n, IVC_RING_ANY);
}

static void write_step(struct writer *w, uint32_t n)
{
	uint8_t *buf = exact(n);
	int64_t ret;

	memset(buf, 0x5a, n);
	ret = write_one(&w->tx, buf, n) ? n : ivc_tx_write(&w->tx, buf, n);
	must(ret == -EPROTO ? w->tx.error == ret : ret >= 0 && ret <= n);
	free(buf);
}

static void reserve_step(struct writer *w, struct script *s)
{
	uint32_t min = take_len(s, SIZE), max = take_len(s, SIZE);
	uint32_t len = take_len(s, SIZE);
	void *p = NULL;
	int64_t ret = ivc_tx_reserve(&w->tx, min, max, &p);

	must(ret >= 0 || ret == -EPROTO || ret == -EMSGSIZE);
	if (ret <= 0)
		return;
	must(ret >= min);
	must((uint8_t *)p >= w->ring && (uint8_t *)p + ret <= w->ring + SIZE);
	memset(p, 0xa5, (size_t)ret);
	/*
	 * A write cancels the reservation: then a commit has nothing to
	 * publish.
	 */
	if (len % 5 == 4 && write_one(&w->tx, "instead", 8)) {
		must(ivc_tx_commit(&w->tx, 1) == -EINVAL);
		return;
	}
	if (len > ret)
		must(ivc_tx_commit(&w->tx, len) == -EINVAL);
	must(!ivc_tx_commit(&w->tx, len > ret ? (uint32_t)ret : len));
}

static void alone(struct script *s, struct writer *w)
{
	while (s->left) {
		uint8_t op = take8(s);

		if ((op & 3) > 1) {
			scribble_ctrl(s, w->ctrl, w->tx.pos);
			continue;
		}
		begin(w);
		if (op & 1)
			reserve_step(w, s);
		else
			write_step(w, take_len(s, 2 * SIZE));
		end(w);
	}
}

static void in_storm(struct script *s, struct writer *w)
{
	struct storm *st = storm_begin(s, NULL, CELLS, w->ctrl);
	struct script again = *s;
	uint32_t pos;
	int i;

	for (i = 0; i < 3000; i++) {
		if (!again.left)
			again = *s;
		storm_aim(st, 0, w->tx.pos);
		pos = w->tx.pos;
		if (i & 1)
			reserve_step(w, &again);
		else
			write_step(w, (uint32_t)i * 37 % (2 * SIZE));
		must(w->tx.limit - w->tx.pos <= CELLS - 1);
		/*
		 * A claim can become possible during a write, by the data
		 * written.
		 */
		must(w->tx.pos - pos <= 2 * (2 * SIZE / 56 + 1));
		if (w->tx.error) {
			w->tx.error = 0;
			ivc_tx_begin_at(&w->tx, w->tx.pos);
		}
	}
	storm_end(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct script s = { input, size };
	static struct writer w;
	uint32_t start = take32(&s);

	guarded(&w.ring, SIZE);
	guarded(&w.ctrl, sizeof(*w.ctrl));
	ivc_tx_init(&w.tx, w.ring, SIZE, w.ctrl);
	ivc_tx_begin_at(&w.tx, start);
	w.ctrl->cons = start;
	if (stormy())
		in_storm(&s, &w);
	else
		alone(&s, &w);
	return 0;
}
