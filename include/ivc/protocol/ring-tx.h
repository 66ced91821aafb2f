/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The producer of a ring: see ring.h, which includes this.
 */
#ifndef IVC_RING_TX_H
#define IVC_RING_TX_H

#include "ring.h"

/*
 * The producer's private half. `cell` is where `pos` is in memory, and `stop`
 * the cell from which on the fast path leaves the work to the other: at the
 * limit, at the last cell before the wrap, or at once if something is reserved.
 */
struct ivc_tx {
	uint8_t *cell;		     /* the next cell to write */
	const uint8_t *stop;	     /* of the fast path */
	uint8_t *data;		     /* own data area, written here only */
	const struct ivc_ctrl *peer; /* the consumer's page, read-only */
	uint32_t pos;		     /* next cell to write, free-running */
	uint32_t limit;		     /* may write up to here: full at it */
	uint32_t cons;		     /* last checked value of peer->cons */
	uint32_t cells;		     /* power of two */
	uint32_t reserved;	     /* bytes of a pending reserve */
	int error;		     /* sticky: -EPROTO once the peer lied */
};

static inline uint64_t *ivc_tx_hdr(struct ivc_tx *tx, uint32_t pos)
{
	return (uint64_t *)(tx->data + ivc_ring_at(pos, tx->cells - 1));
}

/* Position, limit or reservation have changed: how far may the fast path go? */
static inline void ivc_tx_aim(struct ivc_tx *tx)
{
	uint32_t last = ivc_ring_contig(tx->pos, tx->cells) - 1;
	uint32_t room = tx->reserved ? 0 : tx->limit - tx->pos;

	tx->cell = (uint8_t *)ivc_tx_hdr(tx, tx->pos);
	tx->stop = tx->cell + (size_t)(room < last ? room : last) * IVC_CELL;
}

/* From @pos up to @limit there is room. Nothing is reserved. */
static inline void ivc_tx_bound(struct ivc_tx *tx, uint32_t pos, uint32_t limit)
{
	tx->pos = pos;
	tx->limit = limit;
	tx->reserved = 0;
	ivc_tx_aim(tx);
}

/* An empty ring, from @pos on: 0, but for tests. */
static inline void ivc_tx_begin_at(struct ivc_tx *tx, uint32_t pos)
{
	tx->cons = pos;
	ivc_tx_bound(tx, pos, pos + tx->cells - 1);
}

/* @size passes ivc_ring_size_ok(); @data is zeroed before the peer sees it. */
static inline void ivc_tx_init(struct ivc_tx *tx, void *data, uint32_t size,
			       const struct ivc_ctrl *peer)
{
	memset(tx, 0, sizeof(*tx));
	tx->data = (uint8_t *)data;
	tx->peer = peer;
	tx->cells = size >> IVC_CELL_SHIFT;
	ivc_tx_begin_at(tx, 0);
}

/* Cells free by what the producer knows; the last one stays free. */
static inline uint32_t ivc_tx_known_free(const struct ivc_tx *tx)
{
	return tx->limit - tx->pos;
}

/*
 * Look again at what the consumer has freed.
 * Returns 0, or -EPROTO (sticky) when it claims more than was ever written or
 * takes back what it had freed; from then on the ring is full.
 */
static inline int ivc_tx_refresh(struct ivc_tx *tx)
{
	/*
	 * Acquire pairs with the release in ivc_rx_publish(): the consumer's
	 * reads of the cells are done before we write to them again.
	 */
	uint32_t cons = ivc_load_acq(&tx->peer->cons);

	if (unlikely(tx->error))
		return tx->error;
	if (unlikely(tx->pos - cons > tx->pos - tx->cons)) {
		tx->error = -EPROTO;
		ivc_tx_bound(tx, tx->pos, tx->pos);
		return tx->error;
	}
	tx->cons = cons;
	tx->limit = cons + tx->cells - 1;
	/* What is reserved stays so: who waits asks for this, too. */
	ivc_tx_aim(tx);
	return 0;
}

