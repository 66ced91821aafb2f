// SPDX-License-Identifier: GPL-2.0
/*
 * Numbered entries in a sorted array. What takes xa_lock in Linux takes it here
 * (Documentation/core-api/xarray.rst, "Locking"); a look takes only the inner
 * lock, in the place of RCU.
 */
#include <stdlib.h>

#include "inner.h"

void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	memset(xa, 0, sizeof(*xa));
	spin_lock_init(&xa->xa_lock);
	pthread_mutex_init(&xa->inner, NULL);
	xa->flags = flags;
}

void xa_destroy(struct xarray *xa)
{
	free(xa->at);
	xa->at = NULL;
	xa->nr = 0;
	xa->room = 0;
}

/* Where the first entry is that is not below @index. */
static size_t place(const struct xarray *xa, unsigned long index)
{
	size_t lo = 0, hi = xa->nr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (xa->at[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_at(const struct xarray *xa, size_t i, unsigned long index)
{
	return i < xa->nr && xa->at[i].index == index;
}

static void put(struct xarray *xa, size_t i, unsigned long index, void *entry)
{
	if (xa->nr == xa->room) {
		xa->room = xa->room ? 2 * xa->room : 16;
		xa->at = realloc(xa->at, xa->room * sizeof(*xa->at));
		BUG_ON(!xa->at);
	}
	memmove(xa->at + i + 1, xa->at + i, (xa->nr - i) * sizeof(*xa->at));
	xa->at[i] = (struct stub_xa_entry){ index, entry };
	xa->nr++;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	void *entry;
	size_t i;

	stub_lock(&xa->inner);
	i = place(xa, index);
	entry = is_at(xa, i, index) ? xa->at[i].entry : NULL;
	stub_unlock(&xa->inner);
	return entry;
}

int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	int err = 0;
	size_t i;

	if (!stub_may_alloc(gfp))
		return -ENOMEM;
	xa_lock(xa);
	stub_lock(&xa->inner);
	i = place(xa, index);
	if (is_at(xa, i, index))
		err = -EBUSY;
	else
		put(xa, i, index, entry);
	stub_unlock(&xa->inner);
	xa_unlock(xa);
	return err;
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void *old = NULL;
	size_t i;

	if (!stub_may_alloc(gfp))
		return ERR_PTR(-ENOMEM);
	xa_lock(xa);
	stub_lock(&xa->inner);
	i = place(xa, index);
	if (is_at(xa, i, index)) {
		old = xa->at[i].entry;
		xa->at[i].entry = entry;
	} else {
		put(xa, i, index, entry);
	}
	stub_unlock(&xa->inner);
	xa_unlock(xa);
	return old;
}

void *__xa_erase(struct xarray *xa, unsigned long index)
{
	void *entry = NULL;
	size_t i;

	stub_lock(&xa->inner);
	i = place(xa, index);
	if (is_at(xa, i, index)) {
		entry = xa->at[i].entry;
		xa->nr--;
		memmove(xa->at + i, xa->at + i + 1,
			(xa->nr - i) * sizeof(*xa->at));
	}
	stub_unlock(&xa->inner);
	return entry;
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	void *entry;

	xa_lock(xa);
	entry = __xa_erase(xa, index);
	xa_unlock(xa);
	return entry;
}

/* The first free number from @lo on, up to @hi. */
static int get_free(struct xarray *xa, u32 lo, u32 hi, u32 *id)
{
	size_t i = place(xa, lo);
	u64 n = lo;

	while (is_at(xa, i, n)) {
		i++;
		n++;
	}
	if (n > hi)
		return -EBUSY;
	*id = (u32)n;
	return 0;
}

static int alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
		 u32 *next, gfp_t gfp)
{
	u32 lo = next ? max(*next, limit.min) : limit.min;
	int err, wrapped = 0;

	if (!stub_may_alloc(gfp))
		return -ENOMEM;
	xa_lock(xa);
	stub_lock(&xa->inner);
	err = get_free(xa, lo, limit.max, id);
	if (err && next) {
		wrapped = 1;
		err = get_free(xa, limit.min, limit.max, id);
	}
	if (!err) {
		put(xa, place(xa, *id), *id, entry);
		if (next)
			*next = *id + 1;
	}
	stub_unlock(&xa->inner);
	xa_unlock(xa);
	return err ?: wrapped;
}

int xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
	     gfp_t gfp)
{
	return alloc(xa, id, entry, limit, NULL, gfp);
}

int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		    struct xa_limit limit, u32 *next, gfp_t gfp)
{
	return alloc(xa, id, entry, limit, next, gfp);
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      xa_mark_t mark)
{
	void *entry = NULL;
	size_t i;

	(void)mark;
	stub_lock(&xa->inner);
	i = place(xa, *index);
	if (i < xa->nr && xa->at[i].index <= max) {
		*index = xa->at[i].index;
		entry = xa->at[i].entry;
	}
	stub_unlock(&xa->inner);
	return entry;
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
		    xa_mark_t mark)
{
	unsigned long from = *index + 1;
	void *entry;

	if (!from)
		return NULL;
	entry = xa_find(xa, &from, max, mark);
	if (entry)
		*index = from;
	return entry;
}
