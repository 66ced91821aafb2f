/* SPDX-License-Identifier: MIT */
/*
 * The memory of a channel's end: made, and judged when it comes from a peer.
 *
 * The seals are the whole safety of it. Sealed against shrinking, a mapping
 * cannot be cut off under its reader (SIGBUS), nor have holes punched into it;
 * sealed against future writing, nobody but the owner, who has mapped it
 * before, can ever write to it; sealed against sealing, that stays so. A file
 * that is no memfd cannot carry these seals.
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

	/* Linux before 6.3 does not know that one. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ivc", flags);
	return fd < 0 ? -errno : fd;
}

/*
 * mmap() and madvise() say EAGAIN of memory that a limit does not allow to be
 * locked (mlockall(2)). Everywhere here that means "not yet".
 */
static int memory_error(int err)
{
	return err == EAGAIN || err == ENOSPC ? -ENOMEM : -err;
}

/*
 * Over RLIMIT_FSIZE the kernel sends SIGXFSZ to this thread, and over any
 * signal it gives up what it has allocated. So all signals wait, and that one
 * is taken away again, unless somebody else had sent one before.
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
	/* All of it now: a page missing later would be SIGBUS. */
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
	/* As of a channel of the driver: not there in a child. */
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

/* Is @fd what local_memory_make() makes, for that ring? */
static bool memory_ok(int fd, off_t size)
{
	int seals = fcntl(fd, F_GET_SEALS), flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
		return false;
	if (seals < 0 || (seals & IVC_LOCAL_SEALS) != IVC_LOCAL_SEALS)
		return false;
	/* It cannot change its size any more: that has been checked first. */
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
