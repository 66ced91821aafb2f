/* SPDX-License-Identifier: MIT */
/*
 * The socket that clients connect to: made here, or handed over by systemd.
 *
 * A lock file beside the socket tells a running ivcd from a killed one: the
 * kernel drops the lock with the process, while the socket's name stays. Any
 * other file at the socket's path is left there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../common/unix-packet.h"
#include "../../common/ivcd-path.h"
#include "ivcd.h"

/* Connections that one user may flood before those of others are refused. */
#define BACKLOG 4096
#define LISTEN_FDS_START 3

static int sock = -1, lock = -1;
static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static bool ours; /* made here: removed at the end */

int listen_fd(void)
{
	return sock;
}

/* As sd_listen_fds(3). 1: handed over; 0: not; or -errno. */
static int from_systemd(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int yes = 0;
	socklen_t len = sizeof(yes);

	if (!pid || !fds || atol(pid) != (long)getpid())
		return 0;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (atol(fds) != 1) {
		log_line("LISTEN_FDS is %s: systemd must hand over one socket",
			 fds);
		return -EINVAL;
	}
	if (!ivc_packet_is_socket(LISTEN_FDS_START) ||
	    getsockopt(LISTEN_FDS_START, SOL_SOCKET, SO_ACCEPTCONN, &yes,
		       &len) ||
	    !yes) {
		log_line("the socket handed over by systemd must be a UNIX "
			 "socket of type SOCK_SEQPACKET "
			 "(ListenSequentialPacket=) that listens");
		return -EINVAL;
	}
	fcntl(LISTEN_FDS_START, F_SETFD, FD_CLOEXEC);
	fcntl(LISTEN_FDS_START, F_SETFL, O_NONBLOCK);
	sock = LISTEN_FDS_START;
	log_line("listening, on the socket handed over");
	return 1;
}

/* For root the machine's place, for other users the first usable place. */
static int choose_place(void)
{
	int place, ret;

	if (!geteuid())
		return ivcd_path_get(IVCD_PATH_MACHINE, true, &addr);
	for (place = 0; place < IVCD_PATHS; place++) {
		ret = ivcd_path_get(place, true, &addr);
		if (!ret)
			return 0;
	}
	return ret;
}

/* Create the directory of a path that the user named, if only that is missing.
 */
static void make_dir(void)
{
	char dir[sizeof(addr.sun_path)];
	char *slash;

	memcpy(dir, addr.sun_path, sizeof(dir));
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	(void)mkdir(dir, 0755);
}

static int choose_path(const char *path)
{
	int ret;

	if (!path)
		path = getenv("IVC_SOCKET");
	if (!path || !*path) {
		ret = choose_place();
		if (ret)
			log_line("no directory for the socket: %s; name a path "
				 "with --socket",
				 strerror(-ret));
		return ret;
	}
	ret = ivcd_path_named(path, &addr);
	if (ret) {
		log_line("%s: too long: the path of a socket has at most %zu "
			 "bytes",
			 path, sizeof(addr.sun_path) - 1);
		return ret;
	}
	make_dir();
	return 0;
}

/* Lock the lock file: with @make 0 if there is one, with O_CREAT in any case.
 */
static int take_lock(int make)
{
	char path[sizeof(addr.sun_path) + 8];

	snprintf(path, sizeof(path), "%s.lock", addr.sun_path);
	if (lock < 0)
		lock = open(path,
			    O_RDWR | make | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW,
			    0600);
	if (lock < 0 && errno == ENOENT && !make)
		return 0;
	if (lock < 0) {
		log_line("%s: %m", path);
		return -errno;
	}
	while (flock(lock, LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK) {
			log_line("%s: another ivcd is there: end it, or name "
				 "another path with --socket",
				 addr.sun_path);
			return -EADDRINUSE;
		}
		log_line("%s: cannot be locked: %m", path);
		return -errno;
	}
	return 0;
}

/* Does a program listen at the socket @at, of any type? 1, 0 or -errno. */
static int answers(const struct sockaddr_un *at)
{
	int fd, ret;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)at, sizeof(*at)) ? errno : 0;
	close(fd);
	return ret != ECONNREFUSED;
}

