/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The ring: one direction of a channel, single producer, single consumer.
 *
 * This header is the ring for everybody: libivc, both kernel modules, the
 * tools and the tests. It makes no system call and takes no lock. The layout
 * is specified in docs/protocol.md, section "Ring pages"; in case of conflict
 * that document is right.
 *
 * Layout. The producer owns the data area: a power of two of 64-byte cells,
 * written by it alone, mapped read-only by the consumer. A record starts at a
 * cell boundary with an 8-byte header {u32 length, u32 sequence} followed by
 * its payload; it fills as many cells as it needs and never wraps. The
 * consumer finds a record by polling the header where the next one must start,
 * so a message of up to 56 bytes moves between the CPUs as one cache line.
 * The consumer owns one word, `cons`, in its own control page: how many cells
 * it has freed. Positions are free-running u32 cell counts.
 *
 * The invariant that makes an inline header safe: before a record is
 * published, the header that follows it is zeroed. So at the place where the
 * consumer looks there is zero (nothing yet) or the one valid sequence; all
 * else is a broken or hostile producer, and is -EPROTO at once. One cell is
 * always left free for that zero.
 *
 * Trust. The consumer takes a header in one load into a local and bounds the
 * length before using it; the producer takes `cons` in one load and bounds it
 * the same way. Neither ever reads back its own indices from shared memory.
 * Payload may still change while it is read: that is data, not control.
 *
 * Threads. One producer and one consumer thread per ring need no lock;
 * struct ivc_tx and struct ivc_rx are private to their side.
 *
 * Where the ideas come from: the paper's 64-byte segments (SC'07, 4.2); header
 * inline and zero-next as in Open MPI's fast box; cached peer index as in
 * rigtorp's SPSCQueue; batched consumption as in UCX. See docs/design.md.
 */
#ifndef IVC_RING_H
#define IVC_RING_H

#include "barrier.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/minmax.h>
#else
#include <errno.h>
#endif

#define IVC_CELL 64u /* bytes: the paper's data segment */
#define IVC_CELL_SHIFT 6
#define IVC_RING_HDR 8u		  /* bytes of header at a record's start */
#define IVC_RING_MIN_SHIFT 12	  /* 4 KiB */
#define IVC_RING_MAX_SHIFT 24	  /* 16 MiB */
#define IVC_RING_DEFAULT_SHIFT 16 /* 64 KiB, as in the paper */

/* Length word of the record that sends the consumer to the ring's start. */
#define IVC_RING_SKIP 0xffffffffu

/*
 * The control page a process owns and its peer reads. Each word is alone on
 * 128 bytes: the adjacent-line prefetcher of x86 moves lines in pairs.
 */
struct ivc_ctrl {
	uint32_t cons; /* cells this side has consumed of the peer's ring */
	uint32_t pad0[31];
	uint32_t want; /* IVC_WANT_*: ring the doorbell when it comes true */
	uint32_t pad1[31];
	uint64_t at; /* where this side reads, IVC_AT_*: for when it ends */
	uint64_t pad2[15];
};

/*
 * `at` is exact where `cons` lags: when one end is gone it tells the other what
 * has been read. Nobody looks at it before, so its line stays with the reader.
 */
#define IVC_AT_BEGUN (1ull << 32) /* part of the record there is read */

static inline uint32_t ivc_at_pos(uint64_t at)
{
	return (uint32_t)at;
}

#define IVC_WANT_DATA 1u  /* I sleep until there is something to read */
#define IVC_WANT_SPACE 2u /* I sleep until there is room to write */

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

/* Cells that a record of @len payload bytes fills. @len <= 16 MiB. */
static inline uint32_t ivc_ring_cells(uint32_t len)
{
	return (len + IVC_RING_HDR + IVC_CELL - 1) >> IVC_CELL_SHIFT;
}

/* Payload bytes that fit in @cells contiguous cells; 0 for none. */
static inline uint32_t ivc_ring_room(uint32_t cells)
{
	return cells ? cells * IVC_CELL - IVC_RING_HDR : 0;
}

/* May a ring have 2^@shift bytes of data area? */
static inline bool ivc_ring_shift_ok(unsigned int shift)
{
	return shift >= IVC_RING_MIN_SHIFT && shift <= IVC_RING_MAX_SHIFT;
}

