/* SPDX-License-Identifier: MIT */
/*
 * A queue of bytes whose memory is mapped twice, back to back. So the bytes in
 * it are contiguous from any position, and no caller handles a wrap.
 */
#ifndef COORD_MIRROR_BUFFER_H
#define COORD_MIRROR_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct mirror {
	uint8_t *base;
	size_t size; /* a power of two, at least a page */
};

/* Rounds @size up. Returns 0 or -errno. */
int mirror_init(struct mirror *m, size_t size);
/* A zeroed structure is fine. */
void mirror_free(struct mirror *m);

/*
 * Returns the address of the byte at the free-running @offset. Up to `size`
 * bytes are contiguous there.
 */
static inline uint8_t *mirror_at(const struct mirror *m, uint64_t offset)
{
	return m->base + (offset & (m->size - 1));
}

#endif /* COORD_MIRROR_BUFFER_H */
