/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fork() at any moment of a program with threads in every call. A child can
 * still free the handles of its parent, and can use the library anew; the
 * parent is not disturbed. One line per check, as in run.sh.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ivc/ivc.h>

#include "count.h"
#include "member.h"

#define MAGIC 0xf02c
#define CHILDREN 300
/* alarm() ends a process that hangs; no step here takes a second. */
#define HANGS 60

/* Two contexts, and both ends of a channel between them. */
struct pair {
	ivc_context *a, *b;
	ivc_channel *ca, *cb;
};

static const struct ivc_channel_options soon = { .timeout_ms = 30000 };
static const struct ivc_channel_options at_once;

static struct pair pair_new(uint32_t id)
{
	struct pair p = { must_register(MAGIC, id),
			  must_register(MAGIC, id + 1), 0, 0 };
	ivc_peer peer;
	int ret;

	ret = ivc_find(p.b, id, 30000, &peer);
	if (!ret)
		ret = ivc_connect_opt(p.b, peer, &at_once, &p.cb);
	if (!ret)
		ret = ivc_accept_opt(p.a, &soon, &p.ca);
	if (!ret)
		ret = ivc_connected(p.cb, 30000);
	if (ret)
		die("a pair: %s", strerror(-ret));
	return p;
}

static void pair_end(const struct pair *p)
{
	ivc_close(p->ca);
	ivc_close(p->cb);
	ivc_unregister(p->a);
	ivc_unregister(p->b);
}

static int carries(ivc_channel *from, ivc_channel *to)
{
	char buf[8] = "";

	return ivc_write_all(from, "carried", 8, 30000, NULL) == 8 &&
	       ivc_read_all(to, buf, 8, 30000, NULL) == 8 &&
	       !strcmp(buf, "carried");
}

static int works(const struct pair *p)
{
	return carries(p->ca, p->cb) && carries(p->cb, p->ca);
}