/* May a ring have @size bytes of data area? */
static inline bool ivc_ring_size_ok(uint64_t size)
{
	return size >= (1u << IVC_RING_MIN_SHIFT) &&
	       size <= (1u << IVC_RING_MAX_SHIFT) && !(size & (size - 1));
}

/* Header words as one 64-bit value: sequence high, length low. */
static inline uint64_t ivc_ring_hdr(uint32_t pos, uint32_t len)
{
	return (uint64_t)(pos + 1) << 32 | len;
}

/* Where the cell at @pos begins in a ring of @mask + 1 cells. */
static inline size_t ivc_ring_at(uint32_t pos, uint32_t mask)
{
	return (size_t)(pos & mask) * IVC_CELL;
}

static inline uint64_t *ivc_tx_hdr(struct ivc_tx *tx, uint32_t pos)
{
	return (uint64_t *)(tx->data + ivc_ring_at(pos, tx->cells - 1));
}

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

/* Cells from @pos to the end of a ring of @cells. */
static inline uint32_t ivc_ring_contig(uint32_t pos, uint32_t cells)
{
	return cells - (pos & (cells - 1));
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

/* The same for the consumer; @rx->published may have changed, too. */
static inline void ivc_rx_aim(struct ivc_rx *rx)
{
	uint32_t end = ivc_ring_contig(rx->pos, rx->cells);
	uint32_t due = rx->published + rx->batch - rx->pos;

	rx->cell = (const uint8_t *)ivc_rx_hdr(rx, rx->pos);
	rx->turn = rx->cell + (size_t)(due < end ? due : end) * IVC_CELL;
	if (unlikely(rx->len | (uint32_t)rx->error))
		rx->cell = ivc_ring_nowhere();
}

/* An empty ring that both ends begin at @pos: 0, but for tests. */
static inline void ivc_tx_begin_at(struct ivc_tx *tx, uint32_t pos)
{
	tx->cons = pos;
	ivc_tx_bound(tx, pos, pos + tx->cells - 1);
}

static inline void ivc_rx_begin_at(struct ivc_rx *rx, uint32_t pos)
{
	rx->pos = pos;
	rx->published = pos;
	ivc_rx_aim(rx);
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
 * How a message is copied, and so the kind of its size: two words that may
 * overlap, as the smallest and most frequent are; what shares a line with its
 * header; all else.
 */
enum ivc_ring_kind { IVC_RING_WORDS, IVC_RING_LINE, IVC_RING_ANY };

/* 8 to 16 bytes? */
static inline bool ivc_ring_words(size_t n)
{
	return n - 8 <= 8;
}

static inline void ivc_ring_copy_words(void *to, const void *from, uint32_t n)
{
	memcpy(to, from, 8);
	memcpy((uint8_t *)to + n - 8, (const uint8_t *)from + n - 8, 8);
}

/* 1 to 56? */
static inline bool ivc_ring_line(size_t len)
{
	return len - 1 < IVC_CELL - IVC_RING_HDR;
}

/*
 * Copy @n bytes, 1 to 56: what shares a line with its header. Moves of a fixed
 * size, of which two may overlap, instead of a call that finds out the size
 * again. @n must not be in shared memory.
 */
static inline void ivc_ring_copy(void *to, const void *from, uint32_t n)
{
	uint8_t *dst = (uint8_t *)to;
	const uint8_t *src = (const uint8_t *)from;

	if (n > 16) {
		if (n > 32) {
			memcpy(dst + 16, src + 16, 16);
			memcpy(dst + n - 32, src + n - 32, 16);
		}
		memcpy(dst, src, 16);
		memcpy(dst + n - 16, src + n - 16, 16);
	} else if (n >= 8) {
		ivc_ring_copy_words(dst, src, n);
	} else if (n >= 4) {
		memcpy(dst, src, 4);
		memcpy(dst + n - 4, src + n - 4, 4);
	} else {
		dst[0] = src[0];
		dst[n / 2] = src[n / 2];
		dst[n - 1] = src[n - 1];
	}
}

/* Copy @n bytes, of kind @kind: a constant where this is to be fast. */
static inline void ivc_ring_move(void *to, const void *from, uint32_t n,
				 enum ivc_ring_kind kind)
{
	if (kind == IVC_RING_WORDS)
		ivc_ring_copy_words(to, from, n);
	else if (kind == IVC_RING_LINE || ivc_ring_line(n))
		ivc_ring_copy(to, from, n);
	else
		memcpy(to, from, n);
}

/* Bytes that a large message is cut into: an eighth of the ring for each. */
static inline uint32_t ivc_ring_chunk(uint32_t cells)
{
	return cells / 8;
}

/* May a message of @len bytes be one record of a ring of @cells? */
static inline bool ivc_ring_one(size_t len, uint32_t cells)
{
	return len - 1 < ivc_ring_room(ivc_ring_chunk(cells));
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
 */
static inline int64_t ivc_tx_write(struct ivc_tx *tx, const void *buf,
				   size_t len)
{
	const uint32_t chunk = ivc_ring_chunk(tx->cells);
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
	ivc_store(&rx->ctrl->at, (uint64_t)rx->pos);
	ivc_rx_turn(rx);
}

/*
 * What is the header @hdr at position @pos of a ring of @cells cells? The one
 * place where a header is judged. Returns how many cells to move on past the
 * record and its payload in *@len (0 for a skip), 0 for none, or -EPROTO.
 */
static inline int ivc_ring_parse(uint64_t hdr, uint32_t pos, uint32_t cells,
				 uint32_t *len)
{
	uint32_t contig = ivc_ring_contig(pos, cells);
	uint32_t n = (uint32_t)hdr;

	*len = 0;
	if (!hdr)
		return 0;
	if (unlikely((uint32_t)(hdr >> 32) != pos + 1))
		return -EPROTO;
	if (unlikely(n == IVC_RING_SKIP))
		/* A skip at the very start would go round for ever. */
		return contig == cells ? -EPROTO : (int)contig;
	if (unlikely(!n || n > ivc_ring_room(contig)))
		return -EPROTO;
	*len = n;
	return (int)ivc_ring_cells(n);
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

/* The record at the current position, of @len bytes, is begun. */
static inline void ivc_rx_begin(struct ivc_rx *rx, uint32_t len)
{
	if (rx->len)
		return;
	rx->len = len;
	rx->cell = ivc_ring_nowhere();
	ivc_store(&rx->ctrl->at, rx->pos | IVC_AT_BEGUN);
}

/* @n more bytes of the record of @len have been used. @n <= what is left. */
static inline void ivc_rx_consume(struct ivc_rx *rx, uint32_t len, uint32_t n)
{
	rx->off += n;
	if (rx->off == len) {
		rx->len = 0;
		rx->off = 0;
		ivc_rx_advance(rx, ivc_ring_cells(len));
	} else {
		ivc_rx_begin(rx, len);
	}
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
	rx->pos = pos += cells;
	rx->cell = next;
	ivc_store(&rx->ctrl->at, (uint64_t)pos);
	*turn = next == rx->turn;
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
 * Look at the next bytes where they are. Returns how many there are at *@p,
 * 0 when the ring is empty, or -EPROTO. They stay there until
 * ivc_rx_release(); a hostile peer can change them meanwhile, so what must
 * hold is checked on a copy.
 */
static inline int64_t ivc_rx_peek(struct ivc_rx *rx, const void **p)
{
	uint32_t len;
	int ret = ivc_rx_find(rx, &len);

	if (ret <= 0)
		return ret;
	ivc_rx_begin(rx, len);
	*p = (const uint8_t *)ivc_rx_hdr(rx, rx->pos) + IVC_RING_HDR + rx->off;
	return len - rx->off;
}

/* Free the first @len bytes of what was peeked. 0, or -EINVAL if too many. */
static inline int ivc_rx_release(struct ivc_rx *rx, uint32_t len)
{
	if (len > rx->len - rx->off)
		return -EINVAL;
	if (len)
		ivc_rx_consume(rx, rx->len, len);
	return 0;
}

/* Does the producer (whose control page is @peer) sleep until there is room? */
static inline bool ivc_rx_peer_sleeps(const struct ivc_ctrl *peer)
{
	return ivc_load(&peer->want) & IVC_WANT_SPACE;
}

#endif /* IVC_RING_H */
