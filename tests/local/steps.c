/* SPDX-License-Identifier: GPL-2.0 */
/*
 * N operations cost N times as much as one: channels that are made, closed,
 * ended by the peer's death, or adopted by a new ivcd; members that join, are
 * listed and leave. Counted are the basic blocks that libivc (here) and ivcd
 * run through, not time. usage: steps IVCD; one line per check
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ivc/ivc.h>

#include "../../lib/channel.h"
#include "../../lib/context.h"
#include "steps-count.h"

#define MAGIC 0x57e9
#define FEW 100
#define MANY 600
#define RING 4096
/*
 * The limit of blocks per item, many items against few: a quadratic algorithm
 * has 6.
 */
#define AT_MOST 1.5

enum phase { CONNECT, CLOSE, DEATH, ADOPT, JOIN, LIST, LEAVE, MOVE, PHASES };

static const char *const names[PHASES] = {
	[CONNECT] = "connect and accept",
	[CLOSE] = "close",
	[DEATH] = "the peer dies",
	[ADOPT] = "a new ivcd",
	[JOIN] = "join",
	[LIST] = "list the group",
	[LEAVE] = "leave",
	[MOVE] = "tell of channels that a guest's move ended",
};

struct steps {
	double here, ivcd; /* per item */
};

static const char *ivcd_path;
static uint64_t *ivcd_steps;
static pid_t ivcd;

static _Noreturn void die(const char *what, int err)
{
	printf("FAIL %s: %s\n", what, strerror(err));
	kill(ivcd, SIGKILL);
	_exit(1);
}

static void ivcd_start(void)
{
	ivcd = fork();
	if (ivcd < 0)
		die("fork", errno);
	if (ivcd)
		return;
	setenv("IVC_STEPS", getenv("IVCD_STEPS"), 1);
	/* Each ivcd prints that it listens. */
	if (!freopen("/dev/null", "w", stderr))
		_exit(127);
	execl(ivcd_path, ivcd_path, "--socket", getenv("IVC_SOCKET"),
	      "--max-contexts", "100000", "--max-channels", "100000",
	      "--max-rate", "100000", (char *)NULL);
	_exit(127);
}

static void ivcd_end(void)
{
	kill(ivcd, SIGKILL);
	waitpid(ivcd, NULL, 0);
}

static uint64_t sum(void)
{
	return steps_here() + __atomic_load_n(ivcd_steps, __ATOMIC_RELAXED);
}

/* Wait until neither process works any more. */
static void settle(void)
{
	uint64_t was;
	int still = 0;

	while (still < 5) {
		was = sum();
		usleep(20000);
		still = sum() == was ? still + 1 : 0;
	}
}

static struct steps since;

static void begin(void)
{
	settle();
	since.here = (double)steps_here();
	since.ivcd = (double)*ivcd_steps;
}

static struct steps end(int n)
{
	settle();
	return (struct steps){ ((double)steps_here() - since.here) / n,
			       ((double)*ivcd_steps - since.ivcd) / n };
}

static void readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, 60000) != 1)
		die("nothing moves", ETIMEDOUT);
}

static ivc_context *must_register(uint32_t id)
{
	ivc_context *ctx = NULL;
	int tries = 600;

	/* A new ivcd may not listen yet. */
	while (!ctx && tries--) {
		ctx = ivc_register(MAGIC, id);
		if (!ctx && errno != ENODEV)
			break;
		if (!ctx)
			usleep(50000);
	}
	if (!ctx)
		die("register", errno);
	return ctx;
}

static const struct ivc_channel_options at_once = { .tx_size = RING,
						    .rx_size = RING };

static ivc_channel *offered(ivc_context *ctx, ivc_peer peer)
{
	ivc_channel *ch;
	int ret = ivc_connect_opt(ctx, peer, &at_once, &ch);

	if (ret)
		die("connect", -ret);
	return ch;
}

static ivc_channel *accepted(ivc_context *ctx)
{
	ivc_channel *ch;
	int ret;

	readable(ivc_context_fd(ctx));
	ret = ivc_accept_opt(ctx, &at_once, &ch);
	if (ret)
		die("accept", -ret);
	return ch;
}

static void must_be_open(ivc_channel *ch)
{
	int ret;

	readable(ivc_channel_fd(ch));
	ret = ivc_connected(ch, 0);
	if (ret)
		die("connected", -ret);
}

static ivc_peer peer_of(ivc_context *ctx, uint32_t id)
{
	ivc_peer peer = { 0 };
	int ret = ivc_find(ctx, id, 60000, &peer);

	if (ret)
		die("find", -ret);
	return peer;
}

