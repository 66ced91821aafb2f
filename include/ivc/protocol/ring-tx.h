/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The producer of a ring. ring.h has the layout, and includes this header.
 */
#ifndef IVC_RING_TX_H
#define IVC_RING_TX_H

#include "ring.h"

/*
 * The private state of the producer. `cell` is the address of `pos`. `stop` is
 * the cell from which on the fast path leaves the work to ivc_tx_write(): the
 * cell at `limit`, the last cell before the wrap, or `cell` itself if bytes are
 * reserved.
 */
struct ivc_tx {
	uint8_t *cell;		     /* the next cell to write */
	const uint8_t *stop;	     /* of the fast path */
	uint8_t *data;		     /* own data area, written here only */
	const struct ivc_ctrl *peer; /* the consumer's page, read-only */
	uint32_t pos;		     /* next cell to write, free-running */
	uint32_t limit;		     /* the ring is full at this position */
	uint32_t cons;		     /* last checked value of peer->cons */
	uint32_t cells;		     /* power of two */
	uint32_t reserved;	     /* bytes reserved and not committed */
	int error; /* permanent: -EPROTO once the peer broke the ring */
};

static inline uint64_t *ivc_tx_hdr(struct ivc_tx *tx, uint32_t pos)
{
	return (uint64_t *)(tx->data + ivc_ring_at(pos, tx->cells - 1));
}

/* Recompute `cell` and `stop` after `pos`, `limit` or `reserved` changed. */
static inline void ivc_tx_aim(struct ivc_tx *tx)
{
	uint32_t last = ivc_ring_contig(tx->pos, tx->cells) - 1;
	uint32_t room = tx->reserved ? 0 : tx->limit - tx->pos;

	tx->cell = (uint8_t *)ivc_tx_hdr(tx, tx->pos);
	tx->stop = tx->cell + (size_t)(room < last ? room : last) * IVC_CELL;
}

/* Set the free room to the cells from @pos to @limit, with nothing reserved. */
static inline void ivc_tx_bound(struct ivc_tx *tx, uint32_t pos, uint32_t limit)
{
	tx->pos = pos;
	tx->limit = limit;
	tx->reserved = 0;
	ivc_tx_aim(tx);
}

/* Start an empty ring at position @pos: 0, except in tests. */
static inline void ivc_tx_begin_at(struct ivc_tx *tx, uint32_t pos)
{
	tx->cons = pos;
	ivc_tx_bound(tx, pos, pos + tx->cells - 1);
}

/*
 * The caller has checked @size with ivc_ring_size_ok(), and zeroes @data before
 * the peer maps it.
 */
static inline void ivc_tx_init(struct ivc_tx *tx, void *data, uint32_t size,
			       const struct ivc_ctrl *peer)
{
	memset(tx, 0, sizeof(*tx));
	tx->data = (uint8_t *)data;
	tx->peer = peer;
	tx->cells = size >> IVC_CELL_SHIFT;
	ivc_tx_begin_at(tx, 0);
}

/* Free cells as far as the producer knows, without the one that stays free. */
static inline uint32_t ivc_tx_known_free(const struct ivc_tx *tx)
{
	return tx->limit - tx->pos;
}

/*
 * Load from the consumer's page how many cells it has freed. Returns 0, or
 * -EPROTO (permanent) if the consumer claims more than was ever written or
 * takes back cells that it had freed; from then on the ring counts as full.
 */
static inline int ivc_tx_refresh(struct ivc_tx *tx)
{
	/*
	 * Acquire pairs with the release in ivc_rx_publish(): the consumer has
	 * finished reading the cells before this side writes to them again.
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
	/* A reservation stays: ivc_wait() calls this function, too. */
	ivc_tx_aim(tx);
	return 0;
}

/* Publish the record in @cell by its header @hdr; @next is the cell after it.
 */
static inline void ivc_ring_put(uint8_t *cell, uint8_t *next, uint64_t hdr)
{
	/* Zero the next header first: the invariant of the ring, see ring.h. */
	ivc_store((uint64_t *)next, 0);
	/*
	 * Release pairs with the acquire in ivc_rx_find(): a consumer that sees
	 * this header also sees the payload and the zero after it.
	 */
	ivc_store_rel((uint64_t *)cell, hdr);
}

