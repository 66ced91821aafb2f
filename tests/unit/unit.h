/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the unit tests share: a ring on plain memory, known bytes.
 *
 * The memory of a ring is exactly as large as it must be, so that a sanitizer
 * sees the first byte too far; where none runs, pair_guarded() puts it between
 * pages that cannot be touched.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <ivc/protocol/ring.h>

#include "../rng.h"

/* Both ends of one direction. */
struct pair {
	struct ivc_tx tx;
	struct ivc_rx rx;
	uint8_t *data;
	struct ivc_ctrl *ctrl; /* the consumer's */
	uint32_t size;
	void *map; /* of a guarded one */
	size_t map_size;
};

/* A ring of @size bytes whose positions start at @start, not at 0. */
void pair_init(struct pair *p, uint32_t size, uint32_t start);
void pair_guarded(struct pair *p, uint32_t size, uint32_t start);
void pair_free(struct pair *p);
/* Both private halves as at the start, the ring empty. */
void pair_reset(struct pair *p, uint32_t start);

/* The fast paths, with what their callers do besides. */
bool tx_one(struct ivc_tx *tx, const void *buf, uint32_t len);
bool rx_one(struct ivc_rx *rx, void *buf, uint32_t len);

/* Cells in use by what the consumer has published. */
uint32_t pair_used(const struct pair *p);

/* The byte at offset @at of stream @seed. */
static inline uint8_t byte_at(uint64_t seed, uint64_t at)
{
	uint64_t x = (seed + at / 8) * 0x9e3779b97f4a7c15ull;

	x ^= x >> 29;
	return (uint8_t)((x * 0xbf58476d1ce4e5b9ull) >> (at % 8 * 8));
}

void bytes_fill(uint64_t seed, uint64_t at, void *buf, size_t len);
/* Fails the test, naming the offset, if @buf is not that. */
void bytes_check(uint64_t seed, uint64_t at, const void *buf, size_t len);

/* Exactly @len bytes, 1 for none, on the heap. */
void *exact(size_t len);

static const uint32_t ring_sizes[] = { 4096, 65536, 1 << 20 };

#define N_RING_SIZES ((int)(sizeof(ring_sizes) / sizeof(ring_sizes[0])))

/* Positions at which something may go wrong: free-running, so anything. */
extern const uint32_t start_positions[];
extern const int n_start_positions;

Suite *suite_state(void);
Suite *suite_notice(void);
Suite *suite_layout(void);
Suite *suite_ring(void);
Suite *suite_zero_copy(void);
Suite *suite_model(void);
Suite *suite_threads(void);
Suite *suite_api(void);
Suite *suite_channel(void);
TCase *case_hostile_producer(void);
TCase *case_hostile_vandal(void);
TCase *case_hostile_consumer(void);

#endif
