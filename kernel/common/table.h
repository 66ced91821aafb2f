/* SPDX-License-Identifier: GPL-2.0 */
/* A table of what is numbered, at the end of both modules. */
#ifndef IVC_TABLE_H
#define IVC_TABLE_H

#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/types.h>
#include <linux/xarray.h>

/*
 * Both modules are for 64-bit kernels: the backend finds a member by its 64-bit
 * number, which is a key of unsigned long, and both load and store member
 * numbers and the headers of records, 8 bytes, in one piece.
 */
static_assert(sizeof(unsigned long) == sizeof(u64));

/*
 * By then nothing may be in it. But an insertion that had no memory for all the
 * nodes on its way may have left the first of them, which is nobody's.
 */
static inline void ivc_table_end(struct xarray *xa)
{
	unsigned long nr = 0;

	WARN_ON(xa_find(xa, &nr, ULONG_MAX, XA_PRESENT));
	xa_destroy(xa);
}

#endif /* IVC_TABLE_H */
