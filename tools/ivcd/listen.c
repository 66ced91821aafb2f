/* SPDX-License-Identifier: MIT */
/*
 * The socket that clients come to: made here, or handed over by systemd.
 *
 * A lock beside a socket of our own tells a living ivcd from what a killed one
 * left: the lock goes with the process, the socket's name does not. Whatever
 * else is found in the socket's place stays there.
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

/* So many can have come before a user who floods it keeps others out. */
#define BACKLOG 4096
#define LISTEN_FDS_START 3

static int sock = -1, lock = -1;
static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static bool ours; /* to remove at the end */

int listen_fd(void)
{
	return sock;
}

/* As sd_listen_fds(3) does it. 0: none was handed over. */
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
		log_line("%s sockets are handed over, not one", fds);
		return -EINVAL;
	}
	if (!ivc_packet_is_socket(LISTEN_FDS_START) ||
	    getsockopt(LISTEN_FDS_START, SOL_SOCKET, SO_ACCEPTCONN, &yes,
		       &len) ||
	    !yes) {
		log_line("what is handed over is no listening UNIX socket of "
			 "type SOCK_SEQPACKET");
		return -EINVAL;
	}
	fcntl(LISTEN_FDS_START, F_SETFD, FD_CLOEXEC);
	fcntl(LISTEN_FDS_START, F_SETFL, O_NONBLOCK);
	sock = LISTEN_FDS_START;
	log_line("listening, on the socket handed over");
	return 1;
}

/* Whoever starts it, without root: the first place that can be had. */
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

/* The directory of a path that was named, if only it is missing. */
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
			log_line("no place for the socket: %s; see --socket",
				 strerror(-ret));
		return ret;
	}
	ret = ivcd_path_named(path, &addr);
	if (ret) {
		log_line("the socket's path is too long");
		return ret;
	}
	make_dir();
	return 0;
}

/* With @make 0 only if there is one, with O_CREAT in any case. */
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
			log_line("%s: another ivcd is there", addr.sun_path);
			return -EADDRINUSE;
		}
		log_line("%s: it cannot be locked: %m", path);
		return -errno;
	}
	return 0;
}

/* Does somebody answer at the socket @at, of whatever type? Or -errno. */
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
 * Why must not be removed what is at @at? NULL: it may. *@err: -EADDRINUSE, or
 * why it cannot be told.
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

/* 0: nothing is there, or a socket that an earlier ivcd of this user left. */
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

/* A name in the same directory that nobody else uses. */
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
 * Remove a dead socket from our place, and nothing that somebody has put there
 * since it was looked at: what is there is renamed, looked at under its new
 * name, and only then removed. -EADDRINUSE and the like: it is something else,
 * or that cannot be told, and back.
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
	/* If its place is taken again it stays where it is now. */
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
	/* No lock is made beside what is none of ours. */
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
