// SPDX-License-Identifier: GPL-2.0
/* Domains, threads, locks, and the end of the program. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "inner.h"

struct module stub_module_back, stub_module_front;

void stub_module_unused(struct module *m)
{
	STUB_WAIT_FOR(!READ_ONCE(m->refs));
}

_Thread_local struct stub_dom *stub_in_dom;
_Thread_local unsigned int stub_atomic;
LIST_HEAD(stub_doms);

static unsigned int jitter;

void stub_log(const char *fmt, ...)
{
	va_list args;

	if (!getenv("STUB_LOG"))
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
}

/* abort(), so that a debugger and the sanitizers' stacks are of use. */
void stub_bug(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

void stub_lock(pthread_mutex_t *m)
{
	BUG_ON(pthread_mutex_lock(m));
}

void stub_unlock(pthread_mutex_t *m)
{
	BUG_ON(pthread_mutex_unlock(m));
}

/* ------------------------------------------------------------- domains */

struct stub_dom *stub_dom_find(domid_t id)
{
	struct stub_dom *d;

	list_for_each_entry (d, &stub_doms, node)
		if (d->id == id)
			return d;
	return NULL;
}

struct stub_dom *stub_dom_new(domid_t id, bool pv)
{
	struct stub_dom *d = calloc(1, sizeof(*d));

	BUG_ON(!d);
	d->id = id;
	d->pv = pv;
	d->max_grants = STUB_REFS - 1;
	d->max_handles = STUB_REFS;
	d->max_ports = STUB_PORTS - 1;
	INIT_LIST_HEAD(&d->events);
	INIT_LIST_HEAD(&d->devices);
	INIT_LIST_HEAD(&d->drivers);
	stub_lock(&stub_xen);
	BUG_ON(stub_dom_find(id));
	list_add_tail(&d->node, &stub_doms);
	stub_unlock(&stub_xen);
	stub_start_events(d);
	stub_start_store(d);
	return d;
}

domid_t stub_domid(const struct stub_dom *d)
{
	return d->id;
}

void stub_enter(struct stub_dom *d)
{
	stub_in_dom = d;
}

struct stub_dom *stub_current(void)
{
	BUG_ON(!stub_in_dom);
	return stub_in_dom;
}

bool xen_domain(void)
{
	return true;
}

bool xen_pv_domain(void)
{
	return stub_current()->pv;
}

/* ------------------------------------------------------------- threads */

struct start {
	struct stub_dom *dom;
	void *(*fn)(void *arg);
	void *arg;
};

static void *run(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	stub_enter(s.dom);
	return s.fn(s.arg);
}

void stub_spawn(struct stub_dom *d, void *(*fn)(void *arg), void *arg,
		pthread_t *t)
{
	struct start *s = malloc(sizeof(*s));

	BUG_ON(!s);
	*s = (struct start){ d, fn, arg };
	BUG_ON(pthread_create(t, NULL, run, s));
}

pthread_t stub_thread(struct stub_dom *d, void *(*fn)(void *arg), void *arg)
{
	pthread_t t;

	stub_spawn(d, fn, arg, &t);
	return t;
}

void stub_join(pthread_t t)
{
	BUG_ON(pthread_join(t, NULL));
}

void stub_jitter(unsigned int us)
{
	WRITE_ONCE(jitter, us);
}

static void (*hook)(void);

void stub_at_pause(void (*fn)(void))
{
	/* Release pairs with stub_act(): what @fn uses is there. */
	__atomic_store_n(&hook, fn, __ATOMIC_RELEASE);
}

void stub_act(void)
{
	void (*fn)(void) = __atomic_load_n(&hook, __ATOMIC_ACQUIRE);

	if (fn)
		fn();
}

void stub_pause(void)
{
	unsigned int us = READ_ONCE(jitter);

	stub_act();
	if (us && !stub_random(4))
		usleep(stub_random(us) + 1);
}

void cond_resched(void)
{
	might_sleep();
	stub_pause();
}

void might_sleep(void)
{
	BUG_ON(stub_atomic && "sleeps under a spinlock or in an interrupt");
}

void usleep_range(unsigned long min_us, unsigned long max_us)
{
	might_sleep();
	usleep(min_us + stub_random((u32)(max_us - min_us + 1)));
}

void msleep(unsigned int ms)
{
	might_sleep();
	usleep(ms * 1000);
}

ktime_t ktime_get(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ktime_t)ts.tv_sec * (ktime_t)NSEC_PER_SEC + ts.tv_nsec;
}

/* --------------------------------------------------------------- locks */

static void error_checking(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	BUG_ON(pthread_mutex_init(m, &attr));
	pthread_mutexattr_destroy(&attr);
}

void mutex_init(struct mutex *m)
{
	error_checking(&m->m);
}

void mutex_destroy(struct mutex *m)
{
	pthread_mutex_destroy(&m->m);
}

void mutex_lock(struct mutex *m)
{
	might_sleep();
	stub_pause();
	stub_lock(&m->m);
}

int mutex_lock_killable(struct mutex *m)
{
	struct timespec ts;

	might_sleep();
	for (;;) {
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += 5000000;
		if (ts.tv_nsec >= 1000000000) {
			ts.tv_nsec -= 1000000000;
			ts.tv_sec++;
		}
		if (!pthread_mutex_timedlock(&m->m, &ts))
			return 0;
		if (stub_killed())
			return -EINTR;
	}
}

int mutex_lock_interruptible(struct mutex *m)
{
	return mutex_lock_killable(m);
}

bool mutex_trylock(struct mutex *m)
{
	return !pthread_mutex_trylock(&m->m);
}

void mutex_unlock(struct mutex *m)
{
	stub_unlock(&m->m);
	stub_pause();
}

bool mutex_is_locked(struct mutex *m)
{
	if (pthread_mutex_trylock(&m->m))
		return true;
	stub_unlock(&m->m);
	return false;
}

void spin_lock_init(spinlock_t *l)
{
	error_checking(&l->m);
}

void spin_lock(spinlock_t *l)
{
	stub_lock(&l->m);
	stub_atomic++;
}

bool spin_trylock(spinlock_t *l)
{
	if (pthread_mutex_trylock(&l->m))
		return false;
	stub_atomic++;
	return true;
}

void spin_unlock(spinlock_t *l)
{
	stub_atomic--;
	stub_unlock(&l->m);
}

void init_rwsem(struct rw_semaphore *s)
{
	BUG_ON(pthread_rwlock_init(&s->l, NULL));
}

void down_read(struct rw_semaphore *s)
{
	might_sleep();
	BUG_ON(pthread_rwlock_rdlock(&s->l));
}

void up_read(struct rw_semaphore *s)
{
	BUG_ON(pthread_rwlock_unlock(&s->l));
}

void down_write(struct rw_semaphore *s)
{
	might_sleep();
	BUG_ON(pthread_rwlock_wrlock(&s->l));
}

void up_write(struct rw_semaphore *s)
{
	BUG_ON(pthread_rwlock_unlock(&s->l));
}

/* ------------------------------------------------------------- strings */

ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size);

	if (!size)
		return -E2BIG;
	if (len == size) {
		memcpy(to, from, size - 1);
		to[size - 1] = 0;
		return -E2BIG;
	}
	memcpy(to, from, len + 1);
	return (ssize_t)len;
}

int kstrtouint(const char *s, unsigned int base, unsigned int *to)
{
	unsigned long v;
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	v = strtoul(s, &end, (int)base);
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	if (errno || v > UINT_MAX)
		return -ERANGE;
	*to = (unsigned int)v;
	return 0;
}
