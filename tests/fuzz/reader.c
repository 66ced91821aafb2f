/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reader with a hostile writer, step by step: between two steps the ring
 * changes as the script says. The expected result of each step is computed here
 * from docs/reference/protocol.md, section 4, and not with ring.h: -EPROTO,
 * nothing, or exactly certain bytes.
 */
#include <endian.h>
#include "fuzz.h"

#define SIZE 4096u
#define CELLS (SIZE / 64)

/* The reader of the document: its position, and the record it has begun. */
struct model {
	uint32_t pos;
	uint32_t len, off; /* of the record begun */
	bool broken;
};

/* Read up to @n bytes to @out. Returns their number, 0 for none, or -EPROTO. */
static int64_t expect(struct model *m, const uint8_t *ring, uint8_t *out,
		      uint32_t n)
{
	uint32_t done = 0;

	while (done < n) {
		uint32_t cell = m->pos % CELLS;
		uint32_t piece, len = m->len, seq;
		uint64_t hdr;

		if (!len && m->broken)
			break;
		if (!len) {
			memcpy(&hdr, ring + cell * 64, 8);
			len = (uint32_t)le64toh(hdr);
			seq = (uint32_t)(le64toh(hdr) >> 32);
			if (!hdr)
				break;
			if (seq == m->pos + 1 && len == 0xffffffffu && cell) {
				m->pos += CELLS - cell;
				continue;
			}
			if (seq != m->pos + 1 || !len ||
			    len > (CELLS - cell) * 64 - 8) {
				m->broken = true;
				break;
			}
		}
		piece = len - m->off < n - done ? len - m->off : n - done;
		memcpy(out + done, ring + cell * 64 + 8 + m->off, piece);
		done += piece;
		m->off += piece;
		m->len = len;
		if (m->off == len) {
			m->pos += (len + 8 + 63) / 64;
			m->len = m->off = 0;
		}
	}
	if (n && !done && m->broken)
		return -EPROTO;
	return done;
}

static void same(const struct ivc_rx *rx, const struct model *m,
		 const struct ivc_ctrl *ctrl)
{
	must(rx->pos == m->pos);
	must(rx->len == m->len && rx->off == m->off);
	must(rx->error == (m->broken ? -EPROTO : 0));
	must(rx->pos - rx->published <= CELLS);
	must(ctrl->cons == rx->published);
	must(ctrl->reader_pos ==
	     (rx->len ? ivc_reader_pos(rx->pos, rx->off) : rx->pos));
}

/* The fast path, as in ivc_read(): were all @n bytes read? */
static bool read_one(struct ivc_rx *rx, void *buf, uint32_t n)
{
	bool turn = false, done;

	if (ivc_ring_words(n))
		done = ivc_rx_read_one(rx, buf, n, IVC_RING_WORDS, &turn);
	else if (ivc_ring_line(n))
		done = ivc_rx_read_one(rx, buf, n, IVC_RING_LINE, &turn);
	else
		done = ivc_ring_one(n, CELLS) &&
		       ivc_rx_read_one(rx, buf, n, IVC_RING_ANY, &turn);
	if (done && turn)
		ivc_rx_turn(rx);
	return done;
}

static void read_step(struct ivc_rx *rx, struct model *m, const uint8_t *ring,
		      uint32_t n)
{
	uint8_t *buf = exact(n), *want = exact(n);
	int64_t expected = expect(m, ring, want, n);
	int64_t got;

	got = read_one(rx, buf, n) ? n : ivc_rx_read(rx, buf, n);
	must(got == expected);
	if (got > 0)
		must(!memcmp(buf, want, (size_t)got));
	free(buf);
	free(want);
}

static void peek_step(struct ivc_rx *rx, struct model *m, const uint8_t *ring,
		      uint32_t release)
{
	uint8_t first, *rest;
	struct model look = *m;
	const void *view = NULL;
	int64_t expected = expect(&look, ring, &first, 1);
	int64_t got = ivc_rx_peek(rx, &view);
	const uint8_t *v = view;

	if (expected <= 0) {
		*m = look;
		must(got == expected);
		return;
	}
	must(got > 0 && *v == first);
	must(v >= ring && v + got <= ring + SIZE);
	/* A peek begins a record, and consumes a skip record. */
	m->pos = rx->pos;
	m->len = rx->len;
	must(got == m->len - m->off);
	must(ivc_rx_release(rx, (uint32_t)got + 1) == -EINVAL);
	release = release > got ? (uint32_t)got : release;
	must(!ivc_rx_release(rx, release));
	rest = exact(release);
	must(expect(m, ring, rest, release) == release);
	free(rest);
}

static void alone(struct script *s, struct ivc_rx *rx, uint8_t *ring,
		  struct ivc_ctrl *ctrl)
{
	struct model m = { .pos = rx->pos };

	while (s->left) {
		uint8_t op = take8(s);

		switch (op & 3) {
		case 0:
			read_step(rx, &m, ring, take_len(s, 2 * SIZE));
			same(rx, &m, ctrl);
			break;
		case 1:
			peek_step(rx, &m, ring, take_len(s, SIZE));
			same(rx, &m, ctrl);
			break;
		default:
			scribble_ring(s, ring, CELLS, rx->pos);
			break;
		}
	}
}

/* The ring changes during the read: only bounds can be checked. */
static void in_storm(struct script *s, struct ivc_rx *rx, uint8_t *ring)
{
	struct storm *st = storm_begin(s, ring, CELLS, NULL);
	const void *view;
	int64_t ret;
	int i;

	for (i = 0; i < 3000; i++) {
		uint32_t n = (uint32_t)i * 37 % (2 * SIZE);
		uint8_t *buf = exact(n);

		storm_aim(st, rx->pos, 0);
		if (i % 4 == 3) {
			ret = ivc_rx_peek(rx, &view);
			must(ret <= (int64_t)(SIZE - 8));
			if (ret > 0) {
				const uint8_t *v = view;

				must(v >= ring && v + ret <= ring + SIZE);
				must(!ivc_rx_release(rx, (uint32_t)ret));
			}
		} else {
			ret = read_one(rx, buf, n) ? n
						   : ivc_rx_read(rx, buf, n);
			must(ret <= n);
		}
		must(ret >= 0 || ret == -EPROTO);
		must(ret >= 0 || rx->error == -EPROTO);
		must(rx->pos - rx->published <= CELLS);
		free(buf);
		/* The ring is broken for this reader; start with a new one. */
		if (ret < 0) {
			rx->error = 0;
			ivc_rx_begin_at(rx, rx->pos);
		}
	}
	storm_end(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct script s = { input, size };
	static struct ivc_ctrl *ctrl;
	static uint8_t *ring;
	struct ivc_rx rx;

	guarded(&ring, SIZE);
	guarded(&ctrl, sizeof(*ctrl));
	ivc_rx_init(&rx, ring, SIZE, ctrl);
	ivc_rx_begin_at(&rx, take32(&s));
	ctrl->cons = rx.pos;
	ctrl->reader_pos = rx.pos;
	if (stormy())
		in_storm(&s, &rx, ring);
	else
		alone(&s, &rx, ring, ctrl);
	return 0;
}
