/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Locks. A mutex that is taken twice by a thread, or is let go of by one that
 * has it not, ends the program; so does a sleep under a spinlock.
 */
#ifndef STUB_LINUX_MUTEX_H
#define STUB_LINUX_MUTEX_H

#include <pthread.h>

#include <linux/kernel.h>

struct mutex {
	pthread_mutex_t m;
};

#define __MUTEX_INITIALIZER(name)                                              \
	{                                                                      \
		PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP                        \
	}
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

void mutex_init(struct mutex *m);
void mutex_destroy(struct mutex *m);
void mutex_lock(struct mutex *m);
int mutex_lock_killable(struct mutex *m);
int mutex_lock_interruptible(struct mutex *m);
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
bool mutex_is_locked(struct mutex *m);

typedef struct spinlock {
	pthread_mutex_t m;
} spinlock_t;

#define __SPIN_LOCK_UNLOCKED(name)                                             \
	{                                                                      \
		PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP                        \
	}
#define DEFINE_SPINLOCK(name) spinlock_t name = __SPIN_LOCK_UNLOCKED(name)

void spin_lock_init(spinlock_t *l);
void spin_lock(spinlock_t *l);
void spin_unlock(spinlock_t *l);
bool spin_trylock(spinlock_t *l);

#define spin_lock_bh(l) spin_lock(l)
#define spin_unlock_bh(l) spin_unlock(l)
#define spin_lock_irq(l) spin_lock(l)
#define spin_unlock_irq(l) spin_unlock(l)
#define spin_lock_irqsave(l, flags) ((flags) = 0, spin_lock(l))
#define spin_unlock_irqrestore(l, flags) ((void)(flags), spin_unlock(l))

struct rw_semaphore {
	pthread_rwlock_t l;
};

#define __RWSEM_INITIALIZER(name)                                              \
	{                                                                      \
		PTHREAD_RWLOCK_INITIALIZER                                     \
	}
#define DECLARE_RWSEM(name) struct rw_semaphore name = __RWSEM_INITIALIZER(name)

void init_rwsem(struct rw_semaphore *s);
void down_read(struct rw_semaphore *s);
void up_read(struct rw_semaphore *s);
void down_write(struct rw_semaphore *s);
void up_write(struct rw_semaphore *s);

#ifdef IVC_LOCKDEP
#define lockdep_assert_held(l) BUG_ON(!mutex_is_locked(l))
#else
#define lockdep_assert_held(l) ((void)(l))
#endif

#endif
