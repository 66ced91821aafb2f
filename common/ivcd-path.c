/* SPDX-License-Identifier: MIT */
/*
 * The places of ivcd's socket. The user's own places come first: a user who has
 * started an ivcd wants that one.
 *
 * A login session has $XDG_RUNTIME_DIR, in which no other user can write.
 * Processes of cron, ssh or su and in containers often lack the variable. For
 * them the usual name of that directory is tried, and then one in /tmp. Another
 * user could have created the directory in /tmp first, to offer a false ivcd.
 * So the directory counts only if it belongs to the user and is no link. /tmp
 * is sticky, so that no other user can replace a directory of this user there.
 *
 * su and sudo -E pass on the environment of another user, whose
 * $XDG_RUNTIME_DIR would lead root to that user's ivcd. So a directory counts
 * only if it belongs to the effective user of this process. The directory can
 * be replaced between the check and the connect(); so a client also asks the
 * kernel which user listens at the other end (ivcd_path_trusted()).
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

/* Is this a directory of the user, in which no other user can write? */
static bool is_ours(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* $XDG_RUNTIME_DIR, unless it belongs to another user. */
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
	/* Root uses IVCD_PATH_MACHINE. */
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
	 * Only root creates directories in /run, and root has given this one to
	 * the user that ivcd runs as. In a user namespace this check also
	 * accepts root's own ivcd: there both root and its directory have the
	 * overflow uid.
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
	/* All users may connect to the ivcd in root's directory. */
	if (place != IVCD_PATH_MACHINE && !dir_ours(path))
		return -ENODEV;
	len = strlen(path);
	ret = snprintf(path + len, sizeof(path) - len, "/" SOCKET_NAME);
	if ((size_t)ret >= sizeof(path) - len)
		return -ENAMETOOLONG;
	return ivcd_path_named(path, addr);
}