/* Both ends in this process, in the order of their making, as in programs. */
static void channels(struct steps *got, int n)
{
	ivc_context *a = must_register(1), *b = must_register(2);
	ivc_channel **one = calloc((size_t)n, sizeof(*one));
	ivc_channel **two = calloc((size_t)n, sizeof(*two));
	ivc_peer peer = peer_of(b, 1);
	int i;

	begin();
	for (i = 0; i < n; i++) {
		two[i] = offered(b, peer);
		one[i] = accepted(a);
		must_be_open(two[i]);
	}
	got[CONNECT] = end(n);

	ivcd_end();
	settle();
	since.here = (double)steps_here();
	since.ivcd = 0;
	*ivcd_steps = 0;
	ivcd_start();
	/* Its context exists, and is not one that has left. */
	ivc_unregister(must_register(3));
	got[ADOPT] = end(n);

	begin();
	for (i = 0; i < n; i++)
		ivc_close(one[i]);
	for (i = 0; i < n; i++)
		ivc_close(two[i]);
	got[CLOSE] = end(n);
	free(one);
	free(two);
	ivc_unregister(a);
	ivc_unregister(b);
}

static _Noreturn void victim(int n)
{
	ivc_context *ctx = must_register(1);

	while (n--)
		accepted(ctx);
	for (;;)
		pause();
}

static void death(struct steps *got, int n)
{
	ivc_channel **ch = calloc((size_t)n, sizeof(*ch));
	pid_t pid = fork();
	ivc_context *ctx;
	ivc_peer peer;
	char byte;
	int i;

	if (!pid)
		victim(n);
	ctx = must_register(2);
	peer = peer_of(ctx, 1);
	for (i = 0; i < n; i++) {
		ch[i] = offered(ctx, peer);
		must_be_open(ch[i]);
	}
	begin();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	got[DEATH] = end(n);
	for (i = 0; i < n; i++) {
		ssize_t ret = ivc_read(ch[i], &byte, 1);

		if (ret != -ECONNRESET)
			die("not told of the peer's death", (int)-ret);
	}
	for (i = n - 1; i >= 0; i--)
		ivc_close(ch[i]);
	free(ch);
	ivc_unregister(ctx);
}

/* A context must leave without a walk over the channels of the process. */
static void some_channels(ivc_context *a, ivc_context *b, ivc_channel **ch,
			  int n)
{
	ivc_peer peer = peer_of(b, 0);

	for (; n; n--, ch += 2) {
		ch[0] = offered(b, peer);
		ch[1] = accepted(a);
		must_be_open(ch[0]);
	}
}

static void members(struct steps *got, int n)
{
	ivc_channel **ch = calloc((size_t)n, 2 * sizeof(ivc_channel *));
	ivc_context **ctx = calloc((size_t)n, sizeof(*ctx));
	ivc_peer *peers = calloc((size_t)n, sizeof(*peers));
	int i, ret;

	begin();
	for (i = 0; i < n; i++)
		ctx[i] = must_register((uint32_t)i);
	got[JOIN] = end(n);

	begin();
	ret = ivc_hosts(ctx[0], peers, (unsigned int)n);
	got[LIST] = end(n);
	if (ret != n - 1)
		die("hosts", ret < 0 ? -ret : EIO);

	some_channels(ctx[0], ctx[1], ch, n);
	begin();
	for (i = 0; i < n; i++)
		ivc_unregister(ctx[i]);
	got[LEAVE] = end(n);
	for (i = 0; i < 2 * n; i++)
		ivc_close(ch[i]);
	free(ch);
	free(ctx);
	free(peers);
}

/* As in the transport of Xen when a guest is suspended. */
static void moved(struct steps *got, int n)
{
	struct ivc_channel **ch = calloc((size_t)n, sizeof(*ch));
	struct ivc_context ctx = { 0 };
	int i, told = 0;

	for (i = 0; i < n; i++) {
		if (ivc_channel_new(&ivc_local, &ch[i]))
			die("channel", ENOMEM);
		ivc_channel_idle(ch[i], -EREMCHG);
		ivc_context_add(&ctx, ch[i]);
	}
	begin();
	ivc_context_scan(&ctx);
	while (ivc_context_ended(&ctx))
		told++;
	got[MOVE] = end(n);
	if (told != n)
		die("not told of each", EIO);
	for (i = 0; i < n; i++)
		ivc_close(ch[i]);
	free(ch);
}

static void compare(const char *what, const char *who, double few, double many)
{
	int ok = many <= few * AT_MOST;

	printf("%s %s: blocks of %s per item: %.0f of %d, %.0f of %d\n",
	       ok ? "ok  " : "FAIL", what, who, few, FEW, many, MANY);
}

int main(int argc, char **argv)
{
	struct steps few[PHASES], many[PHASES];
	struct rlimit files;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		return 64;
	ivcd_path = argv[1];
	ivcd_steps = steps_map(getenv("IVCD_STEPS"));
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (!ivcd_steps || files.rlim_cur < 7 * MANY - 200)
		die("so many descriptors are needed", EMFILE);
	ivcd_start();
	channels(few, FEW);
	death(few, FEW);
	members(few, FEW);
	moved(few, FEW);
	channels(many, MANY);
	death(many, MANY);
	members(many, MANY);
	moved(many, MANY);
	ivcd_end();
	for (i = 0; i < PHASES; i++) {
		compare(names[i], "libivc", few[i].here, many[i].here);
		compare(names[i], "ivcd", few[i].ivcd, many[i].ivcd);
	}
	return 0;
}
