/* SPDX-License-Identifier: MIT */
/*
 * The places of ivcd's socket. A user's own come first: who has started an ivcd
 * for himself means that one.
 *
 * A session has $XDG_RUNTIME_DIR, which nobody else can write. What cron, ssh
 * or su have started often does not, nor do containers; hence the directory by
 * its usual name, and then one in /tmp. There anybody could have made it before
 * the user did, to bring him together with whom he likes: it counts only if it
 * is the user's, and no link. What is his there, in a sticky directory, nobody
 * else can put another thing in the place of.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"

#define SOCKET_NAME "ivcd.sock"

int ivc_place_named(const char *path, struct sockaddr_un *addr)
{
	size_t len = strlen(path);

	if (!len || len >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(addr->sun_path, path, len);
	return 0;
}

static int dir_name(enum ivc_place place, char *dir, size_t size)
{
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	unsigned int uid = geteuid();
	int n;

	if (place == IVC_PLACE_MACHINE)
		n = snprintf(dir, size, "/run/ivc");
	else if (place == IVC_PLACE_TMP)
		n = snprintf(dir, size, "/tmp/ivc-%u", uid);
	else if (runtime && *runtime)
		n = snprintf(dir, size, "%s/ivc", runtime);
	else
		n = snprintf(dir, size, "/run/user/%u/ivc", uid);
	/* Root's own place is the machine's. */
	if (place == IVC_PLACE_TMP && !uid)
		return -ENODEV;
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int dir_make(enum ivc_place place, const char *dir)
{
	if (mkdir(dir, place == IVC_PLACE_TMP ? 0700 : 0755) && errno != EEXIST)
		return -errno;
	return 0;
}

static bool dir_ours(const char *dir)
{
	struct stat st;

	return !lstat(dir, &st) && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

int ivc_place(enum ivc_place place, bool make, struct sockaddr_un *addr)
{
	char path[sizeof(addr->sun_path)];
	size_t len;
	int ret;

	ret = dir_name(place, path, sizeof(path));
	if (!ret && make)
		ret = dir_make(place, path);
	if (ret)
		return ret;
	if (place == IVC_PLACE_TMP && !dir_ours(path))
		return -ENODEV;
	len = strlen(path);
	ret = snprintf(path + len, sizeof(path) - len, "/" SOCKET_NAME);
	if ((size_t)ret >= sizeof(path) - len)
		return -ENAMETOOLONG;
	return ivc_place_named(path, addr);
}
