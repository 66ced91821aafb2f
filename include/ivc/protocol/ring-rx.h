/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The consumer of a ring: see ring.h, which includes this.
 */
#ifndef IVC_RING_RX_H
#define IVC_RING_RX_H

#include "ring.h"

/*
 * The consumer's private half. `cell` is where `pos` is in memory; while a
 * record is begun, or after an error, it is a cell in which no record ever
 * is, so that the fast path need not ask. At `turn` that path has something
 * else to do: cells to give back, or to go round.
 */
struct ivc_rx {
	const uint8_t *cell;   /* where the next record comes */
	const uint8_t *turn;   /* where the fast path calls ivc_rx_turn() */
	const uint8_t *data;   /* the peer's data area, mapped read-only */
	struct ivc_ctrl *ctrl; /* own control page */
	uint32_t pos;	       /* cell of the current record, free-running */
	uint32_t published;    /* last value stored in ctrl->cons */
	uint32_t cells;
	uint32_t batch; /* publish after that many freed cells */
	uint32_t len;	/* of a record begun: its payload; else 0 */
	uint32_t off;	/* how much of it has been read */
	int error;	/* sticky: -EPROTO once the peer lied */
};

static inline const uint64_t *ivc_rx_hdr(const struct ivc_rx *rx, uint32_t pos)
{
	return (const uint64_t *)(rx->data + ivc_ring_at(pos, rx->cells - 1));
}

/* Where no record ever is. */
static inline const uint8_t *ivc_ring_nowhere(void)
{
	static const uint64_t zero = 0;

	return (const uint8_t *)&zero;
}

/* Position, `published`, a record or an error: where does the fast path end? */
static inline void ivc_rx_aim(struct ivc_rx *rx)
{
	uint32_t end = ivc_ring_contig(rx->pos, rx->cells);
	uint32_t due = rx->published + rx->batch - rx->pos;

	rx->cell = (const uint8_t *)ivc_rx_hdr(rx, rx->pos);
	rx->turn = rx->cell + (size_t)(due < end ? due : end) * IVC_CELL;
	if (unlikely(rx->len | (uint32_t)rx->error))
		rx->cell = ivc_ring_nowhere();
}

/* An empty ring, from @pos on: 0, but for tests. */
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

/* Let the producer have the cells freed so far. */
static inline void ivc_rx_publish(struct ivc_rx *rx)
{
	/* Release pairs with the acquire in ivc_tx_refresh(). */
	ivc_store_rel(&rx->ctrl->cons, rx->pos);
	rx->published = rx->pos;
	ivc_rx_aim(rx);
}

/* Give cells back if that is worth the producer's cache miss. */
static inline void ivc_rx_turn(struct ivc_rx *rx)
{
	rx->cell = (const uint8_t *)ivc_rx_hdr(rx, rx->pos);
	if (rx->pos - rx->published >= rx->batch)
		ivc_rx_publish(rx);
	else if (rx->cell == rx->data)
		ivc_rx_aim(rx);
}

/* Move past @cells cells: nothing of what is at the new position is read. */
static inline void ivc_rx_advance(struct ivc_rx *rx, uint32_t cells)
{
	rx->pos += cells;
	ivc_store(&rx->ctrl->reader_pos, (uint64_t)rx->pos);
	ivc_rx_turn(rx);
}

/*
 * Find the next record; it is not begun by that.
 * Returns 1 when there is one, with its payload in *@len, 0 when the ring is
 * empty, -EPROTO (sticky) when what stands there is neither.
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
			/* Before we wait, the producer gets all we freed. */
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

/* Is there anything to read, or an error? As above. */
static inline int ivc_rx_next(struct ivc_rx *rx)
{
	uint32_t len;

	return ivc_rx_find(rx, &len);
}

/* In the record at the current position, of @len bytes: @used are used. */
static inline void ivc_rx_stay(struct ivc_rx *rx, uint32_t len, uint32_t used)
{
	rx->len = len;
	rx->cell = ivc_ring_nowhere();
	ivc_store(&rx->ctrl->reader_pos, ivc_reader_pos(rx->pos, used));
}

/* The record at the current position, of @len bytes, is begun. */
static inline void ivc_rx_begin(struct ivc_rx *rx, uint32_t len)
{
	if (!rx->len)
		ivc_rx_stay(rx, len, 0);
}

/* @n more bytes of the record of @len have been used. @n <= what is left. */
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

/* The fast path's way on, to @pos at @next. True: it ends there. */
static inline bool ivc_rx_pass(struct ivc_rx *rx, const uint8_t *next,
			       uint32_t pos)
{
	rx->pos = pos;
	rx->cell = next;
	ivc_store(&rx->ctrl->reader_pos, (uint64_t)pos);
	return next == rx->turn;
}

/*
 * Read a message of exactly @len bytes, for which ivc_ring_one() is true, of
 * kind @kind, a constant, if it is what comes next: what
 * ivc_rx_read() does in the common case, for callers that inline it. Returns
 * false when it has not been read. The header that matches is one that
 * ivc_ring_parse() takes: there is room for it before the turn. If *@turn is
 * true then, ivc_rx_turn() is the caller's.
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
 * Read up to @len bytes, over record boundaries.
 * Returns the number of bytes read, 0 when the ring is empty, -EPROTO when
 * it holds garbage (after all that was valid has been read).
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
 * Look at a record that shares a line with its header, the common case, for
 * callers that inline it. Returns its length, or 0 when something else comes
 * next, or is begun: ivc_rx_peek_other() knows what. There is room for such a
 * record wherever it begins, so its header is one that ivc_ring_parse() takes.
 * *@rests: it would find nothing, and has nothing to give back.
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
 * Look at the next bytes where they are. Returns how many there are at *@p,
 * 0 when the ring is empty, or -EPROTO. They stay there until
 * ivc_rx_release(); a hostile peer can change them meanwhile, so what must
 * hold is checked on a copy.
 */
static inline int64_t ivc_rx_peek(struct ivc_rx *rx, const void **p)
{
	bool rests;
	uint32_t len = ivc_rx_peek_line(rx, p, &rests);

	return len ? (int64_t)len : ivc_rx_peek_other(rx, p);
}

/*
 * Free all of such a record. Returns false when what is begun is another one,
 * or partly read: that is for ivc_rx_release_other(). *@turn is as in
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

/* Free the first @len bytes of what was peeked. 0, or -EINVAL if too many. */
static inline int ivc_rx_release(struct ivc_rx *rx, uint32_t len)
{
	bool turn;

	if (!ivc_rx_release_line(rx, len, &turn))
		return ivc_rx_release_other(rx, len);
	if (turn)
		ivc_rx_turn(rx);
	return 0;
}

/* Does the producer (whose control page is @peer) sleep until there is room? */
static inline bool ivc_rx_peer_sleeps(const struct ivc_ctrl *peer)
{
	return ivc_load(&peer->want) & IVC_WANT_SPACE;
}

#endif /* IVC_RING_RX_H */
