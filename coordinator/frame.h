/* SPDX-License-Identifier: MIT */
/*
 * The frames between two coordinators: docs/reference/mpi-protocol.md, 3 and 4.
 * The same frame goes over the network as one message and through a channel as
 * one record. Little-endian. A frame's bytes are the peer's until frame_check()
 * has copied and checked the header.
 */
#ifndef COORD_FRAME_H
#define COORD_FRAME_H

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

enum frame_type {
	FRAME_DATA = 1,	   /* a message for `tag`; the only type in a channel */
	FRAME_FLUSH = 2,   /* the following frames come through lane `gen` */
	FRAME_STOP = 3,	   /* the lane ends after `bytes` bytes */
	FRAME_DRAINED = 4, /* the answer to STOP: they have been read */
	FRAME_BACK = 5,	   /* frames after `bytes` come over the network */
};

struct frame {
	uint32_t len; /* bytes after this header */
	uint8_t type;
	uint8_t tag;
	uint16_t pad; /* the last bytes of `len`, without meaning; DATA only */
};

/* The body of all frames but DATA. */
struct frame_mark {
	uint32_t gen;
	uint32_t reserved; /* 0 */
	uint64_t bytes;	   /* of DATA frames, headers included; FLUSH: 0 */
};

/* The first record each way of a channel. No frame, and not counted. */
#define HELLO_MAGIC 0x484d5649u /* "IVMH" */

struct hello {
	uint32_t magic;
	uint32_t gen;
	uint64_t name;	 /* the sender's */
	uint8_t key[16]; /* the receiver's, which only the job knows */
	uint32_t frame_max;
	uint32_t reserved; /* 0 */
};

_Static_assert(sizeof(struct frame) == 8, "frame");
_Static_assert(sizeof(struct frame_mark) == 16, "frame_mark");
/*
 * With the ring's header a hello fills one cell, so no reader sees a part of
 * it.
 */
_Static_assert(sizeof(struct hello) == 40, "hello");

/*
 * Makes the header as one word, stored at once. A reader that loads one word
 * where the writer made several stores waits until these, and all before them,
 * have reached the cache.
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
 * Copies and checks the header of the frame at @at, of which @have bytes are
 * there. @max is the longest frame, header included. Returns the length of the
 * frame with its header, 0 if more than @have, or -EPROTO.
 */
static inline ssize_t frame_check(struct frame *f, const void *at, size_t have,
				  size_t max)
{
	size_t len;

	if (have < sizeof(*f))
		return 0;
	/* A copy: the peer can change its memory at any time. */
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
