/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kmalloc and its kin: the C library's, so that a sanitizer watches each
 * object. Every one of them may fail if stub_fail() says so, but with
 * __GFP_NOFAIL, and may sleep unless its flags say that it does not.
 */
#ifndef STUB_LINUX_SLAB_H
#define STUB_LINUX_SLAB_H

#include <linux/kernel.h>

#define GFP_KERNEL 1u
#define GFP_ATOMIC 2u
#define GFP_NOWAIT 4u
#define __GFP_ZERO 8u
#define __GFP_ACCOUNT 16u
#define __GFP_NOFAIL 32u
#define __GFP_NOWARN 64u
#define __GFP_RETRY_MAYFAIL 128u
#define __GFP_NORETRY 256u
#define GFP_NOIO 512u
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)

void *kmalloc(size_t size, gfp_t gfp) __attribute__((malloc));
void kfree(const void *p);

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | __GFP_ZERO);
}

static inline void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t all;

	return __builtin_mul_overflow(n, size, &all) ? NULL : kmalloc(all, gfp);
}

#define kcalloc(n, size, gfp) kmalloc_array(n, size, (gfp) | __GFP_ZERO)
#define kvmalloc(size, gfp) kmalloc(size, gfp)
#define kvzalloc(size, gfp) kzalloc(size, gfp)
#define kvmalloc_array(n, size, gfp) kmalloc_array(n, size, gfp)
#define kvcalloc(n, size, gfp) kcalloc(n, size, gfp)
#define kvfree(p) kfree(p)
#define vzalloc(size) kzalloc(size, GFP_KERNEL)
#define vfree(p) kfree(p)

#endif
