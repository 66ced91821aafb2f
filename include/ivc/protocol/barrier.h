/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The memory accesses by which two protection domains communicate.
 *
 * ring.h accesses every page that the other side can see through one of these.
 * In the kernel they are the kernel's own primitives, in user space the
 * compiler's C11 atomics. Both have the same meaning, so that the ring is one
 * piece of code in both.
 *
 *   ivc_load(p)        relaxed load in one piece: copy once, check the copy
 *   ivc_store(p, v)    relaxed store in one piece
 *   ivc_load_acq(p)    acquire: later accesses are not done before this load
 *   ivc_store_rel(p,v) release: an observer of this store also sees all
 *                      earlier stores
 *   ivc_fence()        full fence, also between a store and a later load
 *   ivc_in_order()     the compiler does not reorder; the CPU may
 *   ivc_relax()        a hint to the CPU, in the body of a polling loop
 */
#ifndef IVC_BARRIER_H
#define IVC_BARRIER_H

#ifdef __KERNEL__

#include <linux/compiler.h>
#include <linux/processor.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>

#define ivc_load(p) READ_ONCE(*(p))
#define ivc_store(p, v) WRITE_ONCE(*(p), (v))
/*
 * virt_, not smp_: smp_ is nothing in a kernel with one CPU, but the other side
 * may run on another CPU of the host.
 */
#define ivc_load_acq(p) virt_load_acquire(p)
#define ivc_store_rel(p, v) virt_store_release((p), (v))
#define ivc_fence() virt_mb()
#define ivc_in_order() barrier()
#define ivc_relax() cpu_relax()

#else

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ivc_load(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define ivc_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define ivc_load_acq(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define ivc_store_rel(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define ivc_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define ivc_in_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)

static inline void ivc_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb" ::: "memory");
#endif
}

#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#endif /* __KERNEL__ */

#endif /* IVC_BARRIER_H */
