/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The ring: one direction of a channel, single producer, single consumer.
 *
 * This header is the ring for everybody: libivc, both kernel modules, the
 * tools and the tests; its two ends are in ring-tx.h and ring-rx.h, which it
 * includes. It makes no system call and takes no lock. The layout is
 * specified in docs/reference/protocol.md, section "Ring pages"; in case of
 * conflict that document is right.
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
 * Where the ideas come from: the paper's 64-byte segments (SC'07, 4.2);
 * header inline and zero-next as in Open MPI's fast box; cached peer index as
 * in rigtorp's SPSCQueue; batched consumption as in UCX. See
 * docs/internals/ring.md.
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
#define IVC_RING_HDR 8u	      /* bytes of header at a record's start */
#define IVC_RING_MIN_SHIFT 12 /* 4 KiB */
#define IVC_RING_MAX_SHIFT 24 /* 16 MiB */
/*
 * 64 KiB, as in the paper, where each page is a grant. Between processes 256:
 * the reader's prefetching then stays clear of what is being written.
 */
#define IVC_RING_DEFAULT_SHIFT 16
#define IVC_RING_DEFAULT_LOCAL_SHIFT 18

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
	uint64_t reader_pos; /* where this side reads: ivc_reader_pos(), for
				when it ends */
	uint64_t pad2[15];
};

/*
 * `reader_pos` is exact, to the byte, where `cons` lags: when one end is gone
 * it tells the other what has been read. Nobody looks at it before, so its line
 * stays with the reader. It holds the position of the record that is read next;
 * the flag, if the reader has looked at that record; and above the flag, how
 * many of the record's bytes the reader has used. A record that is read as a
 * whole is passed in one store.
 */
#define IVC_READER_BEGUN (1ull << 32) /* the reader knows the record there, */
#define IVC_READER_USED_SHIFT 33      /* and has used so many bytes of it */

/* The reader is in the record at @pos and has used @used bytes of it. */
static inline uint64_t ivc_reader_pos(uint32_t pos, uint32_t used)
{
	return (uint64_t)used << IVC_READER_USED_SHIFT | IVC_READER_BEGUN | pos;
}

static inline uint32_t ivc_reader_cell(uint64_t reader_pos)
{
	return (uint32_t)reader_pos;
}

static inline uint32_t ivc_reader_used(uint64_t reader_pos)
{
	return (uint32_t)(reader_pos >> IVC_READER_USED_SHIFT);
}

#define IVC_WANT_DATA 1u  /* I sleep until there is something to read */
#define IVC_WANT_SPACE 2u /* I sleep until there is room to write */

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

/* Cells from @pos to the end of a ring of @cells. */
static inline uint32_t ivc_ring_contig(uint32_t pos, uint32_t cells)
{
	return cells - (pos & (cells - 1));
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

/* Cells of the records that a large message is cut into: an eighth of a ring.
 */
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
 * May the reader be where its word @reader_pos says, if the record there is the
 * one that ivc_ring_parse() has judged: @ret, with @len bytes of payload? The
 * one place where the word of a peer is judged. A reader that is in no record
 * has used none of its bytes; one that has used them all is behind it.
 */
static inline bool ivc_reader_pos_ok(uint64_t reader_pos, int ret, uint32_t len)
{
	if (!(reader_pos & IVC_READER_BEGUN))
		return !ivc_reader_used(reader_pos);
	return ret > 0 && ivc_reader_used(reader_pos) < len;
}

#include "ring-tx.h"
#include "ring-rx.h"

#endif /* IVC_RING_H */