/*
 * Why the file at @at must not be removed, or NULL if it may be. *@err:
 * -EADDRINUSE, or the error that kept this function from finding out.
 */
static const char *obstacle(const struct sockaddr_un *at, int *err)
{
	struct stat st;
	int ret;

	*err = -EADDRINUSE;
	if (lstat(at->sun_path, &st)) {
		*err = -errno;
		return errno == ENOENT ? NULL : strerror(errno);
	}
	if (S_ISLNK(st.st_mode))
		return "is a symbolic link";
	if (S_ISDIR(st.st_mode))
		return "is a directory";
	if (!S_ISSOCK(st.st_mode))
		return "is a file that is no socket";
	if (st.st_uid != geteuid())
		return "is another user's socket";
	ret = answers(at);
	if (ret < 0) {
		*err = ret;
		return strerror(-ret);
	}
	return ret ? "is a socket at which another program listens" : NULL;
}

/* 0: the path is free, or has a socket that an earlier ivcd of this user left.
 */
static int place_free(void)
{
	int err;
	const char *what = obstacle(&addr, &err);

	if (!what)
		return 0;
	log_line("%s: %s; it is left alone: remove it, or name another place "
		 "with --socket",
		 addr.sun_path, what);
	return err;
}

/* A name in the same directory that no other process uses. */
static int name_aside(struct sockaddr_un *aside)
{
	char *slash;
	size_t room;

	*aside = addr;
	slash = strrchr(aside->sun_path, '/');
	slash = slash ? slash + 1 : aside->sun_path;
	room = sizeof(aside->sun_path) - (size_t)(slash - aside->sun_path);
	if ((size_t)snprintf(slash, room, ".%d", (int)getpid()) >= room)
		return -ENAMETOOLONG;
	return 0;
}

/*
 * Remove a dead socket from the path, but no file that another process has put
 * there since the check: rename the file, check it under the new name, and only
 * then remove it. If it is something else, or the check fails (-EADDRINUSE and
 * others), rename it back.
 */
static int remove_socket(void)
{
	struct sockaddr_un aside;
	int ret = name_aside(&aside), err;

	if (ret)
		return ret;
	if (renameat2(AT_FDCWD, addr.sun_path, AT_FDCWD, aside.sun_path,
		      RENAME_NOREPLACE))
		return errno == ENOENT ? 0 : -errno;
	if (!obstacle(&aside, &err))
		return unlink(aside.sun_path) ? -errno : 0;
	/* If the old name is in use again, the file keeps the new one. */
	(void)renameat2(AT_FDCWD, aside.sun_path, AT_FDCWD, addr.sun_path,
			RENAME_NOREPLACE);
	return err;
}

static int make_socket(mode_t mode)
{
	mode_t old;
	int ret;

	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
	if (sock < 0)
		return -errno;
	ret = place_free();
	if (ret)
		return ret;
	ret = remove_socket();
	if (ret) {
		log_line("%s: cannot be removed: %s", addr.sun_path,
			 strerror(-ret));
		return ret;
	}
	old = umask(0777 & ~mode);
	ret = bind(sock, (struct sockaddr *)&addr, sizeof(addr));
	umask(old);
	ours = !ret;
	if (ret || listen(sock, BACKLOG)) {
		log_line("%s: %m", addr.sun_path);
		return -errno;
	}
	return 0;
}

int listen_open(const char *path, mode_t mode)
{
	int ret = from_systemd();

	if (ret)
		return ret < 0 ? ret : 0;
	ret = choose_path(path);
	if (ret)
		return ret;
	/* Create the lock file only after the check of the path. */
	ret = take_lock(0);
	if (!ret)
		ret = place_free();
	if (!ret)
		ret = take_lock(O_CREAT);
	if (ret)
		return ret;
	ret = make_socket(mode);
	if (!ret)
		log_line("listening, on %s", addr.sun_path);
	return ret;
}

void listen_close(void)
{
	/* At a socket that listens it could not be told for our own. */
	if (sock >= 0)
		close(sock);
	if (ours)
		(void)remove_socket();
	if (lock >= 0)
		close(lock);
}