/* Publish the record @hdr that is in @cell; @next is the one behind it. */
static inline void ivc_ring_put(uint8_t *cell, uint8_t *next, uint64_t hdr)
{
	/* Zero the next header first: the ring's invariant, see above. */
	ivc_store((uint64_t *)next, 0);
	/*
	 * Release pairs with the acquire in ivc_rx_find(): who sees this
	 * header sees the payload and the zero behind it.
	 */
	ivc_store_rel((uint64_t *)cell, hdr);
}

/* Store @hdr at the current position and move past @cells cells. */
static inline void ivc_tx_publish(struct ivc_tx *tx, uint64_t hdr,
				  uint32_t cells)
{
	uint8_t *cell = tx->cell;

	tx->pos += cells;
	tx->cell = (uint8_t *)ivc_tx_hdr(tx, tx->pos);
	/* `stop` is where it was, but for a new round. */
	if (tx->cell == tx->data)
		ivc_tx_aim(tx);
	ivc_ring_put(cell, tx->cell, hdr);
}

/*
 * How many contiguous cells may be written now, wanting @want of them: looks
 * at the shared index only if the cached one does not give enough.
 */
static inline uint32_t ivc_tx_avail(struct ivc_tx *tx, uint32_t want)
{
	uint32_t contig = ivc_ring_contig(tx->pos, tx->cells);
	uint32_t avail = ivc_tx_known_free(tx);

	if (avail < want) {
		if (ivc_tx_refresh(tx))
			return 0;
		avail = ivc_tx_known_free(tx);
	}
	return avail < contig ? avail : contig;
}

/*
 * Write a message for which ivc_ring_one() is true, of kind
 * @kind, a constant: what ivc_tx_write() does in the common case, for callers
 * that inline it. Returns false when it has not been written; ivc_tx_write()
 * knows why.
 */
static inline bool ivc_tx_write_one(struct ivc_tx *tx, const void *buf,
				    uint32_t len, enum ivc_ring_kind kind)
{
	/* Locals: the compiler takes the payload for what may change *@tx. */
	uint32_t cells = kind == IVC_RING_ANY ? ivc_ring_cells(len) : 1;
	uint8_t *cell = tx->cell, *next = cell + (size_t)cells * IVC_CELL;
	uint32_t pos = tx->pos;

	if (unlikely(kind == IVC_RING_ANY ? next > tx->stop : cell == tx->stop))
		return false;
	ivc_ring_move(cell + IVC_RING_HDR, buf, len, kind);
	ivc_ring_put(cell, next, ivc_ring_hdr(pos, len));
	tx->pos = pos + cells;
	tx->cell = next;
	return true;
}

/*
 * Write up to @len bytes: as many as fit now.
 * Returns the number of bytes written, 0 when nothing fits, -EPROTO when the
 * consumer's index is impossible.
 *
 * Large writes go in records of an eighth of the ring, so that the consumer
 * copies one while the next is written. To keep the tail of a full ring from
 * being filled with crumbs, a piece is written only when it is the rest of
 * the message or at least half such a record.
 *
 * However fast the consumer makes room, all that one call has written is in the
 * ring when it returns: a caller that must find out later which part of it was
 * in time walks its records. ivc_tx_round() tells whether that was the limit.
 */
static inline int64_t ivc_tx_write(struct ivc_tx *tx, const void *buf,
				   size_t len)
{
	const uint32_t chunk = ivc_ring_chunk(tx->cells), from = tx->pos;
	const uint8_t *src = (const uint8_t *)buf;
	size_t done = 0;

	if (unlikely(tx->error))
		return tx->error;
	/* It would take the place of what is reserved, so that is off. */
	ivc_tx_bound(tx, tx->pos, tx->limit);

	while (done < len) {
		size_t rest = len - done;
		uint32_t need = rest > ivc_ring_room(chunk)
					? chunk
					: ivc_ring_cells((uint32_t)rest);
		uint32_t contig = ivc_ring_contig(tx->pos, tx->cells);
		uint32_t avail, n;

		avail = ivc_tx_avail(tx, need);
		/* At the wrap a short piece is right: the rest starts over. */
		if (avail < need && avail < contig && avail < chunk / 2)
			break;
		if (!avail)
			break;
		if (avail > need)
			avail = need;
		if (tx->pos + avail - from >= tx->cells)
			break;
		n = ivc_ring_room(avail);
		if (n > rest)
			n = (uint32_t)rest;
		ivc_ring_move(tx->cell + IVC_RING_HDR, src + done, n,
			      IVC_RING_ANY);
		ivc_tx_publish(tx, ivc_ring_hdr(tx->pos, n), ivc_ring_cells(n));
		done += n;
	}
	if (unlikely(!done && tx->error))
		return tx->error;
	return (int64_t)done;
}

