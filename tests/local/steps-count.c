/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts the work of a program exactly. Code compiled with
 * -fsanitize-coverage=trace-pc calls this at each of its basic blocks. The
 * count is also in the file that IVC_STEPS names, for other processes. This
 * file itself is compiled without the option.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "steps-count.h"

static uint64_t early;
static uint64_t *count = &early;

void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}

uint64_t *steps_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *map = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, sizeof(uint64_t)))
		map = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static __attribute__((constructor)) void steps_begin(void)
{
	const char *path = getenv("IVC_STEPS");
	uint64_t *map = path ? steps_map(path) : NULL;

	if (map)
		count = map;
}

uint64_t steps_here(void)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}