/* Did the child exit with 0? */
static int child_ended(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		printf("     child: ends with %d\n", WEXITSTATUS(status));
	if (WIFSIGNALED(status))
		printf("     child: %s\n", strsignal(WTERMSIG(status)));
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* ------------------------------------------------ each call in a child */

static int other_fds;

#define STALE(call) check((call) == -ESTALE, "in a child, ESTALE: " #call)

static void each_of_channel(ivc_channel *ch)
{
	struct iovec part = { "x", 1 };
	struct ivc_stats st;
	const void *q;
	char byte;
	void *p;

	STALE(ivc_read(ch, &byte, 1));
	STALE(ivc_write(ch, &byte, 1));
	STALE(ivc_write(ch, "0123456789abcdef", 16));
	STALE(ivc_write_record(ch, &part, 1));
	STALE(ivc_reserve(ch, 1, 1, &p));
	STALE(ivc_commit(ch, 1));
	STALE(ivc_peek(ch, &q));
	check(ivc_release(ch, 1) == -EINVAL,
	      "in a child, ivc_release: of nothing that was peeked at");
	STALE(ivc_read_all(ch, &byte, 1, -1, NULL));
	STALE(ivc_write_all(ch, &byte, 1, -1, NULL));
	check(ivc_wait(ch, IVC_READABLE | IVC_WRITABLE, -1) ==
		      (IVC_READABLE | IVC_WRITABLE),
	      "in a child, ivc_wait: as of an ended one");
	STALE(ivc_arm(ch, IVC_READABLE));
	STALE(ivc_connected(ch, -1));
	STALE(ivc_channel_fd(ch));
	STALE(ivc_undelivered(ch));
	STALE(ivc_recall(ch, &byte, 1, 0));
	STALE(ivc_unread(ch, &p));
	STALE(ivc_get_stats(ch, &st));
	check(ivc_peer_id(ch) == 1 || ivc_peer_id(ch) == 2,
	      "who the peer was is still known");
	check(ivc_close(ch) == 0, "in a child, ivc_close");
}

static void each_of_context(ivc_context *ctx)
{
	static const struct ivc_callbacks none;
	ivc_peer peer = { .member = 1 };
	struct ivc_event ev;
	ivc_channel *ch;

	STALE(ivc_hosts(ctx, &peer, 1));
	errno = 0;
	check(!ivc_get_hosts(ctx) && errno == ESTALE,
	      "in a child, ESTALE: ivc_get_hosts");
	STALE(ivc_find(ctx, 1, -1, &peer));
	STALE(ivc_connect_opt(ctx, peer, NULL, &ch));
	STALE(ivc_accept_opt(ctx, NULL, &ch));
	STALE(ivc_next_event(ctx, &ev, -1));
	STALE(ivc_dispatch(ctx, &none, NULL, -1));
	STALE(ivc_context_fd(ctx));
	ivc_unregister(ctx);
}

/* In a child: register anew, and connect to the parent. */
static void anew(uint32_t id, uint32_t parent)
{
	ivc_context *ctx = must_register(MAGIC, id);
	char buf[8] = "";
	ivc_channel *ch = NULL;
	ivc_peer peer;
	int ret;

	ret = ivc_find(ctx, parent, 30000, &peer);
	if (!ret)
		ret = ivc_connect_opt(ctx, peer, &soon, &ch);
	check(!ret && ivc_read_all(ch, buf, 8, 30000, NULL) == 8 &&
		      !strcmp(buf, "carried"),
	      "a child of its own: registers, connects, reads");
	if (!ret)
		ivc_close(ch);
	ivc_unregister(ctx);
}

static void each_call(void)
{
	struct pair p = pair_new(1);
	ivc_context *third = must_register(MAGIC, 5);
	ivc_channel *waits, *offer, *ch;
	ivc_peer peer;
	const void *q;
	void *room;
	pid_t pid;
	int ret;

	ret = ivc_find(p.b, 5, 30000, &peer);
	if (!ret)
		ret = ivc_connect_opt(p.b, peer, &at_once, &offer);
	if (ret)
		die("an offer: %s", strerror(-ret));
	/* Something to lose in each state: reserved, unread and peeked data. */
	check(ivc_write(p.cb, "unread", 7) == 7 && ivc_peek(p.ca, &q) == 7 &&
		      ivc_reserve(p.ca, 9, 9, &room) >= 9,
	      "a channel in the middle of things");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(HANGS);
		failed = 0;
		check(count_entries("/proc/self/fd") == other_fds,
		      "a child has none of its parent's descriptors");
		check(count_maps() == 0, "and none of its rings");
		each_of_channel(p.ca);
		each_of_channel(p.cb);
		check(ivc_connected(offer, 0) == -ESTALE &&
			      ivc_close(offer) == 0,
		      "nor a channel that is being established");
		each_of_context(p.a);
		each_of_context(p.b);
		each_of_context(third);
		anew(3, 1);
		check(count_entries("/proc/self/fd") == other_fds,
		      "and leaves nothing");
		fflush(stdout);
		_exit(failed ? 1 : 0);
	}
	ret = ivc_accept_opt(p.a, &soon, &ch);
	check(!ret && ivc_write(ch, "carried", 8) == 8, "the parent accepts");
	check(child_ended(pid), "the child ends well");
	if (!ret)
		ivc_close(ch);
	check(ivc_commit(p.ca, 0) == 0 && ivc_release(p.ca, 7) == 0 &&
		      works(&p),
	      "its parent's channel carries as before");
	check(ivc_accept_opt(third, &soon, &waits) == 0 &&
		      ivc_connected(offer, 30000) == 0 && carries(waits, offer),
	      "and so does a channel that was being established");
	ivc_close(waits);
	ivc_close(offer);
	ivc_unregister(third);
	pair_end(&p);
}

/* ---------------------------------------------- threads in every call */

static _Atomic int enough;
static struct pair steady;

static void *registers(void *arg)
{
	(void)arg;
	while (!enough)
		ivc_unregister(must_register(MAGIC, 10));
	return NULL;
}

static void *lists(void *arg)
{
	ivc_peer peers[16];

	(void)arg;
	while (!enough)
		if (ivc_hosts(steady.a, peers, 16) < 0 ||
		    !ivc_get_hosts(steady.a))
			die("hosts: %s", strerror(errno));
	return NULL;
}

