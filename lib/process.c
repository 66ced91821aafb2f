/* SPDX-License-Identifier: MIT */
/* See process.h. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "channel.h"
#include "context.h"
#include "process.h"

static struct {
	pthread_mutex_t lock;
	uint32_t number;
	LIST_HEAD(, ivc_context) contexts;
	LIST_HEAD(, ivc_channel) channels;
} process = { .lock = PTHREAD_MUTEX_INITIALIZER, .number = 1 };

/* The state in the wiped page; 0 in a child. NULL: there is no such page. */
enum { UNSEEN, SEEING, SEEN };

static uint32_t *page;

static const struct ivc_transport *const transports[] = { &ivc_xen,
							  &ivc_local };

#define N_TRANSPORTS (sizeof(transports) / sizeof(transports[0]))

void ivc_process_lock(void)
{
	pthread_mutex_lock(&process.lock);
}

void ivc_process_unlock(void)
{
	pthread_mutex_unlock(&process.lock);
}

void ivc_process_add_context(struct ivc_context *ctx)
{
	ctx->process = ivc_process();
	ctx->cancel_fd = -1;
	ivc_process_lock();
	LIST_INSERT_HEAD(&process.contexts, ctx, in_process);
	ivc_process_unlock();
}

void ivc_process_add_channel(struct ivc_channel *ch)
{
	ch->process = ivc_process();
	ch->wake_fd = -1;
	ivc_process_lock();
	LIST_INSERT_HEAD(&process.channels, ch, in_process);
	ivc_process_unlock();
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void ivc_process_remove_context(struct ivc_context *ctx)
{
	ivc_process_lock();
	close_fd(&ctx->cancel_fd);
	LIST_REMOVE(ctx, in_process);
	ivc_process_unlock();
}

void ivc_process_remove_channel(struct ivc_channel *ch)
{
	ivc_process_lock();
	close_fd(&ch->wake_fd);
	LIST_REMOVE(ch, in_process);
	ivc_process_unlock();
}

static void tell_transports(enum ivc_fork what)
{
	size_t i;

	for (i = 0; i < N_TRANSPORTS; i++)
		if (transports[i]->fork)
			transports[i]->fork(what);
}

static void prepare(void)
{
	ivc_process_lock();
	tell_transports(IVC_FORK_PREPARE);
}

static void parent(void)
{
	tell_transports(IVC_FORK_PARENT);
	ivc_process_unlock();
}

/* Begin a new process, which has no context and no channel. */
static void begin(enum ivc_fork what)
{
	process.number++;
	LIST_INIT(&process.contexts);
	LIST_INIT(&process.channels);
	tell_transports(what);
	if (page)
		__atomic_store_n(page, SEEN, __ATOMIC_RELEASE);
}

static void child(void)
{
	struct ivc_context *ctx;
	struct ivc_channel *ch;

	LIST_FOREACH (ctx, &process.contexts, in_process)
		ivc_context_orphan(ctx);
	LIST_FOREACH (ch, &process.channels, in_process) {
		ivc_channel_orphan(ch);
		ivc_channel_idle(ch, -ESTALE);
	}
	begin(IVC_FORK_CHILD);
	/* This thread has locked it in prepare(). */
	ivc_process_unlock();
}

/* In a child in which no handler has run; one of its threads does the work. */
static void begin_unseen(void)
{
	uint32_t was = UNSEEN;

	if (__atomic_compare_exchange_n(page, &was, SEEING, false,
					__ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
		/* A thread of the parent may have held it. */
		pthread_mutex_init(&process.lock, NULL);
		begin(IVC_FORK_UNSEEN);
	}
	while (__atomic_load_n(page, __ATOMIC_ACQUIRE) != SEEN)
		sched_yield();
}

uint32_t ivc_process(void)
{
	if (page && __atomic_load_n(page, __ATOMIC_ACQUIRE) != SEEN)
		begin_unseen();
	return process.number;
}

/*
 * Runs when the library is loaded, so that no fork() can happen halfway; and
 * before the constructors of a program that is linked with the archive.
 */
static __attribute__((constructor(101))) void init(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p != MAP_FAILED && !madvise(p, size, MADV_WIPEONFORK)) {
		*p = SEEN;
		page = p;
	} else if (p != MAP_FAILED) {
		munmap(p, size);
	}
	pthread_atfork(prepare, parent, child);
}
