/* SPDX-License-Identifier: MIT */
/* Lock a mutex, or give up at a point in time. */
#ifndef IVC_TIMEDLOCK_H
#define IVC_TIMEDLOCK_H

#include <pthread.h>
#include <time.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define IVC_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define IVC_TSAN
#endif

#ifdef IVC_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/*
 * Wait until @ts of CLOCK_MONOTONIC; pthread_mutex_timedlock() only knows
 * CLOCK_REALTIME. ThreadSanitizer has no interceptor for
 * pthread_mutex_clocklock() and would report the unlock as an error and all
 * guarded accesses as races, so the annotations tell it of the lock.
 */
static inline int ivc_lock_until(pthread_mutex_t *lock,
				 const struct timespec *ts)
{
	int ret = pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, ts);

#ifdef IVC_TSAN
	if (!ret) {
		__tsan_mutex_pre_lock(lock, __tsan_mutex_try_lock);
		__tsan_mutex_post_lock(lock, __tsan_mutex_try_lock, 0);
	}
#endif
	return ret;
}

#endif /* IVC_TIMEDLOCK_H */
