/* SPDX-License-Identifier: MIT */
/*
 * The memory of an end: a sealed memfd. Making it, and checking a peer's.
 *
 * The safety rests on the seals. With F_SEAL_SHRINK the file cannot be cut
 * short under its reader (SIGBUS), nor get holes. With F_SEAL_FUTURE_WRITE only
 * the owner, whose mapping is older than the seal, can write to it. F_SEAL_SEAL
 * makes both seals permanent. Only a memfd can have these seals.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

_Static_assert(IVC_LOCAL_SEALS == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
				   F_SEAL_FUTURE_WRITE),
	       "the seals of local.h");
_Static_assert(IVC_LOCAL_HEAD - IVC_LOCAL_CTRL == IVC_CTRL_SIZE,
	       "the ring is where channels look for it");

static int memory_fd(void)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("ivc", flags | MFD_NOEXEC_SEAL);

	/* Linux before 6.3 does not know MFD_NOEXEC_SEAL. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ivc", flags);
	return fd < 0 ? -errno : fd;
}

/*
 * mmap() and madvise() fail with EAGAIN if a limit does not allow to lock the
 * memory (mlockall(2)). In the library -EAGAIN means "not yet".
 */
static int memory_error(int err)
{
	return err == EAGAIN || err == ENOSPC ? -ENOMEM : -err;
}

/*
 * Above RLIMIT_FSIZE the kernel sends SIGXFSZ to this thread; and any signal
 * makes fallocate() give up. So all signals are blocked, and a SIGXFSZ is
 * consumed, unless one was pending before.
 */
static int allocate(int fd, size_t size)
{
	const struct timespec now = { 0 };
	sigset_t all, xfsz, old, pending;
	int ret = 0;

	sigfillset(&all);
	sigemptyset(&xfsz);
	sigaddset(&xfsz, SIGXFSZ);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	sigpending(&pending);
	/* Allocate all pages now: a page missing later would raise SIGBUS. */
	while (fallocate(fd, 0, 0, (off_t)size)) {
		if (errno == EINTR)
			continue;
		ret = memory_error(errno);
		break;
	}
	if (ret == -EFBIG && !sigismember(&pending, SIGXFSZ))
		sigtimedwait(&xfsz, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

int local_memory_make(uint32_t ring, uint8_t **p)
{
	const size_t size = IVC_LOCAL_HEAD + (size_t)ring;
	struct ivc_kctl *kctl;
	void *map;
	int fd, ret;

	fd = memory_fd();
	if (fd < 0)
		return fd;
	ret = allocate(fd, size);
	if (ret)
		goto err_fd;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED) {
		ret = memory_error(errno);
		goto err_fd;
	}
	if (fcntl(fd, F_ADD_SEALS, IVC_LOCAL_SEALS)) {
		ret = -errno;
		goto err_map;
	}
	/* Not mapped in a child, like the memory of the driver's channels. */
	if (madvise(map, size, MADV_DONTFORK)) {
		ret = memory_error(errno);
		goto err_map;
	}
	kctl = map;
	kctl->magic = IVC_KCTL_MAGIC;
	kctl->version = IVC_PROTOCOL_VERSION;
	*p = map;
	return fd;

err_map:
	munmap(map, size);
err_fd:
	close(fd);
	return ret;
}

/* Is @fd memory as local_memory_make() makes it, of @size bytes? */
static bool memory_ok(int fd, off_t size)
{
	int seals = fcntl(fd, F_GET_SEALS), flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
		return false;
	if (seals < 0 || (seals & IVC_LOCAL_SEALS) != IVC_LOCAL_SEALS)
		return false;
	/* Sealed, as checked above, the file cannot change its size any more.
	 */
	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size == size;
}

int local_memory_map(int fd, uint32_t ring, const uint8_t **p)
{
	const size_t size = IVC_LOCAL_HEAD + (size_t)ring;
	const struct ivc_kctl *kctl;
	void *map;
	int ret;

	if (!ivc_ring_size_ok(ring) || !memory_ok(fd, (off_t)size))
		return -EPROTO;
	map = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED)
		return memory_error(errno);
	if (madvise(map, size, MADV_DONTFORK)) {
		ret = memory_error(errno);
		goto err_map;
	}
	kctl = map;
	ret = -EPROTO;
	if (ivc_load(&kctl->magic) != IVC_KCTL_MAGIC ||
	    ivc_load(&kctl->version) != IVC_PROTOCOL_VERSION)
		goto err_map;
	*p = map;
	return 0;

err_map:
	munmap(map, size);
	return ret;
}

void local_memory_unmap(const uint8_t *p, uint32_t ring)
{
	if (p)
		munmap((void *)p, IVC_LOCAL_HEAD + (size_t)ring);
}
