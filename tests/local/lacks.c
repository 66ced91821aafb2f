/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process lacks a resource; its peer must not suffer. The child is the
 * process that lacks. Both print the results of their calls, and the parent
 * compares. At the end, when the child has enough again, the parent connects to
 * the member that it knew before: so the child has never left its group. One
 * line per check, as in run.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "member.h"

#define MAGIC 0x1acc
#define FULL 64	     /* descriptors */
#define ROOM 8388608 /* bytes of address space left */
#define NONE 12345   /* a value that no call returns */

static const struct ivc_channel_options soon = { .timeout_ms = SOON_MS };

static int to_parent[2], to_child[2];
static int signals;
static const char *name;

/* To the other process: the result of a call, or just "continue". */
static void tell(const int pipe[2], int ret)
{
	if (write(pipe[1], &ret, sizeof(ret)) != sizeof(ret))
		die("write: %s", strerror(errno));
}

static int hear(const int pipe[2])
{
	int ret;

	if (read(pipe[0], &ret, sizeof(ret)) != sizeof(ret))
		die("the other process has ended: %s", strerror(errno));
	return ret;
}

static void limit(int what, rlim_t soft)
{
	struct rlimit r;

	if (getrlimit(what, &r))
		die("getrlimit: %s", strerror(errno));
	r.rlim_cur = soft < r.rlim_max ? soft : r.rlim_max;
	if (setrlimit(what, &r))
		die("setrlimit: %s", strerror(errno));
}

/* A resource to lack. give() undoes take(). */
static int hoard[FULL], hoarded;

static void take_descriptors(void)
{
	limit(RLIMIT_NOFILE, FULL);
	while ((hoard[hoarded] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		hoarded++;
}

static void give_descriptors(void)
{
	while (hoarded)
		close(hoard[--hoarded]);
}

#ifndef __SANITIZE_ADDRESS__
static const struct ivc_channel_options large = { .tx_size = 16u << 20,
						  .timeout_ms = SOON_MS };

static void take_space(void)
{
	unsigned long pages;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu", &pages) != 1)
		die("statm: %s", strerror(errno));
	fclose(f);
	limit(RLIMIT_AS, pages * (rlim_t)getpagesize() + ROOM);
}

static void give_space(void)
{
	limit(RLIMIT_AS, RLIM_INFINITY);
}

/* Without the capability of root to exceed limits. */
static void no_privilege(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
						 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		die("capget: %s", strerror(errno));
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &head, data))
		die("capset: %s", strerror(errno));
}

static void take_locked(void)
{
	no_privilege();
	limit(RLIMIT_MEMLOCK, 65536);
	/* MCL_CURRENT would have to lock all present mappings. */
	if (mlockall(MCL_FUTURE))
		die("mlockall: %s", strerror(errno));
}

static void give_locked(void)
{
	munlockall();
}
#endif

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static void take_size(void)
{
	signal(SIGXFSZ, count_signal);
	limit(RLIMIT_FSIZE, 102400);
}

static void give_size(void)
{
	limit(RLIMIT_FSIZE, RLIM_INFINITY);
	signal(SIGXFSZ, SIG_DFL);
}

static const struct lack {
	const char *name;
	void (*take)(void);
	void (*give)(void);
	const struct ivc_channel_options *peer; /* the resource for a connect */
	int error;
	int late; /* the peer's ring cannot be mapped, either */
} lacks[] = {
	{ "descriptors", take_descriptors, give_descriptors, &soon, -EMFILE,
	  1 },
#ifndef __SANITIZE_ADDRESS__ /* an offer with memory of its own */
	{ "address space", take_space, give_space, &large, -ENOMEM, 1 },
	{ "locked memory", take_locked, give_locked, &soon, -ENOMEM, 1 },
#endif
	{ "file size", take_size, give_size, &soon, -EFBIG, 0 },
};

static int accept_one(ivc_context *ctx, ivc_channel **ch)
{
	return ivc_accept_opt(ctx, &soon, ch);
}

