/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-ioctl: an unprivileged process that uses /dev/ivc in every way that a
 * process can use a device. Many threads share descriptors and mappings, and
 * close, unmap, duplicate and fork them while other threads use them.
 *
 *   ioctl.c    descriptors: open, ioctl, poll, close, fork; the threads
 *   memory.c   mappings: mmap, mremap, mprotect, munmap, /proc/self/mem
 *
 * No step may take longer than 15 s, or longer where a backend does not answer.
 * All other faults show in the kernel's log.
 */
#ifndef HOSTILE_IOCTL_H
#define HOSTILE_IOCTL_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s;
};

static inline uint32_t rnd(struct rng *r)
{
	r->s ^= r->s << 13;
	r->s ^= r->s >> 7;
	r->s ^= r->s << 17;
	return (uint32_t)(r->s >> 24);
}

static inline uint32_t below(struct rng *r, uint32_t n)
{
	return rnd(r) % n;
}

/* memory.c. Fault handlers, once per process. */
void memory_begin(void);
/* Map a part of @fd, or change an existing mapping. */
void memory_map(struct rng *r, int fd);
void memory_step(struct rng *r);
/* An address for an argument: on the stack, in a mapping, or invalid. */
void *memory_any(struct rng *r, void *good);

#endif
