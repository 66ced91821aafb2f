/* SPDX-License-Identifier: GPL-2.0 */
/* Numbered entries: a sorted array, stub/xarray.c. */
#ifndef STUB_LINUX_XARRAY_H
#define STUB_LINUX_XARRAY_H

#include <linux/mutex.h>
#include <linux/slab.h>

struct stub_xa_entry {
	unsigned long index;
	void *entry;
};

struct xarray {
	spinlock_t xa_lock;
	pthread_mutex_t inner; /* a look needs no xa_lock */
	unsigned int flags;
	size_t nr, room;
	struct stub_xa_entry *at;
};

struct xa_limit {
	u32 max, min;
};

typedef unsigned int xa_mark_t;

#define XA_PRESENT 8u
#define XA_FLAGS_ALLOC 1u
#define XA_FLAGS_ALLOC1 2u
#define XA_LIMIT(lo, hi)                                                       \
	(struct xa_limit)                                                      \
	{                                                                      \
		.max = (hi), .min = (lo)                                       \
	}
#define xa_limit_32b XA_LIMIT(0, U32_MAX)
#define XARRAY_INIT(name, f)                                                   \
	{                                                                      \
		.xa_lock = __SPIN_LOCK_UNLOCKED(name),                         \
		.inner = PTHREAD_MUTEX_INITIALIZER, .flags = (f)               \
	}
#define DEFINE_XARRAY(name) struct xarray name = XARRAY_INIT(name, 0)
#define DEFINE_XARRAY_ALLOC(name)                                              \
	struct xarray name = XARRAY_INIT(name, XA_FLAGS_ALLOC)

void xa_init_flags(struct xarray *xa, gfp_t flags);
void xa_destroy(struct xarray *xa);
void *xa_load(struct xarray *xa, unsigned long index);
int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_erase(struct xarray *xa, unsigned long index);
void *__xa_erase(struct xarray *xa, unsigned long index);
int xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
	     gfp_t gfp);
int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		    struct xa_limit limit, u32 *next, gfp_t gfp);
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      xa_mark_t mark);
void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
		    xa_mark_t mark);

static inline void xa_init(struct xarray *xa)
{
	xa_init_flags(xa, 0);
}

static inline bool xa_empty(const struct xarray *xa)
{
	return !xa->nr;
}

static inline bool xa_is_err(const void *entry)
{
	return IS_ERR(entry);
}

static inline int xa_err(void *entry)
{
	return IS_ERR(entry) ? (int)PTR_ERR(entry) : 0;
}

#define xa_lock(xa) spin_lock(&(xa)->xa_lock)
#define xa_unlock(xa) spin_unlock(&(xa)->xa_lock)
#define xa_for_each(xa, index, entry)                                          \
	for (index = 0, entry = xa_find(xa, &index, ULONG_MAX, XA_PRESENT);    \
	     entry; entry = xa_find_after(xa, &index, ULONG_MAX, XA_PRESENT))

#endif
