/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile peer passes more descriptors than can be closed. Either their
 * close() does not return, as in a file system whose server does not answer
 * (hang), or no thread can be started for it (threads). A child process is the
 * peer. One line per check, as in run.sh.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ivc/ivc.h>

#include "../../lib/fd-closer.h"
#include "count.h"
#include "raw.h"

#define MAGIC 0x9107
#define RING 65536u
#define OFFERS 8
#define ROUNDS 10
#define OFFERS_OF_ROUND 100

static int no_close, no_thread;
static int to_enemy[2], to_victim[2];

static bool is_glut(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 7); /* /dev/full */
}

/* Replaces close() for the whole program, the library included. */
int close(int fd)
{
	while (__atomic_load_n(&no_close, __ATOMIC_ACQUIRE) && is_glut(fd))
		usleep(1000);
	return (int)syscall(SYS_close, fd);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		   void *(*fn)(void *), void *arg)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
		      void *);

	if (__atomic_load_n(&no_thread, __ATOMIC_ACQUIRE))
		return EAGAIN;
	*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	return create(thread, attr, fn, arg);
}

static int glut(void)
{
	const struct dirent *e;
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.' && is_glut(atoi(e->d_name));
	if (d)
		closedir(d);
	return n;
}

static void tell(const int pipe[2])
{
	if (write(pipe[1], "", 1) != 1)
		die("write");
}

static void hear(const int pipe[2])
{
	char byte;

	if (read(pipe[0], &byte, 1) != 1)
		die("the other process has ended");
}

/* ------------------------------------------------------------ the enemy */

static void send_glut(int sock)
{
	int fds[RAW_FDS_MAX], i, full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	for (i = 0; i < RAW_FDS_MAX; i++)
		fds[i] = full;
	i = raw_send(sock, "", 1, fds, RAW_FDS_MAX);
	if (full < 0 || i)
		die("descriptors: %s", strerror(-i));
	close(full);
}

/* Returns false if the peer has left its group. */
static bool offer(int fd, uint64_t member, uint64_t peer, int sock)
{
	struct ivc_msg msg = {
		.op = IVC_MSG_CONNECT,
		.member = member,
		.offer = { .peer = peer, .tx_shift = 16, .rx_shift = 16 }
	};
	int ret = raw_call(fd, &msg, &sock, 1);

	if (ret && ret != -ENOENT)
		die("offer: %s", strerror(-ret));
	return !ret;
}

static _Noreturn void be_enemy(void)
{
	struct ivc_local_greeting g = raw_greeting(RING);
	int fd = raw_hello(), sv[2], channel, i, memory;
	uint64_t member = raw_register(fd, MAGIC, 1000);
	uint64_t peer = raw_find(fd, member, 1);

	raw_pair(sv);
	memory = raw_memory(IVC_LOCAL_HEAD + RING, RAW_SEALS, NULL);
	if (raw_send(sv[0], &g, sizeof(g), &memory, 1))
		die("greeting");
	if (!offer(fd, member, peer, sv[1]))
		die("the offer is not taken");
	close(sv[1]);
	channel = sv[0];
	hear(to_enemy);
	for (i = 0; i < OFFERS; i++) {
		raw_pair(sv);
		send_glut(sv[0]);
		if (!offer(fd, member, peer, sv[1]))
			die("the offer is not taken");
		close(sv[1]);
	}
	tell(to_victim);
	hear(to_enemy);
	send_glut(channel);
	tell(to_victim);
	pause();
	_exit(0);
}

/* Offers that are withdrawn; each socket has a descriptor in its queue. */
static _Noreturn void be_withdrawer(void)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), round, i;
	bool there = true;
	uint64_t peer = 0;

	hear(to_enemy);
	for (round = 0; round < ROUNDS && there; round++) {
		int fd = raw_hello();
		uint64_t member = raw_register(fd, MAGIC, 1000);

		if (!peer)
			peer = raw_find(fd, member, 1);
		for (i = 0; i < OFFERS_OF_ROUND && there; i++) {
			int sv[2];

			raw_pair(sv);
			if (raw_send(sv[0], "", 1, &full, 1))
				die("a descriptor");
			there = offer(fd, member, peer, sv[1]);
			close(sv[1]);
			close(sv[0]);
		}
		/*
		 * Most offers are delivered by then, and all are withdrawn at
		 * the end.
		 */
		usleep(50000);
		close(fd);
	}
	tell(to_victim);
	pause();
	_exit(0);
}

/* ----------------------------------------------------------- the victim */

static const struct ivc_channel_options now = { .timeout_ms = 0 };
static const struct ivc_channel_options second = { .timeout_ms = 1000 };
static const struct ivc_channel_options soon = { .timeout_ms = SOON_MS };

/* The doorbell of the write has been received, and no other is there. */
static bool bell_works(ivc_channel *from, ivc_channel *to)
{
	struct pollfd pfd = { .fd = ivc_channel_fd(to), .events = POLLIN };
	char byte = 'x';

	return ivc_arm(to, IVC_READABLE) == 0 &&
	       ivc_write(from, &byte, 1) == 1 && poll(&pfd, 1, SOON_MS) == 1 &&
	       ivc_read(to, &byte, 1) == 1 && ivc_arm(to, IVC_READABLE) == 0 &&
	       poll(&pfd, 1, 0) == 0;
}

