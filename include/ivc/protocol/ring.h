/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The ring: one direction of a channel, single producer, single consumer.
 *
 * libivc, both kernel modules, the tools and the tests all use this header; its
 * two ends are in ring-tx.h and ring-rx.h, which it includes. It makes no
 * system call and takes no lock. The layout is specified in
 * docs/reference/protocol.md, section "Ring pages"; in case of conflict that
 * document is right.
 *
 * Layout. The producer owns the data area: a power of two of 64-byte cells,
 * which the producer alone writes and the consumer maps read-only. A record
 * starts at a cell boundary with an 8-byte header {u32 length, u32 sequence},
 * followed by its payload. The record fills as many cells as it needs and never
 * wraps. The consumer finds a record by polling the header at the position
 * where the next record must start, so a message of up to 56 bytes moves
 * between the CPUs as one cache line. The consumer owns one word, `cons`, in
 * its own control page: the number of cells that it has freed. Positions are
 * free-running u32 counts of cells.
 *
 * The invariant that makes an inline header safe: the producer zeroes the
 * header after a record before it publishes the record. So the header that the
 * consumer polls is either zero (no record yet) or has the one valid sequence.
 * Any other value comes from a broken or hostile producer and is -EPROTO at
 * once. One cell always stays free for that zero.
 *
 * Trust. The consumer loads a header once into a local variable and checks the
 * length before using it; the producer loads and checks `cons` in the same way.
 * Neither side reads its own indices back from shared memory. The payload may
 * still change while it is read: it is data, and controls nothing here.
 *
 * Threads. One producer and one consumer thread per ring need no lock;
 * struct ivc_tx and struct ivc_rx are private to their side.
 *
 * Sources of the ideas: the 64-byte segments are the paper's (SC'07, 4.2), the
 * inline header and the zeroed next header Open MPI's fast box, the cached
 * index of the peer rigtorp's SPSCQueue, batched consumption UCX. See
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

#define IVC_CELL 64u /* bytes; the data segment of the paper */
#define IVC_CELL_SHIFT 6
#define IVC_RING_HDR 8u	      /* bytes of header at a record's start */
#define IVC_RING_MIN_SHIFT 12 /* 4 KiB */
#define IVC_RING_MAX_SHIFT 24 /* 16 MiB */
/*
 * Over Xen 64 KiB, as in the paper, since each page costs a grant. Between
 * processes of one machine 256 KiB: the reader's hardware prefetcher then does
 * not reach the cells that are being written.
 */
#define IVC_RING_DEFAULT_SHIFT 16
#define IVC_RING_DEFAULT_LOCAL_SHIFT 18

/* Length of a skip record, which sends the consumer to the ring's start. */
#define IVC_RING_SKIP 0xffffffffu

/*
 * The control page, which the process that owns it writes and the peer reads.
 * Each word has 128 bytes of its own, because the adjacent-line prefetcher of
 * x86 fetches lines in pairs.
 */
struct ivc_ctrl {
	uint32_t cons; /* cells of the peer's ring that this side has freed */
	uint32_t pad0[31];
	uint32_t want; /* IVC_WANT_*: ring the doorbell for these */
	uint32_t pad1[31];
	uint64_t reader_pos; /* what this side has read, for when it ends */
	uint64_t pad2[15];
};

/*
 * `reader_pos` is exact to the byte, whereas `cons` is stored in batches. When
 * one end of a channel is gone, the other learns from this word how far it has
 * read. Nobody loads the word before, so its cache line stays with the reader.
 *
 * The word holds the position of the record that is read next; IVC_READER_BEGUN
 * if the reader has loaded that record's header; and the number of bytes of the
 * record that the reader has used. Reading a whole record takes one store.
 */
#define IVC_READER_BEGUN (1ull << 32)
#define IVC_READER_USED_SHIFT 33

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

#define IVC_WANT_DATA 1u  /* this side sleeps until there is data to read */
#define IVC_WANT_SPACE 2u /* this side sleeps until there is room to write */

