/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every driver takes for granted: macros, errors as pointers, messages,
 * single accesses and barriers, the module's two functions.
 */
#ifndef STUB_LINUX_KERNEL_H
#define STUB_LINUX_KERNEL_H

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <linux/errno.h>
#include <linux/types.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#ifndef fallthrough
#define fallthrough __attribute__((__fallthrough__))
#endif

#undef static_assert
#define static_assert(e, ...) _Static_assert(e, #e)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define ALIGN(n, a) (((n) + (a)-1) & ~((typeof(n))(a)-1))
#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX
#define struct_size(p, member, n) (sizeof(*(p)) + sizeof((p)->member[0]) * (n))
#define container_of(p, type, member)                                          \
	((type *)((char *)(p)-offsetof(type, member)))
#define ilog2(n) (63 - __builtin_clzll(n))

#define swap(a, b)                                                             \
	do {                                                                   \
		typeof(a) tmp_ = (a);                                          \
                                                                               \
		(a) = (b);                                                     \
		(b) = tmp_;                                                    \
	} while (0)
#define min_t(type, a, b)                                                      \
	({                                                                     \
		type a_ = (a), b_ = (b);                                       \
		a_ < b_ ? a_ : b_;                                             \
	})
#define max_t(type, a, b)                                                      \
	({                                                                     \
		type a_ = (a), b_ = (b);                                       \
		a_ > b_ ? a_ : b_;                                             \
	})
#define min(a, b) min_t(typeof(a), a, b)
#define max(a, b) max_t(typeof(a), a, b)

/* Atomic for the sanitizers, not only volatile. */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
/*
 * There is no smp_mb() and the like: those are nothing in a kernel for one CPU,
 * and the drivers share rings with other domains. These two are for what one
 * kernel's CPUs share.
 */
#define smp_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define virt_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define virt_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define virt_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define virt_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define virt_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define cmpxchg(p, old, new)                                                   \
	({                                                                     \
		typeof(*(p)) old_ = (old);                                     \
		__atomic_compare_exchange_n((p), &old_, (new), false,          \
					    __ATOMIC_SEQ_CST,                  \
					    __ATOMIC_SEQ_CST);                 \
		old_;                                                          \
	})
#define cpu_relax() __builtin_ia32_pause()

/* Another thread may run here, and often does: stub/thread.c. */
void cond_resched(void);
/* Ends the program if the thread holds a spinlock or is an irq handler. */
void might_sleep(void);
void usleep_range(unsigned long min_us, unsigned long max_us);
void msleep(unsigned int ms);

static inline void *ERR_PTR(long err)
{
	return (void *)err;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-MAX_ERRNO;
}

static inline bool IS_ERR_OR_NULL(const void *p)
{
	return !p || IS_ERR(p);
}

static inline int PTR_ERR_OR_ZERO(const void *p)
{
	return IS_ERR(p) ? (int)PTR_ERR(p) : 0;
}

#define ERR_CAST(p) ((void *)(p))

ssize_t strscpy(char *to, const char *from, size_t size);
char *strsep(char **rest, const char *delim);
int kstrtouint(const char *s, unsigned int base, unsigned int *to);

#define memset_after(obj, v, member)                                           \
	memset((char *)(obj) + offsetof(typeof(*(obj)), member) +              \
		       sizeof((obj)->member),                                  \
	       (v),                                                            \
	       sizeof(*(obj)) - offsetof(typeof(*(obj)), member) -             \
		       sizeof((obj)->member))

/* Messages are printed if STUB_LOG is set; a WARN or BUG ends the program. */
void stub_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void stub_bug(const char *what, const char *file, int line)
	__attribute__((noreturn));

#define pr_debug(...) stub_log(__VA_ARGS__)
#define pr_info(...) stub_log(__VA_ARGS__)
#define pr_warn(...) stub_log(__VA_ARGS__)
#define pr_err(...) stub_log(__VA_ARGS__)
#define pr_warn_once(...) stub_log(__VA_ARGS__)
#define pr_warn_ratelimited(...) stub_log(__VA_ARGS__)
#define pr_info_ratelimited(...) stub_log(__VA_ARGS__)
#define BUG_ON(e)                                                              \
	do {                                                                   \
		if (unlikely(e))                                               \
			stub_bug(#e, __FILE__, __LINE__);                      \
	} while (0)
#define WARN_ON(e)                                                             \
	({                                                                     \
		bool warn_ = !!(e);                                            \
		BUG_ON(warn_ &&#e);                                            \
		warn_;                                                         \
	})
#define WARN_ON_ONCE(e) WARN_ON(e)
#define WARN_ONCE(e, ...) WARN_ON(e)

/* STUB_DRIVER is the driver's folder: its two functions are named after it. */
struct module {
	u32 refs;
};
extern struct module stub_module_back, stub_module_front;
/* As rmmod, which fails until nobody holds it. */
void stub_module_unused(struct module *m);
#define THIS_MODULE (&STUB_PASTE(stub_module_, STUB_DRIVER, ))
#define STUB_PASTE2(a, b, c) a##b##c
#define STUB_PASTE(a, b, c) STUB_PASTE2(a, b, c)
#define module_init(fn)                                                        \
	int STUB_PASTE(stub_, STUB_DRIVER, _init)(void);                       \
	int STUB_PASTE(stub_, STUB_DRIVER, _init)(void)                        \
	{                                                                      \
		return fn();                                                   \
	}                                                                      \
	_Static_assert(1, "")
#define module_exit(fn)                                                        \
	void STUB_PASTE(stub_, STUB_DRIVER, _exit)(void);                      \
	void STUB_PASTE(stub_, STUB_DRIVER, _exit)(void)                       \
	{                                                                      \
		stub_module_unused(THIS_MODULE);                               \
		fn();                                                          \
	}                                                                      \
	_Static_assert(1, "")
#define module_param(name, type, mode) _Static_assert(1, "")
#define MODULE_PARM_DESC(name, text) _Static_assert(1, "")
#define MODULE_LICENSE(x) _Static_assert(1, "")
#define MODULE_VERSION(x) _Static_assert(1, "")
#define MODULE_DESCRIPTION(x) _Static_assert(1, "")
#define MODULE_ALIAS(x) _Static_assert(1, "")
#define MODULE_DEVICE_TABLE(type, ids) _Static_assert(1, "")

static inline void __module_get(struct module *m)
{
	if (m)
		__atomic_add_fetch(&m->refs, 1, __ATOMIC_SEQ_CST);
}

static inline bool try_module_get(struct module *m)
{
	__module_get(m);
	return true;
}

static inline void module_put(struct module *m)
{
	if (m)
		BUG_ON(!__atomic_fetch_sub(&m->refs, 1, __ATOMIC_SEQ_CST));
}

#endif