static int open_fds(void)
{
	return count_entries("/proc/self/fd");
}

/* Offers to a member that accepts none. */
static void withdrawn(void)
{
	ivc_context *ctx = ivc_register(MAGIC, 1);
	int before = open_fds(), have, i, ret;
	ivc_channel *ch;
	ivc_peer peer;

	if (!ctx)
		die("register: %s", strerror(errno));
	no_thread = 1;
	tell(to_enemy);
	hear(to_victim);
	for (i = 0; i < 100; i++) {
		/*
		 * Messages that ivcd sent before its answer have been received.
		 */
		(void)ivc_hosts(ctx, &peer, 1);
		usleep(10000);
	}
	have = open_fds();
	check(have <= before + IVC_CLOSER_MAX + 2 * OFFERS_OF_ROUND,
	      "withdrawn: %d offers: %d descriptors at first, then %d",
	      ROUNDS * OFFERS_OF_ROUND, before, have);
	no_thread = 0;
	for (i = 0; i < SOON_MS / 10; i++) {
		/* Offers from before the loss of the link wait for that. */
		ret = ivc_accept_opt(ctx, &now, &ch);
		if (ret == -ETIMEDOUT)
			ret = ivc_hosts(ctx, &peer, 1);
		if (ret >= 0 && open_fds() <= before)
			break;
		usleep(10000);
	}
	check(ret >= 0 && open_fds() <= before,
	      "withdrawn: all are closed, and the link is there again");
	ivc_unregister(ctx);
}

static void raise_limit(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static int ends(pid_t enemy)
{
	kill(enemy, SIGKILL);
	waitpid(enemy, NULL, 0);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	ivc_channel *bad, *good, *mine, *ch;
	ivc_context *ctx, *other;
	char byte;
	ivc_peer peer;
	pid_t enemy;
	int n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2 || pipe(to_enemy) || pipe(to_victim))
		return 64;
	raise_limit();
	enemy = fork();
	if (!enemy && !strcmp(argv[1], "withdrawn"))
		be_withdrawer();
	if (!enemy)
		be_enemy();
	if (!strcmp(argv[1], "withdrawn")) {
		withdrawn();
		return ends(enemy);
	}
	ctx = ivc_register(MAGIC, 1);
	other = ivc_register(MAGIC, 2);
	if (!ctx || !other || ivc_accept_opt(ctx, &soon, &bad) ||
	    ivc_find(other, 1, SOON_MS, &peer) ||
	    ivc_connect_opt(other, peer, &now, &mine) ||
	    ivc_accept_opt(ctx, &soon, &good) || ivc_connected(mine, SOON_MS))
		die("channels");
	ivc_set_spin(bad, 0);

	__atomic_store_n(strcmp(argv[1], "hang") ? &no_thread : &no_close, 1,
			 __ATOMIC_RELEASE);
	tell(to_enemy);
	hear(to_victim);
	check(ivc_accept_opt(ctx, &second, &ch) == -ETIMEDOUT,
	      "%s: no offer is any good", argv[1]);
	n = glut();
	check(n > 0 && n <= IVC_CLOSER_MAX,
	      "%s: %d offers of %d descriptors: at most %d are received, not "
	      "%d",
	      argv[1], OFFERS, RAW_FDS_MAX, IVC_CLOSER_MAX, n);
	check(ivc_connect_opt(other, peer, &now, &ch) == -EMFILE,
	      "%s: nor does it connect", argv[1]);
	check(bell_works(mine, good) && bell_works(good, mine),
	      "%s: a channel that there was goes on", argv[1]);
	tell(to_enemy);
	hear(to_victim);
	(void)ivc_wait(bad, IVC_READABLE, SOON_MS);
	check(ivc_read(bad, &byte, 1) == -EPROTO, "%s: a bell ends its channel",
	      argv[1]);
	n = glut();
	check(n <= IVC_CLOSER_MAX,
	      "%s: and its descriptors stay where they "
	      "are: %d",
	      argv[1], n);
	ivc_close(bad);

	no_thread = 0;
	__atomic_store_n(&no_close, 0, __ATOMIC_RELEASE);
	/* The offers that wait are accepted now, and turn out to be invalid. */
	do
		n = ivc_connect_opt(other, peer, &now, &ch);
	while (n == -EMFILE && !usleep(1000));
	check(!n && !ivc_accept_opt(ctx, &soon, &bad) &&
		      !ivc_connected(ch, SOON_MS) && bell_works(ch, bad),
	      "%s: once they are closed others come again", argv[1]);
	for (n = 0; n < SOON_MS && glut(); n++)
		usleep(1000);
	check(!glut(), "%s: nothing is left of it", argv[1]);
	ivc_close(bad);
	ivc_close(ch);
	ivc_close(good);
	ivc_close(mine);
	ivc_unregister(other);
	ivc_unregister(ctx);
	return ends(enemy);
}
