/* SPDX-License-Identifier: MIT */
/*
 * Move a written record to the shared cache while its writer waits (CLDEMOTE).
 *
 * The lines that a thread has written are in the private cache of its core. A
 * reader on another core requests them one by one, and each request has to find
 * that private cache. A thread that has written one record of several lines,
 * and then finds nothing to read, waits for an answer. It has time to demote
 * the lines to the cache that both cores share. x86's CLDEMOTE is a hint: it
 * only moves a line, never faults, and does nothing on a CPU without support.
 *
 * The thread must have nothing else to do, since demoting a stream takes ten
 * times as long as writing it. So the first poll that finds nothing, which can
 * be chance, demotes nothing; the second poll demotes the record. If several
 * records were written since the last poll, none is demoted. The gain is in
 * docs/internals/performance.md.
 *
 * Only the thread that wrote the record demotes it. With any other thread that
 * polls, the line that holds these fields would move between two cores for each
 * record. All accesses are relaxed: a stale field leads at worst to a hint for
 * the wrong lines.
 */
#ifndef IVC_CLDEMOTE_H
#define IVC_CLDEMOTE_H

#include "channel.h"

#define IVC_DEMOTE_CELLS 65 /* 4 KiB and its header; more gains nothing */
#define IVC_DEMOTE_NONE ((uintptr_t)1)

#if defined(__x86_64__)
#define IVC_DEMOTES 1
static inline uintptr_t ivc_demote_self(void)
{
	return (uintptr_t)__builtin_thread_pointer();
}
static inline void ivc_demote_line(const uint8_t *line)
{
	__asm__ __volatile__("cldemote %0" : : "m"(*line));
}
#else
#define IVC_DEMOTES 0
static inline uintptr_t ivc_demote_self(void)
{
	return 0;
}
static inline void ivc_demote_line(const uint8_t *line)
{
	(void)line;
}
#endif

/* The record from @cell to the present position has been written. */
static inline void ivc_demote_written(struct ivc_channel *ch,
				      const uint8_t *cell)
{
	uintptr_t self = ivc_demote_self();

	if (!IVC_DEMOTES)
		return;
	if (ivc_load(&ch->writer) != self)
		ivc_store(&ch->writer, self);
	ivc_store(&ch->demote_polled, false);
	ivc_store(&ch->demote_end, (uintptr_t)ch->tx.cell);
	ivc_store(&ch->demote,
		  ivc_load(&ch->demote) ? IVC_DEMOTE_NONE : (uintptr_t)cell);
}

/* The part of ivc_demote_idle() that is rarely run. */
static inline void ivc_demote_record(struct ivc_channel *ch)
{
	uintptr_t cell = ivc_load(&ch->demote), end = ivc_load(&ch->demote_end);

	if (!ivc_load(&ch->demote_polled)) {
		ivc_store(&ch->demote_polled, true);
		return;
	}
	ivc_store(&ch->demote, 0);
	/* A record at the end of the ring has end < cell: leave it alone. */
	if (cell != IVC_DEMOTE_NONE && end > cell &&
	    end - cell <= IVC_DEMOTE_CELLS * IVC_CELL)
		for (; cell < end; cell += IVC_CELL)
			ivc_demote_line((const uint8_t *)cell);
}

/* This thread has polled, and found nothing to read. */
static inline void ivc_demote_idle(struct ivc_channel *ch)
{
	if (IVC_DEMOTES && ivc_load(&ch->writer) == ivc_demote_self() &&
	    ivc_load(&ch->demote))
		ivc_demote_record(ch);
}

#endif /* IVC_CLDEMOTE_H */
