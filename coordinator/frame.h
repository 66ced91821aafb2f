/* SPDX-License-Identifier: MIT */
/*
 * What two coordinators say to each other: docs/reference/mpi-protocol.md, 3.
 * The same frame goes over the network, as one message, and through a channel,
 * as one record. Little-endian. A frame is a peer's word until frame_check()
 * took it.
 */
#ifndef COORD_FRAME_H
#define COORD_FRAME_H

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

enum frame_type {
	FRAME_DATA = 1,	   /* `tag`, payload: the only one in a channel */
	FRAME_FLUSH = 2,   /* what follows comes through channel `gen` */
	FRAME_STOP = 3,	   /* no more than `bytes` comes through it */
	FRAME_DRAINED = 4, /* these have been read */
	FRAME_BACK = 5,	   /* what follows `bytes` comes by the network */
};

struct frame {
	uint32_t len; /* of what follows this header */
	uint8_t type;
	uint8_t tag;
	uint16_t pad; /* bytes of that, at its end, to be left; DATA only */
};

/* What follows the header in all but DATA. */
struct frame_mark {
	uint32_t gen;
	uint32_t reserved; /* 0 */
	uint64_t bytes;	   /* of DATA frames, headers included; FLUSH: 0 */
};

/* The first bytes each way on a channel; no frame, and not counted. */
#define HELLO_MAGIC 0x484d5649u /* "IVMH" */

struct hello {
	uint32_t magic;
	uint32_t gen;
	uint64_t name;	 /* who says it */
	uint8_t key[16]; /* of who is to hear it: only the job knows it */
	uint32_t frame_max;
	uint32_t reserved; /* 0 */
};

_Static_assert(sizeof(struct frame) == 8, "frame");
_Static_assert(sizeof(struct frame_mark) == 16, "frame_mark");
/* With the ring's header it fits into one cell, so it is never torn. */
_Static_assert(sizeof(struct hello) == 40, "hello");

/*
 * One word, so one store: a word that is read back while it is several waits
 * until all of them, and all before them, have reached the cache.
 */
static inline struct frame frame_head(uint8_t type, uint8_t tag, size_t len,
				      uint16_t pad)
{
	uint64_t word = (uint32_t)len | (uint64_t)type << 32 |
			(uint64_t)tag << 40 | (uint64_t)pad << 48;
	struct frame f;

	word = htole64(word);
	memcpy(&f, &word, sizeof(f));
	return f;
}

/*
 * Take the header of the frame that begins at @at and of which @have bytes are
 * there; @max is the longest frame, header included. Returns its length with
 * the header, 0 if it is longer than @have, or -EPROTO.
 */
static inline ssize_t frame_check(struct frame *f, const void *at, size_t have,
				  size_t max)
{
	size_t len;

	if (have < sizeof(*f))
		return 0;
	/* Once: memory that a peer can write may change. */
	memcpy(f, at, sizeof(*f));
	len = sizeof(*f) + le32toh(f->len);
	f->pad = le16toh(f->pad);
	if (len > max || f->pad > len - sizeof(*f) || f->type < FRAME_DATA ||
	    f->type > FRAME_BACK)
		return -EPROTO;
	if (f->type != FRAME_DATA &&
	    (f->tag || f->pad || len != sizeof(*f) + sizeof(struct frame_mark)))
		return -EPROTO;
	return len <= have ? (ssize_t)len : 0;
}

#endif /* COORD_FRAME_H */
