/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The consumer of a ring. ring.h has the layout, and includes this header.
 */
#ifndef IVC_RING_RX_H
#define IVC_RING_RX_H

#include "ring.h"

/*
 * The private state of the consumer. `cell` is the address of `pos`. While a
 * record is begun, or after an error, `cell` points to a cell that never has a
 * record, so that the fast path need not test for these cases. When the fast
 * path reaches `turn`, credits are due or the ring ends there: see
 * ivc_rx_turn().
 */
struct ivc_rx {
	const uint8_t *cell;   /* address of the next record */
	const uint8_t *turn;   /* where the fast path calls ivc_rx_turn() */
	const uint8_t *data;   /* the peer's data area, mapped read-only */
	struct ivc_ctrl *ctrl; /* own control page */
	uint32_t pos;	       /* position of the current record */
	uint32_t published;    /* last value stored in ctrl->cons */
	uint32_t cells;
	uint32_t batch; /* return credits after so many cells */
	uint32_t len;	/* payload bytes of the record begun; 0: none is */
	uint32_t off;	/* bytes of that record that have been read */
	int error;	/* permanent: -EPROTO once the peer broke the ring */
};

static inline const uint64_t *ivc_rx_hdr(const struct ivc_rx *rx, uint32_t pos)
{
	return (const uint64_t *)(rx->data + ivc_ring_at(pos, rx->cells - 1));
}

/* A cell that never has a record. */
static inline const uint8_t *ivc_ring_nowhere(void)
{
	static const uint64_t zero = 0;

	return (const uint8_t *)&zero;
}

/*
 * Recompute `cell` and `turn`, after a change of `pos`, `published`, `len` or
 * `error`.
 */
static inline void ivc_rx_aim(struct ivc_rx *rx)
{
	uint32_t end = ivc_ring_contig(rx->pos, rx->cells);
	uint32_t due = rx->published + rx->batch - rx->pos;

	rx->cell = (const uint8_t *)ivc_rx_hdr(rx, rx->pos);
	rx->turn = rx->cell + (size_t)(due < end ? due : end) * IVC_CELL;
	if (unlikely(rx->len | (uint32_t)rx->error))
		rx->cell = ivc_ring_nowhere();
}

/* Start an empty ring at position @pos: 0, except in tests. */
static inline void ivc_rx_begin_at(struct ivc_rx *rx, uint32_t pos)
{
	rx->pos = pos;
	rx->published = pos;
	ivc_rx_aim(rx);
}

static inline void ivc_rx_init(struct ivc_rx *rx, const void *data,
			       uint32_t size, struct ivc_ctrl *ctrl)
{
	memset(rx, 0, sizeof(*rx));
	rx->data = (const uint8_t *)data;
	rx->ctrl = ctrl;
	rx->cells = size >> IVC_CELL_SHIFT;
	rx->batch = rx->cells / 8;
	ivc_rx_begin_at(rx, 0);
}

/* Return credits: tell the producer of all cells freed so far. */
static inline void ivc_rx_publish(struct ivc_rx *rx)
{
	/* Release pairs with the acquire in ivc_tx_refresh(). */
	ivc_store_rel(&rx->ctrl->cons, rx->pos);
	rx->published = rx->pos;
	ivc_rx_aim(rx);
}

/*
 * The slow end of the fast path: return credits, but only in batches, since
 * each return costs the producer a cache miss; and go round at the end of the
 * ring.
 */
static inline void ivc_rx_turn(struct ivc_rx *rx)
{
	rx->cell = (const uint8_t *)ivc_rx_hdr(rx, rx->pos);
	if (rx->pos - rx->published >= rx->batch)
		ivc_rx_publish(rx);
	else if (rx->cell == rx->data)
		ivc_rx_aim(rx);
}

/* Go on by @cells cells, to a record that is not begun. */
static inline void ivc_rx_advance(struct ivc_rx *rx, uint32_t cells)
{
	rx->pos += cells;
	ivc_store(&rx->ctrl->reader_pos, (uint64_t)rx->pos);
	ivc_rx_turn(rx);
}

/*
 * Find the next record, without beginning it. Returns 1 and stores its payload
 * length in *@len; 0 if the ring is empty; or -EPROTO (permanent) if the header
 * is invalid.
 */