/* Publish @hdr at the current position and go on by @cells cells. */
static inline void ivc_tx_publish(struct ivc_tx *tx, uint64_t hdr,
				  uint32_t cells)
{
	uint8_t *cell = tx->cell;

	tx->pos += cells;
	tx->cell = (uint8_t *)ivc_tx_hdr(tx, tx->pos);
	/* `stop` changes only when the ring starts over. */
	if (tx->cell == tx->data)
		ivc_tx_aim(tx);
	ivc_ring_put(cell, tx->cell, hdr);
}

/*
 * Return the number of contiguous cells that may be written now. Loads the
 * shared index only if by the cached one there are fewer than @want.
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
 * The common case of ivc_tx_write(), for callers that inline it: write a
 * message as one record. The caller has checked ivc_ring_one(); @kind is a
 * constant. Returns false if nothing was written; the caller then calls
 * ivc_tx_write().
 */
static inline bool ivc_tx_write_one(struct ivc_tx *tx, const void *buf,
				    uint32_t len, enum ivc_ring_kind kind)
{
	/* Locals: to the compiler, a store of payload may change *@tx. */
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
 * Write as many of @len bytes as fit now. Returns the number of bytes written,
 * 0 if nothing fits, or -EPROTO if the consumer's index is impossible.
 *
 * A large message is split into records of an eighth of the ring, so that the
 * consumer copies one while the next is written. A piece is written only if it
 * is the rest of the message or at least half of such a record: otherwise a
 * ring that is almost full would be filled with tiny records.
 *
 * However fast the consumer makes room, all records of one call are in the ring
 * when it returns, because a caller may have to walk them later to find out
 * which part was written in time. ivc_tx_round() tells whether this limit ended
 * the call.
 */
static inline int64_t ivc_tx_write(struct ivc_tx *tx, const void *buf,
				   size_t len)
{
	const uint32_t chunk = ivc_ring_chunk(tx->cells), from = tx->pos;
	const uint8_t *src = (const uint8_t *)buf;
	size_t done = 0;

	if (unlikely(tx->error))
		return tx->error;
	/* It would take the place of the reserved bytes: they are given up. */
	ivc_tx_bound(tx, tx->pos, tx->limit);

	while (done < len) {
		size_t rest = len - done;
		uint32_t need = rest > ivc_ring_room(chunk)
					? chunk
					: ivc_ring_cells((uint32_t)rest);
		uint32_t contig = ivc_ring_contig(tx->pos, tx->cells);
		uint32_t avail, n;

		avail = ivc_tx_avail(tx, need);
		/* A short piece is fine at the end of the ring. */
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
 * Whether an ivc_tx_write() that began at @from stopped because it had written
 * a whole ring, so that there may be room for more.
 */
static inline bool ivc_tx_round(const struct ivc_tx *tx, uint32_t from)
{
	return tx->pos - from >= tx->cells - ivc_ring_chunk(tx->cells);
}

/*
 * Reserve room for a record of at least @min and at most @max contiguous
 * payload bytes, which the caller fills in place and ivc_tx_commit() publishes.
 * Returns the number of bytes at *@p; 0 if there is no room now; -EMSGSIZE if
 * @min is more than a quarter of the ring, which can never succeed; or -EPROTO.
 * Another reserve, or a write, cancels the reservation.
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
		/* Too short before the end: skip to the start of the ring. */
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
 * Publish the first @len reserved bytes; 0 cancels the reservation. Returns 0,
 * -EINVAL if @len is more than was reserved, or -EPROTO.
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

/* End the ring at @pos: later records were not in time, and none can follow. */
static inline void ivc_tx_end(struct ivc_tx *tx, uint32_t pos)
{
	ivc_tx_bound(tx, pos, pos);
}

/* Whether the consumer sleeps until there is data. */
static inline bool ivc_tx_peer_sleeps(const struct ivc_tx *tx)
{
	return ivc_load(&tx->peer->want) & IVC_WANT_DATA;
}

#endif /* IVC_RING_TX_H */
