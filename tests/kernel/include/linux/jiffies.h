/* SPDX-License-Identifier: GPL-2.0 */
/* Time: the machine's own monotonic clock. */
#ifndef STUB_LINUX_JIFFIES_H
#define STUB_LINUX_JIFFIES_H

#include <linux/kernel.h>

#undef HZ
#define HZ 250
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull

typedef s64 ktime_t;

ktime_t ktime_get(void);

static inline u64 ktime_get_ns(void)
{
	return (u64)ktime_get();
}

static inline s64 ktime_us_delta(ktime_t late, ktime_t early)
{
	return (late - early) / 1000;
}

static inline s64 ktime_ms_delta(ktime_t late, ktime_t early)
{
	return (late - early) / 1000000;
}

static inline unsigned long stub_jiffies(void)
{
	return (unsigned long)(ktime_get_ns() / (NSEC_PER_SEC / HZ));
}

#define jiffies stub_jiffies()

static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
	return DIV_ROUND_UP((unsigned long)ms * HZ, 1000);
}

static inline unsigned int jiffies_to_msecs(unsigned long j)
{
	return (unsigned int)(j * 1000 / HZ);
}

static inline unsigned long nsecs_to_jiffies(u64 ns)
{
	return (unsigned long)(ns / (NSEC_PER_SEC / HZ));
}

#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_after_eq(a, b) ((long)((a) - (b)) >= 0)
#define time_before_eq(a, b) time_after_eq(b, a)

#endif
