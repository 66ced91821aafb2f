/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exhausting ivcd's descriptors: packets with as many descriptors as possible,
 * whose close takes long. The caller counts those that ivcd holds.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "hostile.h"

#define PACKETS 12
#define USER_FILES 1024 /* of a user, that ivcd holds at most */

static int open_fds(pid_t pid)
{
	char path[64];
	int n = -2; /* . and .. */
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* As many descriptors in flight as this user may have open files. */
static void raise_limit(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* A packet with as many descriptors as possible: @first, then @many. */
static void send_many(int fd, int first, int many)
{
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER, .cookie = 1 };
	int fds[RAW_FDS_MAX], i, ret;

	for (i = 0; i < RAW_FDS_MAX; i++)
		fds[i] = many;
	fds[0] = first;
	ret = raw_send(fd, &msg, sizeof(msg), fds, RAW_FDS_MAX);
	if (ret)
		die("descriptors: %s", strerror(-ret));
}

/*
 * Clients that ivcd rejects, if @quota is the user's quota of clients; or
 * (@quota 0) that have sent HELLO.
 */
void greedy_sockets(pid_t ivcd, int quota)
{
	int hold[PACKETS], fd[PACKETS], other[PACKETS], i, slow, before, now;

	raise_limit();
	for (i = 0; i < quota; i++)
		hold[i] = raw_hello();
	for (i = 0; !quota && i < PACKETS; i++)
		fd[i] = raw_hello();
	before = open_fds(ivcd);
	/*
	 * So that ivcd finds the packets and is the only owner of the sockets.
	 */
	kill(ivcd, SIGSTOP);
	for (i = 0; i < PACKETS; i++) {
		other[i] = raw_lingering(&slow);
		if (other[i] < 0) {
			kill(ivcd, SIGCONT);
			printf("note no TCP here, not tried\n");
			check(true, "nothing");
			return;
		}
		if (quota)
			fd[i] = raw_connect();
		send_many(fd[i], slow, STDERR_FILENO);
		close(slow);
	}
	kill(ivcd, SIGCONT);
	for (i = 0; i < PACKETS; i++) {
		check(raw_ended(fd[i], SOON_MS), "it is disconnected");
		close(fd[i]);
	}
	now = open_fds(ivcd);
	check(now < before + USER_FILES + 64,
	      "%d packets of %d descriptors each: ivcd has %d, before %d",
	      PACKETS, RAW_FDS_MAX, now, before);
	for (i = 0; i < PACKETS; i++)
		close(other[i]);
	for (i = 0; i < quota; i++)
		close(hold[i]);
}

/*
 * @clients send descriptors whose close never returns, until this program is
 * killed.
 */
void greedy_files(int clients)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), i;
	int *fd = calloc((size_t)clients, sizeof(*fd));

	if (!fd)
		die("no memory");
	raise_limit();
	for (i = 0; i < clients; i++)
		fd[i] = raw_hello();
	for (i = 0; i < clients; i++)
		send_many(fd[i], full, full);
	printf("ready\n");
	pause();
}