/*
 * Has an ivc_tx_write() that began at @from come once around, so that there may
 * be room for more?
 */
static inline bool ivc_tx_round(const struct ivc_tx *tx, uint32_t from)
{
	return tx->pos - from >= tx->cells - ivc_ring_chunk(tx->cells);
}

/*
 * Reserve room for a record of at least @min and at most @max contiguous
 * payload bytes, to be filled in place and published by ivc_tx_commit().
 * @min is at most a quarter of the ring, or the call can never succeed and
 * returns -EMSGSIZE. Returns the bytes at *@p, 0 when there is no room now,
 * or -EPROTO. A second reserve, or a write, gives the first one's room back.
 */
static inline int64_t ivc_tx_reserve(struct ivc_tx *tx, uint32_t min,
				     uint32_t max, void **p)
{
	uint32_t contig = ivc_ring_contig(tx->pos, tx->cells);
	uint32_t need, avail, room;

	if (unlikely(tx->error))
		return tx->error;
	ivc_tx_bound(tx, tx->pos, tx->limit);
	if (!min)
		min = 1;
	if (min > ivc_ring_room(tx->cells / 4))
		return -EMSGSIZE;
	if (max < min)
		max = min;
	need = ivc_ring_cells(min);
	if (contig < need) {
		/* Not at the end of the ring: skip to its start. */
		avail = ivc_tx_known_free(tx);
		if (avail < contig + need) {
			if (ivc_tx_refresh(tx))
				return tx->error;
			avail = ivc_tx_known_free(tx);
		}
		if (avail < contig + need)
			return 0;
		ivc_tx_publish(tx, ivc_ring_hdr(tx->pos, IVC_RING_SKIP),
			       contig);
	}
	if (max > ivc_ring_room(tx->cells / 4))
		max = ivc_ring_room(tx->cells / 4);
	avail = ivc_tx_avail(tx, ivc_ring_cells(max));
	if (unlikely(tx->error))
		return tx->error;
	if (avail < need)
		return 0;
	room = ivc_ring_room(avail);
	if (room > max)
		room = max;
	*p = tx->cell + IVC_RING_HDR;
	tx->reserved = room;
	tx->stop = tx->cell;
	return room;
}

/*
 * Publish the first @len bytes of the reserved room (0 gives it back).
 * Returns 0, -EINVAL when more than that was reserved, or -EPROTO.
 */
static inline int ivc_tx_commit(struct ivc_tx *tx, uint32_t len)
{
	if (unlikely(tx->error))
		return tx->error;
	if (len > tx->reserved)
		return -EINVAL;
	ivc_tx_bound(tx, tx->pos, tx->limit);
	if (len)
		ivc_tx_publish(tx, ivc_ring_hdr(tx->pos, len),
			       ivc_ring_cells(len));
	return 0;
}

/* Nothing more can be written; what was, from @pos on, was in vain. */
static inline void ivc_tx_end(struct ivc_tx *tx, uint32_t pos)
{
	ivc_tx_bound(tx, pos, pos);
}

/* Does the consumer sleep and want to be woken for new data? */
static inline bool ivc_tx_peer_sleeps(const struct ivc_tx *tx)
{
	return ivc_load(&tx->peer->want) & IVC_WANT_DATA;
}

#endif /* IVC_RING_TX_H */
