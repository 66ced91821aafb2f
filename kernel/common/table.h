/* SPDX-License-Identifier: GPL-2.0 */
/* Tables (xarrays) of numbered objects, in both modules. */
#ifndef IVC_TABLE_H
#define IVC_TABLE_H

#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/types.h>
#include <linux/xarray.h>

/*
 * Both modules need a 64-bit kernel: the backend finds a member by its 64-bit
 * number, which is a table's key of type unsigned long. Both modules load
 * and store member numbers and record headers, 8 bytes, in one piece.
 */
static_assert(sizeof(unsigned long) == sizeof(u64));

/*
 * Destroy a table, which must be empty. An insertion that found no memory for
 * all inner nodes may have left some of them in an empty table: xa_destroy()
 * frees those.
 */
static inline void ivc_table_end(struct xarray *xa)
{
	unsigned long nr = 0;

	WARN_ON(xa_find(xa, &nr, ULONG_MAX, XA_PRESENT));
	xa_destroy(xa);
}

#endif /* IVC_TABLE_H */
