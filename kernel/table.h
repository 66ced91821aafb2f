/* SPDX-License-Identifier: GPL-2.0 */
/* A table of what is numbered, at the end of both modules. */
#ifndef IVC_TABLE_H
#define IVC_TABLE_H

#include <linux/bug.h>
#include <linux/xarray.h>

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
