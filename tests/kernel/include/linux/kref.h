/* SPDX-License-Identifier: GPL-2.0 */
/* Counts of references: one that is raised from 0 or falls below ends it all.
 */
#ifndef STUB_LINUX_KREF_H
#define STUB_LINUX_KREF_H

#include <linux/kernel.h>

typedef struct {
	int refs;
} refcount_t;

#define REFCOUNT_INIT(n)                                                       \
	{                                                                      \
		n                                                              \
	}

static inline void refcount_set(refcount_t *r, int n)
{
	WRITE_ONCE(r->refs, n);
}

static inline int refcount_read(const refcount_t *r)
{
	return READ_ONCE(r->refs);
}

static inline void refcount_inc(refcount_t *r)
{
	BUG_ON(__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED) <= 0);
}

static inline bool refcount_inc_not_zero(refcount_t *r)
{
	int old = READ_ONCE(r->refs);

	while (old > 0)
		if (__atomic_compare_exchange_n(&r->refs, &old, old + 1, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static inline bool refcount_dec_and_test(refcount_t *r)
{
	int old = __atomic_fetch_sub(&r->refs, 1, __ATOMIC_ACQ_REL);

	BUG_ON(old <= 0);
	return old == 1;
}

struct kref {
	refcount_t count;
};

static inline void kref_init(struct kref *k)
{
	refcount_set(&k->count, 1);
}

static inline void kref_get(struct kref *k)
{
	refcount_inc(&k->count);
}

static inline bool kref_get_unless_zero(struct kref *k)
{
	return refcount_inc_not_zero(&k->count);
}

static inline unsigned int kref_read(const struct kref *k)
{
	return (unsigned int)refcount_read(&k->count);
}

static inline int kref_put(struct kref *k, void (*release)(struct kref *k))
{
	if (!refcount_dec_and_test(&k->count))
		return 0;
	release(k);
	return 1;
}

typedef struct {
	int counter;
} atomic_t;

#define ATOMIC_INIT(n)                                                         \
	{                                                                      \
		n                                                              \
	}
#define atomic_read(a) READ_ONCE((a)->counter)
#define atomic_set(a, n) WRITE_ONCE((a)->counter, n)
#define atomic_inc(a)                                                          \
	((void)__atomic_fetch_add(&(a)->counter, 1, __ATOMIC_SEQ_CST))
#define atomic_dec(a)                                                          \
	((void)__atomic_fetch_sub(&(a)->counter, 1, __ATOMIC_SEQ_CST))
#define atomic_inc_return(a)                                                   \
	__atomic_add_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic_dec_return(a)                                                   \
	__atomic_sub_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic_add_return(n, a)                                                \
	__atomic_add_fetch(&(a)->counter, n, __ATOMIC_SEQ_CST)
#define atomic_sub_return(n, a)                                                \
	__atomic_sub_fetch(&(a)->counter, n, __ATOMIC_SEQ_CST)
#define atomic_dec_and_test(a) (atomic_dec_return(a) == 0)

#endif