static inline int ivc_rx_find(struct ivc_rx *rx, uint32_t *len)
{
	int cells;

	*len = rx->len;
	if (rx->len)
		return 1;
	if (unlikely(rx->error))
		return rx->error;
	for (;;) {
		/* Acquire pairs with the release in ivc_ring_put(). */
		uint64_t hdr = ivc_load_acq(ivc_rx_hdr(rx, rx->pos));

		if (!hdr) {
			/* The caller may sleep now: return all credits. */
			if (rx->pos != rx->published)
				ivc_rx_publish(rx);
			return 0;
		}
		cells = ivc_ring_parse(hdr, rx->pos, rx->cells, len);
		if (unlikely(cells < 0)) {
			rx->error = cells;
			rx->cell = ivc_ring_nowhere();
			return cells;
		}
		if (likely(*len))
			return 1;
		ivc_rx_advance(rx, (uint32_t)cells);
	}
}

/* Whether there is anything to read, or an error: as ivc_rx_find(). */
static inline int ivc_rx_next(struct ivc_rx *rx)
{
	uint32_t len;

	return ivc_rx_find(rx, &len);
}

/* The reader stays in the record of @len bytes, of which it has used @used. */
static inline void ivc_rx_stay(struct ivc_rx *rx, uint32_t len, uint32_t used)
{
	rx->len = len;
	rx->cell = ivc_ring_nowhere();
	ivc_store(&rx->ctrl->reader_pos, ivc_reader_pos(rx->pos, used));
}

/* Begin the record at the current position, of @len bytes. */
static inline void ivc_rx_begin(struct ivc_rx *rx, uint32_t len)
{
	if (!rx->len)
		ivc_rx_stay(rx, len, 0);
}

/* Use @n more bytes, which are there, of the record of @len bytes. */
static inline void ivc_rx_consume(struct ivc_rx *rx, uint32_t len, uint32_t n)
{
	uint32_t used = rx->off + n;

	if (unlikely(used != len)) {
		rx->off = used;
		ivc_rx_stay(rx, len, used);
		return;
	}
	rx->len = 0;
	rx->off = 0;
	ivc_rx_advance(rx, ivc_ring_cells(len));
}

/* Fast path: go on to @pos at @next. Returns true if ivc_rx_turn() is due. */
static inline bool ivc_rx_pass(struct ivc_rx *rx, const uint8_t *next,
			       uint32_t pos)
{
	rx->pos = pos;
	rx->cell = next;
	ivc_store(&rx->ctrl->reader_pos, (uint64_t)pos);
	return next == rx->turn;
}

/*
 * The common case of ivc_rx_read(), for callers that inline it: read a message
 * of exactly @len bytes if that is the next record. The caller has checked
 * ivc_ring_one(); @kind is a constant. Returns false if nothing has been read.
 * Otherwise stores in *@turn whether the caller must call ivc_rx_turn(). A
 * header that compares equal is also valid for ivc_ring_parse(), because the
 * record ends no later than `turn`.
 */
static inline bool ivc_rx_read_one(struct ivc_rx *rx, void *buf, uint32_t len,
				   enum ivc_ring_kind kind, bool *turn)
{
	uint32_t cells = kind == IVC_RING_ANY ? ivc_ring_cells(len) : 1;
	const uint8_t *cell = rx->cell;
	const uint8_t *next = cell + (size_t)cells * IVC_CELL;
	uint32_t pos = rx->pos;

	/* Acquire pairs with the release in ivc_ring_put(). */
	if (ivc_load_acq((const uint64_t *)cell) != ivc_ring_hdr(pos, len))
		return false;
	if (kind == IVC_RING_ANY && unlikely(next > rx->turn))
		return false;
	ivc_ring_move(buf, cell + IVC_RING_HDR, len, kind);
	*turn = ivc_rx_pass(rx, next, pos + cells);
	return true;
}

/*
 * Read up to @len bytes, across record boundaries. Returns the number of bytes
 * read, 0 if the ring is empty, or -EPROTO if the next header is invalid (after
 * all valid records have been read).
 */
