/* SPDX-License-Identifier: GPL-2.0 */
/* See unit.h. */
#include <sys/mman.h>
#include <unistd.h>
#include "unit.h"

const uint32_t start_positions[] = { 0,		  1,	       63,
				     0x7fffffc0u, 0xffffc000u, 0xffffff80u,
				     0xffffffc1u, 0xfffffffeu, 0xffffffffu };
const int n_start_positions =
	sizeof(start_positions) / sizeof(start_positions[0]);

void pair_reset(struct pair *p, uint32_t start)
{
	memset(p->data, 0, p->size);
	memset(p->ctrl, 0, sizeof(*p->ctrl));
	ivc_tx_init(&p->tx, p->data, p->size, p->ctrl);
	ivc_rx_init(&p->rx, p->data, p->size, p->ctrl);
	ivc_tx_begin_at(&p->tx, start);
	ivc_rx_begin_at(&p->rx, start);
	p->ctrl->cons = start;
}

static void *must(void *p)
{
	if (!p || p == MAP_FAILED) {
		perror("memory");
		abort();
	}
	return p;
}

void pair_init(struct pair *p, uint32_t size, uint32_t start)
{
	memset(p, 0, sizeof(*p));
	p->size = size;
	p->data = must(aligned_alloc(IVC_CELL, size));
	p->ctrl = must(aligned_alloc(128, sizeof(*p->ctrl)));
	pair_reset(p, start);
}

void pair_guarded(struct pair *p, uint32_t size, uint32_t start)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map;

	memset(p, 0, sizeof(*p));
	p->size = size;
	p->map_size = size + 2 * page;
	map = must(mmap(NULL, p->map_size, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	p->map = map;
	p->data = map + page;
	if (mprotect(p->data, size, PROT_READ | PROT_WRITE))
		must(NULL);
	p->ctrl = must(aligned_alloc(128, sizeof(*p->ctrl)));
	pair_reset(p, start);
}

void pair_free(struct pair *p)
{
	if (p->map)
		munmap(p->map, p->map_size);
	else
		free(p->data);
	free(p->ctrl);
}

bool tx_one(struct ivc_tx *tx, const void *buf, uint32_t len)
{
	if (!ivc_ring_one(len, tx->cells))
		return false;
	if (ivc_ring_words(len))
		return ivc_tx_write_one(tx, buf, len, IVC_RING_WORDS);
	if (ivc_ring_line(len))
		return ivc_tx_write_one(tx, buf, len, IVC_RING_LINE);
	return ivc_tx_write_one(tx, buf, len, IVC_RING_ANY);
}

bool rx_one(struct ivc_rx *rx, void *buf, uint32_t len)
{
	bool turn, done;

	if (!ivc_ring_one(len, rx->cells))
		return false;
	if (ivc_ring_words(len))
		done = ivc_rx_read_one(rx, buf, len, IVC_RING_WORDS, &turn);
	else if (ivc_ring_line(len))
		done = ivc_rx_read_one(rx, buf, len, IVC_RING_LINE, &turn);
	else
		done = ivc_rx_read_one(rx, buf, len, IVC_RING_ANY, &turn);
	if (done && turn)
		ivc_rx_turn(rx);
	return done;
}

uint32_t pair_used(const struct pair *p)
{
	return p->tx.pos - p->ctrl->cons;
}

void bytes_fill(uint64_t seed, uint64_t at, void *buf, size_t len)
{
	uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = byte_at(seed, at + i);
}

void bytes_check(uint64_t seed, uint64_t at, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != byte_at(seed, at + i))
			ck_abort_msg("stream %llu, offset %llu: %#x, not %#x",
				     (unsigned long long)seed,
				     (unsigned long long)(at + i), p[i],
				     byte_at(seed, at + i));
}

void *exact(size_t len)
{
	return must(malloc(len ? len : 1));
}
