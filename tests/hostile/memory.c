/* SPDX-License-Identifier: GPL-2.0 */
/* Operations on mappings of channels: see ioctl.h. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include <ivc/protocol/abi.h>
#include "ioctl.h"

#define PAGE 4096u
#define SLOTS 64

/* Other threads unmap, too: an address may belong to anything or nothing. */
static struct {
	uint8_t *p;
	size_t size;
} maps[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static __thread sigjmp_buf back;
static __thread volatile bool touching;

static void fault(int sig)
{
	if (touching)
		siglongjmp(back, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

void memory_begin(void)
{
	struct sigaction sa = { .sa_handler = fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static size_t some_size(struct rng *r)
{
	static const size_t sizes[] = {
		0,	   PAGE,       2 * PAGE,	  5 * PAGE,
		17 * PAGE, 257 * PAGE, (1u << 24) + PAGE, 1
	};

	return sizes[below(r, 8)];
}

void memory_map(struct rng *r, int fd)
{
	static const uint64_t ats[] = { IVC_MAP_KCTL, IVC_MAP_OWN, IVC_MAP_PEER,
					IVC_MAP_PEER };
	uint64_t at = ats[below(r, 4)];
	size_t size = at == IVC_MAP_KCTL ? PAGE : 2 * PAGE;
	int prot = at == IVC_MAP_OWN ? PROT_READ | PROT_WRITE : PROT_READ;
	int flags = MAP_SHARED;
	uint32_t i = below(r, SLOTS);
	void *p;

	if (at != IVC_MAP_KCTL && below(r, 3))
		size = 17 * PAGE;
	/* Or in a wrong way. */
	if (!below(r, 6))
		prot = (int)below(r, 8);
	if (!below(r, 8))
		size = some_size(r);
	if (!below(r, 8))
		at += PAGE * below(r, 20);
	if (!below(r, 16))
		flags = MAP_PRIVATE;
	if (!below(r, 16))
		flags |= MAP_POPULATE;
	if (!below(r, 16))
		flags |= MAP_LOCKED;
	p = mmap(NULL, size, prot, flags, fd, (off_t)at);
	if (p == MAP_FAILED)
		return;
	pthread_mutex_lock(&lock);
	if (maps[i].p)
		munmap(maps[i].p, maps[i].size);
	maps[i].p = p;
	maps[i].size = size;
	pthread_mutex_unlock(&lock);
}

static void touch(struct rng *r, uint8_t *p, size_t size)
{
	volatile uint8_t *at = p + rnd(r) % size;

	touching = true;
	if (!sigsetjmp(back, 1)) {
		if (below(r, 2))
			*at = (uint8_t)rnd(r);
		else
			(void)*at;
	}
	touching = false;
}

/* Write as a debugger does, which needs no writable mapping. */
static void by_proc(struct rng *r, uint8_t *p)
{
	struct iovec local, remote = { p, 64 };
	char buf[64] = { 0 };
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t n;

	local.iov_base = buf;
	local.iov_len = sizeof(buf);
	if (below(r, 2))
		n = pread(mem, buf, sizeof(buf), (off_t)(uintptr_t)p);
	else
		n = pwrite(mem, buf, sizeof(buf), (off_t)(uintptr_t)p);
	n += process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	(void)n;
	close(mem);
}

static void read_file(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

void memory_step(struct rng *r)
{
	static const int advice[] = { MADV_DONTNEED, MADV_WILLNEED, MADV_REMOVE,
				      MADV_DOFORK,   MADV_PAGEOUT,  MADV_FREE,
				      MADV_HUGEPAGE, MADV_MERGEABLE };
	uint32_t i = below(r, SLOTS), half;
	size_t size;
	uint8_t *p;

	pthread_mutex_lock(&lock);
	p = maps[i].p;
	size = maps[i].size;
	pthread_mutex_unlock(&lock);
	if (!p || !size)
		return;
	half = (uint32_t)(size / 2 / PAGE * PAGE);
	switch (below(r, 13)) {
	case 0:
		mprotect(p, size, (int)below(r, 8));
		break;
	case 1:
		p = mremap(p, size, some_size(r),
			   below(r, 2) ? MREMAP_MAYMOVE : 0);
		if (p != MAP_FAILED)
			munmap(p, PAGE);
		break;
	case 12: /* to a chosen address, whose mapping it replaces */
		mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0));
		break;
	case 2:
		madvise(p, size, advice[below(r, 8)]);
		break;
	case 3: /* a part, which splits the mapping */
		if (half)
			munmap(p + half, PAGE);
		break;
	case 4:
		pthread_mutex_lock(&lock);
		if (maps[i].p == p) {
			munmap(p, size);
			maps[i].p = NULL;
		}
		pthread_mutex_unlock(&lock);
		break;
	case 5:
		by_proc(r, p + half);
		break;
	case 6:
		mlock(p, size);
		break;
	case 7:
		if (!below(r, 20))
			read_file(below(r, 2) ? "/proc/self/smaps"
					      : "/proc/self/numa_maps");
		break;
	default:
		touch(r, p, size);
		break;
	}
}

void *memory_any(struct rng *r, void *good)
{
	uint8_t *p;

	switch (below(r, 16)) {
	case 0:
		return NULL;
	case 1:
		return (void *)0xffff888000000000ull;
	case 2:
		return (void *)(uintptr_t)((uint64_t)rnd(r) << 32 | rnd(r));
	case 3:
	case 4:
		p = maps[below(r, SLOTS)].p;
		return p ? p + 64 * below(r, 64) : good;
	default:
		return good;
	}
}
