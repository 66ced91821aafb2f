/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzzers share. Each is a libFuzzer target. Its input is a script:
 * the calls of an honest end, and what the peer writes between them, byte by
 * byte, so that mutation explores the calls (make fuzz; run.sh).
 *
 * The memory of a ring stands between inaccessible pages, buffers have exactly
 * the length that is passed, and everything runs under the address and the
 * undefined behaviour sanitizer.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <ivc/protocol/ring.h>

/* If @cond is false the fuzzer stores the input as a crash. */
#define must(cond) fuzz_must((cond), #cond, __FILE__, __LINE__)

static inline void fuzz_must(bool ok, const char *what, const char *file,
			     int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* The rest of the input; past its end all bytes are 0. */
struct script {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t take8(struct script *s)
{
	if (!s->left)
		return 0;
	s->left--;
	return *s->p++;
}

static inline uint32_t take32(struct script *s)
{
	uint32_t v = 0;
	int i;

	for (i = 0; i < 4; i++)
		v |= (uint32_t)take8(s) << (8 * i);
	return v;
}

/* A length of at most @max, often small, often near a whole number of cells. */
static inline uint32_t take_len(struct script *s, uint32_t max)
{
	uint32_t a = take8(s);
	uint32_t n = a < 128 ? a : (a & 127) * 64 + take8(s) % 8 - 4;

	return n > max ? max : n;
}

/*
 * Store in *@p an area of @size zeroed bytes, whole pages between guards. The
 * area of an earlier run is zeroed and used again.
 */
void guarded(void *p, size_t size);
void *exact(size_t len);

/* Does the peer write all the time in this run (IVC_FUZZ_STORM)? */
bool stormy(void);

/*
 * One change by the peer to its ring at @data of @cells cells, as the script
 * says, often nearly right. @pos is the position of the honest end.
 */
void scribble_ring(struct script *s, uint8_t *data, uint32_t cells,
		   uint32_t pos);
/* One change to its control page. The honest end has written up to @sent. */
void scribble_ctrl(struct script *s, struct ivc_ctrl *ctrl, uint32_t sent);

/* A thread that makes the same changes by the same script, at full speed. */
struct storm;
struct storm *storm_begin(struct script *s, uint8_t *data, uint32_t cells,
			  struct ivc_ctrl *ctrl);
/* The position of the honest end, so that the thread writes there. */
void storm_aim(struct storm *st, uint32_t rx_pos, uint32_t tx_pos);
void storm_end(struct storm *st);

#endif
