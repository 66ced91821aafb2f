/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the unit tests share: a ring on plain memory, and known bytes.
 *
 * The memory of a ring is exactly as large as necessary, so that a sanitizer
 * reports an access to the first byte beyond. For runs without a sanitizer
 * pair_guarded() puts the ring between inaccessible pages.
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
/* Reset both ends to @start; the ring is empty. */
void pair_reset(struct pair *p, uint32_t start);

/* The fast paths, together with the work of their callers. */
bool tx_one(struct ivc_tx *tx, const void *buf, uint32_t len);
bool rx_one(struct ivc_rx *rx, void *buf, uint32_t len);

/* Cells in use, by the published positions. */
uint32_t pair_used(const struct pair *p);

/* The byte at offset @at of stream @seed. */
static inline uint8_t byte_at(uint64_t seed, uint64_t at)
{
	uint64_t x = (seed + at / 8) * 0x9e3779b97f4a7c15ull;

	x ^= x >> 29;
	return (uint8_t)((x * 0xbf58476d1ce4e5b9ull) >> (at % 8 * 8));
}

void bytes_fill(uint64_t seed, uint64_t at, void *buf, size_t len);
/* Fails the test, with the offset, if @buf has other bytes. */
void bytes_check(uint64_t seed, uint64_t at, const void *buf, size_t len);

/* Exactly @len bytes on the heap; 1 if @len is 0. */
void *exact(size_t len);

static const uint32_t ring_sizes[] = { 4096, 65536, 1 << 20 };

#define N_RING_SIZES ((int)(sizeof(ring_sizes) / sizeof(ring_sizes[0])))

/* Start positions near an overflow; positions are free-running. */
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
