/* SPDX-License-Identifier: MIT */
/*
 * The socket that clients come to: made here, or handed over by systemd.
 *
 * A lock beside a socket of our own tells a living ivcd from what a killed one
 * left: the lock goes with the process, the socket's name does not.
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

#include "../../lib/packet.h"
#include "../../lib/place.h"
#include "ivcd.h"

#define BACKLOG 128
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
		return ivc_place(IVC_PLACE_MACHINE, true, &addr);
	for (place = 0; place < IVC_PLACES; place++) {
		ret = ivc_place(place, true, &addr);
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
	ret = ivc_place_named(path, &addr);
	if (ret) {
		log_line("the socket's path is too long");
		return ret;
	}
	make_dir();
	return 0;
}

static int take_lock(void)
{
	char path[sizeof(addr.sun_path) + 8];

	snprintf(path, sizeof(path), "%s.lock", addr.sun_path);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0) {
		log_line("%s: %m", path);
		return -errno;
	}
	if (flock(lock, LOCK_EX | LOCK_NB)) {
		log_line("%s: another ivcd is there", addr.sun_path);
		return -EADDRINUSE;
	}
	return 0;
}

static int make_socket(mode_t mode)
{
	mode_t old;
	int ret;

	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
	if (sock < 0)
		return -errno;
	(void)unlink(addr.sun_path);
	old = umask(0777 & ~mode);
	ret = bind(sock, (struct sockaddr *)&addr, sizeof(addr));
	umask(old);
	if (ret || listen(sock, BACKLOG)) {
		log_line("%s: %m", addr.sun_path);
		return -errno;
	}
	ours = true;
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
	ret = take_lock();
	if (ret)
		return ret;
	ret = make_socket(mode);
	if (!ret)
		log_line("listening, on %s", addr.sun_path);
	return ret;
}

void listen_close(void)
{
	if (ours)
		(void)unlink(addr.sun_path);
	if (sock >= 0)
		close(sock);
	if (lock >= 0)
		close(lock);
}
