/* SPDX-License-Identifier: GPL-2.0 */
/* Another program uses the path at which ivcd wants its socket. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "hostile.h"

void impostor(const char *path, const char *type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, kind;

	kind = !strcmp(type, "stream")	? SOCK_STREAM
	       : !strcmp(type, "dgram") ? SOCK_DGRAM
					: SOCK_SEQPACKET;
	fd = socket(AF_UNIX, kind, 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    (kind != SOCK_DGRAM && listen(fd, 1)))
		die("no socket at %s", path);
	pause();
}
