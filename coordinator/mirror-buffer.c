/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mirror-buffer.h"

static int map_twice(struct mirror *m, int fd)
{
	uint8_t *base;

	/*
	 * Reserves room for both mappings first, so that no other mapping gets
	 * between.
	 */
	base = mmap(NULL, 2 * m->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (mmap(base + (size_t)i * m->size, m->size,
			 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 0) == MAP_FAILED) {
			int err = -errno;

			munmap(base, 2 * m->size);
			return err;
		}
	/*
	 * A child process shares the memory and would write into its parent's
	 * buffer.
	 */
	madvise(base, 2 * m->size, MADV_DONTFORK);
	m->base = base;
	return 0;
}

int mirror_init(struct mirror *m, size_t size)
{
	int fd, ret;

	m->size = (size_t)sysconf(_SC_PAGESIZE);
	while (m->size < size)
		m->size *= 2;
	fd = memfd_create("ivc-mpi", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = ftruncate(fd, (off_t)m->size) ? -errno : map_twice(m, fd);
	close(fd);
	return ret;
}

void mirror_free(struct mirror *m)
{
	if (m->base)
		munmap(m->base, 2 * m->size);
	m->base = NULL;
}
