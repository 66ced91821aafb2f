/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loaded into ivcd: when ivcd is about to remove or rename $SWAP_PATH, another
 * file is put there first, as a faster process could do.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void swap(const char *path)
{
	const char *mine = getenv("SWAP_PATH");
	static int done;
	int fd;

	if (done || !mine || strcmp(path, mine))
		return;
	done = 1;
	(void)unlinkat(AT_FDCWD, path, 0);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	if (fd < 0 || write(fd, "precious\n", 9) != 9)
		abort();
	close(fd);
}

__attribute__((visibility("default"))) int unlink(const char *path)
{
	swap(path);
	return unlinkat(AT_FDCWD, path, 0);
}

__attribute__((visibility("default"))) int renameat2(int from, const char *old,
						     int to, const char *new,
						     unsigned int flags)
{
	int (*next)(int, const char *, int, const char *, unsigned int);

	swap(old);
	*(void **)&next = dlsym(RTLD_NEXT, "renameat2");
	return next(from, old, to, new, flags);
}
