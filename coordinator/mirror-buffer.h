/* SPDX-License-Identifier: MIT */
/*
 * A queue of bytes whose memory is mapped twice, one behind the other: what is
 * in it is contiguous wherever it begins, so there is no case of wrapping.
 */
#ifndef COORD_MIRROR_BUFFER_H
#define COORD_MIRROR_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct mirror {
	uint8_t *base;
	size_t size; /* a power of two, and of pages */
};

/* @size is rounded up. 0 or -errno. */
int mirror_init(struct mirror *m, size_t size);
/* One that was never initialised, but zeroed, is fine. */
void mirror_free(struct mirror *m);

/* Where the byte at @offset, free-running, is. Up to size bytes follow it. */
static inline uint8_t *mirror_at(const struct mirror *m, uint64_t offset)
{
	return m->base + (offset & (m->size - 1));
}

#endif /* COORD_MIRROR_BUFFER_H */
