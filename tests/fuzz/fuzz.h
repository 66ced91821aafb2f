/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzzers share. Each is a libFuzzer target: its input is a script of
 * what an honest end does and what the peer has scribbled meanwhile, byte after
 * byte, so that mutation of it finds its way (make fuzz; run.sh).
 *
 * The memory of a ring stands between pages that cannot be touched, buffers are
 * exactly as long as they say, and all of it runs under the address and the
 * undefined behaviour sanitizer.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <ivc/protocol/ring.h>

/* What must hold, or the input is kept by the fuzzer as a crash. */
#define must(cond) fuzz_must((cond), #cond, __FILE__, __LINE__)

static inline void fuzz_must(bool ok, const char *what, const char *file,
			     int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* The rest of the input; behind its end everything is 0. */
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

/* A length that is often small, often that of a cell, at most @max. */
static inline uint32_t take_len(struct script *s, uint32_t max)
{
	uint32_t a = take8(s);
	uint32_t n = a < 128 ? a : (a & 127) * 64 + take8(s) % 8 - 4;

	return n > max ? max : n;
}

/*
 * @size bytes, zeroed, whole pages between guards, into *@p; what is there
 * already, from the run before, is zeroed.
 */
void guarded(void *p, size_t size);
void *exact(size_t len);

/* Is this a run in which the peer scribbles all the while (IVC_FUZZ_STORM)? */
bool stormy(void);

/*
 * The peer's hand on its ring at @data of @cells cells, where the honest end
 * stands at @pos: one scribble as the script says, often nearly right.
 */
void scribble_ring(struct script *s, uint8_t *data, uint32_t cells,
		   uint32_t pos);
/* And on its control page; @sent: the honest end has written up to there. */
void scribble_ctrl(struct script *s, struct ivc_ctrl *ctrl, uint32_t sent);

/* A thread that does the same with the same script, at full speed. */
struct storm;
struct storm *storm_begin(struct script *s, uint8_t *data, uint32_t cells,
			  struct ivc_ctrl *ctrl);
/* Where the honest end stands now, so that the storm hits. */
void storm_aim(struct storm *st, uint32_t rx_pos, uint32_t tx_pos);
void storm_end(struct storm *st);

#endif
