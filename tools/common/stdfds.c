/* SPDX-License-Identifier: MIT */
/* The standard descriptors: see stdfds.h. */
#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include "stdfds.h"

void stdfds_occupy(void)
{
	/* Opened for the wrong direction, so that each use is an error. */
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };
	int fd;

	/* open() returns the lowest free number, which is the closed one. */
	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", flags[fd]) != fd)
			_exit(EX_OSERR);
}