/* Number of cells of a record with @len payload bytes. @len <= 16 MiB. */
static inline uint32_t ivc_ring_cells(uint32_t len)
{
	return (len + IVC_RING_HDR + IVC_CELL - 1) >> IVC_CELL_SHIFT;
}

/* Payload bytes of a record that fills @cells contiguous cells; 0 for none. */
static inline uint32_t ivc_ring_room(uint32_t cells)
{
	return cells ? cells * IVC_CELL - IVC_RING_HDR : 0;
}

/* Whether 2^@shift bytes are a valid size of a ring. */
static inline bool ivc_ring_shift_ok(unsigned int shift)
{
	return shift >= IVC_RING_MIN_SHIFT && shift <= IVC_RING_MAX_SHIFT;
}

/* Whether @size bytes are a valid size of a ring. */
static inline bool ivc_ring_size_ok(uint64_t size)
{
	return size >= (1u << IVC_RING_MIN_SHIFT) &&
	       size <= (1u << IVC_RING_MAX_SHIFT) && !(size & (size - 1));
}

/* The header of a record as one 64-bit value: sequence high, length low. */
static inline uint64_t ivc_ring_hdr(uint32_t pos, uint32_t len)
{
	return (uint64_t)(pos + 1) << 32 | len;
}

/* Byte offset of the cell at @pos in a ring of @mask + 1 cells. */
static inline size_t ivc_ring_at(uint32_t pos, uint32_t mask)
{
	return (size_t)(pos & mask) * IVC_CELL;
}

/* Number of cells from @pos to the end of a ring of @cells cells. */
static inline uint32_t ivc_ring_contig(uint32_t pos, uint32_t cells)
{
	return cells - (pos & (cells - 1));
}

/*
 * How a message is copied, which depends on its size. WORDS: 8 to 16 bytes, as
 * most small messages have, by two words that may overlap. LINE: up to 56
 * bytes, which share a cache line with their header. ANY: all other sizes.
 */
enum ivc_ring_kind { IVC_RING_WORDS, IVC_RING_LINE, IVC_RING_ANY };

/* Whether @n is 8 to 16. */
static inline bool ivc_ring_words(size_t n)
{
	return n - 8 <= 8;
}

static inline void ivc_ring_copy_words(void *to, const void *from, uint32_t n)
{
	memcpy(to, from, 8);
	memcpy((uint8_t *)to + n - 8, (const uint8_t *)from + n - 8, 8);
}

/* Whether @len is 1 to 56. */
static inline bool ivc_ring_line(size_t len)
{
	return len - 1 < IVC_CELL - IVC_RING_HDR;
}

/*
 * Copy @n bytes, 1 to 56, by moves of a fixed size, of which two may overlap. A
 * call of memcpy() would have to find out the size again. @n must not be in
 * shared memory.
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

/* Copy @n bytes in the way of @kind; fast if @kind is a constant. */
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

/*
 * Number of cells of the records into which a large message is split: an eighth
 * of the ring, so that the consumer copies one while the next is written.
 */
static inline uint32_t ivc_ring_chunk(uint32_t cells)
{
	return cells / 8;
}

/* Whether a message of @len bytes becomes one record in a ring of @cells. */
static inline bool ivc_ring_one(size_t len, uint32_t cells)
{
	return len - 1 < ivc_ring_room(ivc_ring_chunk(cells));
}

/*
 * Check the header @hdr at position @pos of a ring of @cells cells. All code
 * that interprets a header calls this function. Returns the number of cells of
 * the record and stores the length of its payload in *@len (0 for a skip
 * record); 0 if there is no record; or -EPROTO.
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
		/* A skip at the start of the ring would lead to itself. */
		return contig == cells ? -EPROTO : (int)contig;
	if (unlikely(!n || n > ivc_ring_room(contig)))
		return -EPROTO;
	*len = n;
	return (int)ivc_ring_cells(n);
}

/*
 * Check the word @reader_pos of a peer against the record at its position, for
 * which ivc_ring_parse() has returned @ret and a payload of @len bytes. All
 * code that interprets the word calls this function. A reader that has begun no
 * record has used none of its bytes; a reader that has used all bytes of a
 * record is at the next one.
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