static inline int64_t ivc_rx_read(struct ivc_rx *rx, void *buf, size_t len)
{
	uint8_t *dst = (uint8_t *)buf;
	size_t done = 0;

	while (done < len) {
		uint32_t have, n;
		int ret = ivc_rx_find(rx, &have);
		const uint8_t *src;

		if (ret <= 0) {
			if (unlikely(ret && !done))
				return ret;
			break;
		}
		src = (const uint8_t *)ivc_rx_hdr(rx, rx->pos) + IVC_RING_HDR +
		      rx->off;
		n = have - rx->off;
		if (n > len - done)
			n = (uint32_t)(len - done);
		ivc_ring_move(dst + done, src, n, IVC_RING_ANY);
		done += n;
		ivc_rx_consume(rx, have, n);
	}
	return (int64_t)done;
}

/*
 * The common case of ivc_rx_peek(), for callers that inline it: a record that
 * shares a cache line with its header. Returns its length, or 0 if the next
 * record is of another kind or one is begun; the caller then calls
 * ivc_rx_peek_other(), unless *@rests is true: the ring is empty and no credits
 * have to be returned. Such a record fits in any one cell, so its header is
 * also valid for ivc_ring_parse().
 */
static inline uint32_t ivc_rx_peek_line(struct ivc_rx *rx, const void **p,
					bool *rests)
{
	const uint8_t *cell = rx->cell;
	/* Acquire pairs with the release in ivc_ring_put(). */
	uint64_t hdr = ivc_load_acq((const uint64_t *)cell);
	uint32_t len = (uint32_t)hdr;

	if (!ivc_ring_line(len) || hdr != ivc_ring_hdr(rx->pos, len)) {
		*rests = !hdr && rx->pos == rx->published &&
			 !(rx->len | (uint32_t)rx->error);
		return 0;
	}
	ivc_rx_begin(rx, len);
	*p = cell + IVC_RING_HDR;
	return len;
}

static inline int64_t ivc_rx_peek_other(struct ivc_rx *rx, const void **p)
{
	uint32_t len;
	int ret = ivc_rx_find(rx, &len);

	if (ret <= 0)
		return ret;
	ivc_rx_begin(rx, len);
	*p = (const uint8_t *)ivc_rx_hdr(rx, rx->pos) + IVC_RING_HDR + rx->off;
	return len - rx->off;
}

/*
 * Return the next bytes in place: their number, with the address in *@p; 0 if
 * the ring is empty; or -EPROTO. The bytes stay there until ivc_rx_release(). A
 * hostile peer can change them meanwhile, so a program must check a copy.
 */
static inline int64_t ivc_rx_peek(struct ivc_rx *rx, const void **p)
{
	bool rests;
	uint32_t len = ivc_rx_peek_line(rx, p, &rests);

	return len ? (int64_t)len : ivc_rx_peek_other(rx, p);
}

/*
 * The common case of ivc_rx_release(): free all of a record that
 * ivc_rx_peek_line() returned. Returns false if the record begun is another one
 * or partly read; the caller then calls ivc_rx_release_other(). *@turn is as in
 * ivc_rx_read_one().
 */
static inline bool ivc_rx_release_line(struct ivc_rx *rx, size_t len,
				       bool *turn)
{
	uint32_t pos = rx->pos;

	if (!ivc_ring_line(len) || len != rx->len || rx->off)
		return false;
	rx->len = 0;
	*turn = ivc_rx_pass(rx, (const uint8_t *)ivc_rx_hdr(rx, pos) + IVC_CELL,
			    pos + 1);
	return true;
}

static inline int ivc_rx_release_other(struct ivc_rx *rx, uint32_t len)
{
	if (len > rx->len - rx->off)
		return -EINVAL;
	if (len)
		ivc_rx_consume(rx, rx->len, len);
	return 0;
}

/* Free the first @len bytes that were peeked. 0, or -EINVAL if @len is more. */
static inline int ivc_rx_release(struct ivc_rx *rx, uint32_t len)
{
	bool turn;

	if (!ivc_rx_release_line(rx, len, &turn))
		return ivc_rx_release_other(rx, len);
	if (turn)
		ivc_rx_turn(rx);
	return 0;
}

/* Whether the producer, whose control page is @peer, sleeps for room. */
static inline bool ivc_rx_peer_sleeps(const struct ivc_ctrl *peer)
{
	return ivc_load(&peer->want) & IVC_WANT_SPACE;
}

#endif /* IVC_RING_RX_H */