static void *hears(void *arg)
{
	struct ivc_event ev;

	(void)arg;
	while (!enough)
		if (ivc_next_event(steady.b, &ev, 10) < 0)
			die("event: %s", strerror(errno));
	return NULL;
}

static void *connects(void *arg)
{
	ivc_context *ctx = must_register(MAGIC, 11);
	ivc_channel *ch;
	ivc_peer peer;

	(void)arg;
	if (ivc_find(ctx, 20, 30000, &peer))
		die("find: %s", strerror(EIO));
	while (!enough)
		if (!ivc_connect_opt(ctx, peer, NULL, &ch))
			ivc_close(ch);
	ivc_unregister(ctx);
	return NULL;
}

static void *accepts(void *arg)
{
	struct ivc_channel_options opt = { .timeout_ms = 10 };
	ivc_channel *ch;

	while (!enough)
		if (!ivc_accept_opt(arg, &opt, &ch))
			ivc_close(ch);
	return NULL;
}

/* Reads and writes, with and without sleeping. */
static void *plays(void *arg)
{
	ivc_channel *ch = arg;
	char buf[1000];
	size_t done = 0;

	memset(buf, 7, sizeof(buf));
	while (!enough)
		if (ivc_write_all(ch, buf, sizeof(buf), 10, &done) < 0 && !done)
			(void)ivc_wait(ch, IVC_READABLE, 1);
	return NULL;
}

static void *drains(void *arg)
{
	ivc_channel *ch = arg;
	char buf[700];
	ssize_t n;

	while (!enough) {
		n = ivc_read(ch, buf, sizeof(buf));
		if (n < 0)
			die("read: %s", strerror((int)-n));
		if (!n)
			(void)ivc_wait(ch, IVC_READABLE, 5);
	}
	return NULL;
}

/* In a child: use the handles that the parent was using. */
static void child_of_storm(int i, int whole)
{
	ivc_context *ctx;

	alarm(HANGS);
	if (whole && count_maps())
		_exit(3);
	if (whole && count_entries("/proc/self/fd") != other_fds)
		_exit(4);
	if (i % 3 == 0)
		_exit(0);
	if (i % 3 == 1)
		pair_end(&steady);
	ctx = must_register(MAGIC, (uint32_t)(100 + i));
	if (whole && i % 3 != 1 && ivc_hosts(steady.a, NULL, 0) != -ESTALE)
		_exit(2);
	ivc_unregister(ctx);
	if (i % 3 == 2)
		pair_end(&steady);
	_exit(0);
}

static pid_t fork_bare(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
	return _Fork();
#else
	return fork();
#endif
}

static int storm(pid_t (*how)(void))
{
	int i, good = 0;

	for (i = 0; i < CHILDREN; i++) {
		pid_t pid = how();

		if (!pid)
			child_of_storm(i, how == fork);
		if (!child_ended(pid))
			break;
		good++;
	}
	return good;
}

static void threads(void)
{
	void *(*const what[])(void *) = { registers, lists, hears, connects };
	pthread_t t[8];
	ivc_context *server = must_register(MAGIC, 20);
	struct pair other;
	int i, n = 0;

	steady = pair_new(21);
	other = pair_new(23);
	ivc_set_spin(other.ca, 0);
	for (i = 0; i < 4; i++)
		pthread_create(&t[n++], NULL, what[i], NULL);
	pthread_create(&t[n++], NULL, accepts, server);
	pthread_create(&t[n++], NULL, plays, steady.ca);
	pthread_create(&t[n++], NULL, drains, steady.cb);
	pthread_create(&t[n++], NULL, drains, other.ca);
	check(storm(fork) == CHILDREN,
	      "fork() with threads in every call: all children end");
	check(storm(fork_bare) == CHILDREN,
	      "_Fork(), which tells nobody: all children end");
	enough = 1;
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	check(works(&other), "the parent's channels carry as before");
	pair_end(&other);
	pair_end(&steady);
	ivc_unregister(server);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	other_fds = count_entries("/proc/self/fd");
	each_call();
	threads();
	check(count_entries("/proc/self/fd") == other_fds,
	      "no descriptor is left");
	return failed ? 1 : 0;
}
