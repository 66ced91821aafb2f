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
 *
 * su and sudo -E hand on the environment of another user. His $XDG_RUNTIME_DIR
 * is his place and not ours: root would take his ivcd for its own. So a
 * directory counts only if it belongs to the user that this process acts for.
 * And since a directory can be looked at only before the connection is made, a
 * client also asks the kernel who listens at the other end of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ivcd-path.h"

#define SOCKET_NAME "ivcd.sock"

int ivcd_path_named(const char *path, struct sockaddr_un *addr)
{
	size_t len = strlen(path);

	if (!len || len >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(addr->sun_path, path, len);
	return 0;
}

/* Is it a directory of the user's in which nobody else can write? */
static bool is_ours(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* $XDG_RUNTIME_DIR, unless it is another user's. */
static const char *runtime_dir(void)
{
	const char *dir = secure_getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (!dir || !*dir || stat(dir, &st) || !is_ours(&st))
		return NULL;
	return dir;
}

static int dir_name(enum ivcd_path place, char *dir, size_t size)
{
	const char *runtime = runtime_dir();
	unsigned int uid = geteuid();
	int n;

	if (place == IVCD_PATH_MACHINE)
		n = snprintf(dir, size, "/run/ivc");
	else if (place == IVCD_PATH_TMP)
		n = snprintf(dir, size, "/tmp/ivc-%u", uid);
	else if (runtime)
		n = snprintf(dir, size, "%s/ivc", runtime);
	else
		n = snprintf(dir, size, "/run/user/%u/ivc", uid);
	/* Root's own place is the machine's. */
	if (place == IVCD_PATH_TMP && !uid)
		return -ENODEV;
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int dir_make(enum ivcd_path place, const char *dir)
{
	if (mkdir(dir, place == IVCD_PATH_TMP ? 0700 : 0755) && errno != EEXIST)
		return -errno;
	return 0;
}

static bool dir_ours(const char *dir)
{
	struct stat st;

	return !lstat(dir, &st) && is_ours(&st);
}

bool ivcd_path_trusted(enum ivcd_path place, const struct sockaddr_un *addr,
		       int fd)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	char dir[sizeof(addr->sun_path)];
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (peer.uid == geteuid() || !peer.uid)
		return true;
	/*
	 * Root makes directories in /run, and has given this one to the user
	 * that ivcd runs as. In a user namespace this is also how root's own
	 * ivcd is told: both have the id of those who have none there.
	 */
	if (place != IVCD_PATH_MACHINE || dir_name(place, dir, sizeof(dir)) ||
	    lstat(dir, &st))
		return false;
	return S_ISDIR(st.st_mode) && st.st_uid == peer.uid &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

int ivcd_path_get(enum ivcd_path place, bool make, struct sockaddr_un *addr)
{
	char path[sizeof(addr->sun_path)];
	size_t len;
	int ret;

	ret = dir_name(place, path, sizeof(path));
	if (!ret && make)
		ret = dir_make(place, path);
	if (ret)
		return ret;
	/* The machine's is root's, and anybody's to connect to. */
	if (place != IVCD_PATH_MACHINE && !dir_ours(path))
		return -ENODEV;
	len = strlen(path);
	ret = snprintf(path + len, sizeof(path) - len, "/" SOCKET_NAME);
	if ((size_t)ret >= sizeof(path) - len)
		return -ENAMETOOLONG;
	return ivcd_path_named(path, addr);
}