static void short_of(const struct lack *lack)
{
	ivc_context *ctx = must_register(MAGIC, 2);
	ivc_peer peer = must_find(ctx, 1);
	struct ivc_channel_options mine = *lack->peer;
	ivc_channel *ch;
	char byte;
	int ret;

	/* An offer arrives at a process that lacks everything. */
	lack->take();
	tell(to_parent, 0);
	tell(to_parent, accept_one(ctx, &ch));
	/* That process cannot offer, either. */
	tell(to_parent, ivc_connect_opt(ctx, peer, &mine, &ch));
	lack->give();

	/* One offer waits already when the resource runs out. */
	hear(to_child);
	lack->take();
	tell(to_parent, accept_one(ctx, &ch));
	lack->give();

	/* The resource runs out when the own offer is accepted. */
	mine = (struct ivc_channel_options){ .rx_size = mine.tx_size };
	ret = ivc_connect_opt(ctx, peer, &mine, &ch);
	tell(to_parent, ret);
	hear(to_child);
	lack->take();
	tell(to_parent, lack->late ? ivc_connected(ch, SOON_MS) : NONE);
	lack->give();
	ivc_close(ch);

	/* With enough of the resource all works again. */
	tell(to_parent, 0);
	ret = accept_one(ctx, &ch);
	tell(to_parent, ret);
	tell(to_parent,
	     ret ? NONE : (int)ivc_read_all(ch, &byte, 1, SOON_MS, NULL));
	tell(to_parent, signals);
	ivc_close(ch);
	ivc_unregister(ctx);
	exit(0);
}

static void with_peer(const struct lack *lack)
{
	struct ivc_channel_options asks = *lack->peer;
	ivc_context *ctx = must_register(MAGIC, 1);
	ivc_peer peer = must_find(ctx, 2);
	ivc_channel *ch;
	char byte = 'x';

	hear(to_parent);
	check_is(ivc_connect_opt(ctx, peer, lack->peer, &ch), -ECONNREFUSED,
		 name, "the offer is refused");
	check_is(hear(to_parent), lack->error, name, "accept says why");
	check_is(hear(to_parent), lack->error, name, "so does connect");

	asks.timeout_ms = 0;
	check_is(ivc_connect_opt(ctx, peer, &asks, &ch), 0, name, "an offer");
	tell(to_child, 0);
	check_is(hear(to_parent), lack->error, name,
		 "that waited: accept says why");
	check_is(ivc_connected(ch, SOON_MS), -ECONNREFUSED, name,
		 "it is refused");
	ivc_close(ch);

	check_is(hear(to_parent), 0, name, "an offer by the one that lacks");
	asks = *lack->peer;
	check_is(ivc_accept_opt(ctx, &asks, &ch), 0, name, "it is taken");
	tell(to_child, 0);
	if (lack->late) {
		check_is(hear(to_parent), lack->error, name,
			 "connected says why");
		check_is((int)ivc_read_all(ch, &byte, 1, SOON_MS, NULL),
			 -ECONNREFUSED, name, "the accepter hears of it");
	} else {
		hear(to_parent);
	}
	ivc_close(ch);

	hear(to_parent);
	check_is(ivc_connect_opt(ctx, peer, &soon, &ch), 0, name,
		 "with enough of it");
	check_is((int)ivc_write_all(ch, &byte, 1, SOON_MS, NULL), 1, name,
		 "a byte");
	check_is(hear(to_parent), 0, name, "all is well again");
	check_is(hear(to_parent), 1, name, "the byte has come");
	check_is(hear(to_parent), 0, name, "no signal came");
	ivc_close(ch);
	ivc_unregister(ctx);
}

int main(void)
{
	size_t i;
	pid_t pid;
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++) {
		name = lacks[i].name;
		if (pipe2(to_parent, O_CLOEXEC) || pipe2(to_child, O_CLOEXEC))
			die("pipe: %s", strerror(errno));
		pid = fork();
		if (!pid) {
			close(to_parent[0]);
			close(to_child[1]);
			short_of(&lacks[i]);
		}
		close(to_parent[1]);
		close(to_child[0]);
		with_peer(&lacks[i]);
		if (waitpid(pid, &status, 0) != pid)
			die("wait: %s", strerror(errno));
		check_is(status, 0, name, "the process has lived on");
		close(to_parent[0]);
		close(to_child[1]);
	}
	return failed ? 1 : 0;
}
