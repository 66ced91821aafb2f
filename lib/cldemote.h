/* SPDX-License-Identifier: MIT */
/*
 * Lines on their way to the reader before it asks.
 *
 * What a thread has written stands in its own core's cache; a reader on another
 * core asks for it line by line, and each line has to be found and fetched. A
 * thread that has written one record of several lines and then finds nothing to
 * read waits for the answer, and has the time to push the lines out to the
 * cache that both cores share (x86's CLDEMOTE, a hint: it changes nothing but
 * where a line is, faults on nothing, and does nothing on a CPU that has it
 * not).
 *
 * Never while there is something else to do: pushing a stream takes ten times
 * as long as writing it. So the first look that finds nothing may be chance, at
 * the second the record goes out, and of several records written since then
 * none. docs/internals/performance.md has what it gives.
 *
 * Only the thread that wrote pushes: another one that polls would take the line
 * in which this is noted from the writer with each record. All accesses are
 * relaxed: the worst that a stale word does is a hint for the wrong lines.
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

/* What begins at @cell, and ends where the ring goes on, has been written. */
static inline void ivc_demote_written(struct ivc_channel *ch,
				      const uint8_t *cell)
{
	uintptr_t self = ivc_demote_self();

	if (!IVC_DEMOTES)
		return;
	if (ivc_load(&ch->writer) != self)
		ivc_store(&ch->writer, self);
	ivc_store(&ch->demote_looked, false);
	ivc_store(&ch->demote_end, (uintptr_t)ch->tx.cell);
	ivc_store(&ch->demote,
		  ivc_load(&ch->demote) ? IVC_DEMOTE_NONE : (uintptr_t)cell);
}

/* The other half of ivc_demote_idle(). */
static inline void ivc_demote_record(struct ivc_channel *ch)
{
	uintptr_t cell = ivc_load(&ch->demote), end = ivc_load(&ch->demote_end);

	if (!ivc_load(&ch->demote_looked)) {
		ivc_store(&ch->demote_looked, true);
		return;
	}
	ivc_store(&ch->demote, 0);
	/* At the end of the ring `end` is its beginning: that one stays. */
	if (cell != IVC_DEMOTE_NONE && end > cell &&
	    end - cell <= IVC_DEMOTE_CELLS * IVC_CELL)
		for (; cell < end; cell += IVC_CELL)
			ivc_demote_line((const uint8_t *)cell);
}

/* There is nothing to read. */
static inline void ivc_demote_idle(struct ivc_channel *ch)
{
	if (IVC_DEMOTES && ivc_load(&ch->writer) == ivc_demote_self() &&
	    ivc_load(&ch->demote))
		ivc_demote_record(ch);
}

#endif /* IVC_CLDEMOTE_H */
