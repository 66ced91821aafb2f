/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads or contexts that end in the middle of a call: ivc_unregister() during
 * calls that wait, and pthread_cancel() in each call. One line per check, as in
 * run.sh.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <ivc/ivc.h>

#include "count.h"
#include "member.h"

#define MAGIC 0xe0d5
#define ROUNDS 200
#define HANGS 60 /* seconds; no step here takes one */

static const char *doing;

static void hangs(int sig)
{
	static const char text[] = "FAIL hangs: ";

	(void)sig;
	if (write(1, text, sizeof(text) - 1) < 0 ||
	    write(1, doing, strlen(doing)) < 0 || write(1, "\n", 1) < 0)
		_exit(2);
	_exit(1);
}

static void now_doing(const char *what)
{
	doing = what;
	alarm(HANGS);
}

/* ------------------------------------------ unregister under a call */

static const struct ivc_channel_options for_ever = { .timeout_ms = -1 };
static ivc_context *ctx;
static ivc_peer mute; /* accepts nothing */

static int by_errno(const void *p)
{
	return p ? 0 : -errno;
}

static int in_accept(void)
{
	return by_errno(ivc_accept(ctx));
}

static int in_accept_opt(void)
{
	ivc_channel *ch;

	return ivc_accept_opt(ctx, &for_ever, &ch);
}

static int in_connect(void)
{
	ivc_channel *ch;

	return ivc_connect_opt(ctx, mute, &for_ever, &ch);
}

static int in_next_event(void)
{
	struct ivc_event ev;
	int ret;

	while ((ret = ivc_next_event(ctx, &ev, -1)) == 1)
		;
	return ret;
}

static int in_dispatch(void)
{
	static const struct ivc_callbacks none;
	int ret;

	while ((ret = ivc_dispatch(ctx, &none, NULL, -1)) > 0)
		;
	return ret;
}

static int in_find(void)
{
	ivc_peer peer;

	return ivc_find(ctx, 999, -1, &peer);
}

static const struct call {
	const char *name;
	int (*fn)(void);
} calls[] = {
	{ "ivc_accept", in_accept },
	{ "ivc_accept_opt", in_accept_opt },
	{ "ivc_connect_opt", in_connect },
	{ "ivc_find", in_find },
	{ "ivc_next_event", in_next_event },
	{ "ivc_dispatch", in_dispatch },
};

#define N_CALLS ((int)(sizeof(calls) / sizeof(calls[0])))

struct caller {
	const struct call *call;
	pthread_t thread;
	_Atomic pid_t tid;
	int ret;
};

static void *caller_main(void *arg)
{
	struct caller *c = arg;

	c->tid = gettid();
	c->ret = c->call->fn();
	return NULL;
}

static int asleep(pid_t tid)
{
	char path[64], line[256] = "";
	const char *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "r");
	if (!f) {
		die("%s: %s", path, strerror(errno));
		return 0;
	}
	if (!fgets(line, sizeof(line), f))
		die("%s: %s", path, strerror(errno));
	fclose(f);
	state = strrchr(line, ')');
	return state && state[2] == 'S';
}

/* Longer than any wait for an answer of ivcd. */
static void until_asleep(const struct caller *c)
{
	int still = 0;

	while (still < 5) {
		usleep(10000);
		still = c->tid && asleep(c->tid) ? still + 1 : 0;
	}
}

static int ended(struct caller *c)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += HANGS / 2;
	return !pthread_timedjoin_np(c->thread, NULL, &ts);
}

/* @each: threads in each call. */
static void under_calls(int each)
{
	struct caller c[4 * N_CALLS] = { 0 };
	int n = each * N_CALLS, i;
	char text[80];

	now_doing("unregister under calls that wait");
	ctx = must_register(MAGIC, 1);
	mute = must_find(ctx, 2);
	for (i = 0; i < n; i++) {
		c[i].call = &calls[i % N_CALLS];
		pthread_create(&c[i].thread, NULL, caller_main, &c[i]);
	}
	for (i = 0; i < n; i++)
		until_asleep(&c[i]);
	ivc_unregister(ctx);
	for (i = 0; i < n; i++) {
		if (!ended(&c[i]))
			die("a call waits, and its context is gone");
		snprintf(text, sizeof(text),
			 "ivc_unregister() under %s: ECANCELED",
			 c[i].call->name);
		check(c[i].ret == -ECANCELED, "%s", text);
	}
}

/* ivc_unregister() at any moment of calls that end by themselves. */
static pthread_barrier_t start;
static int wrong;

static void *asks_once(void *arg)
{
	struct ivc_channel_options opt = { .timeout_ms = 1 };
	ivc_context *mine = ctx;
	ivc_channel *ch = NULL;
	struct ivc_event ev;
	ivc_peer peers[8];
	int ret;

	pthread_barrier_wait(&start);
	switch ((int)(intptr_t)arg) {
	case 0:
		ret = ivc_hosts(mine, peers, 8);
		break;
	case 1:
		ret = ivc_connect_opt(mine, mute, &opt, &ch);
		break;
	case 2:
		ret = ivc_accept_opt(mine, &opt, &ch);
		break;
	default:
		ret = ivc_next_event(mine, &ev, 1);
	}
	if (ret < 0 && ret != -ECANCELED && ret != -ETIMEDOUT)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	ivc_close(ch);
	return NULL;
}

/*
 * In a callback ivc_dispatch() keeps the context's memory. So a thread that
 * enters its call late finds the context cancelled.
 */
static void while_asked(ivc_context *c, const ivc_peer *peer, void *arg)
{
	static unsigned int n;
	pthread_t t[4];
	intptr_t i;

	(void)arg;
	ctx = c;
	mute = *peer;
	pthread_barrier_init(&start, NULL, 5);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, asks_once, (void *)i);
	pthread_barrier_wait(&start);
	usleep(n++ % 20 * 20);
	ivc_unregister(c);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&start);
}

static void at_any_moment(void)
{
	static const struct ivc_callbacks cb = { .join = while_asked };
	int n, ret = 1;

	now_doing("unregister under calls that ask");
	for (n = 0; n < ROUNDS && ret == 1; n++)
		ret = ivc_dispatch(must_register(MAGIC, 1), &cb, NULL, -1);
	check(!wrong && ret == 1, "ivc_unregister() under calls that ask");
}

static void leave_it(ivc_context *c, const ivc_peer *peer, void *arg)
{
	(void)peer;
	++*(int *)arg;
	ivc_unregister(c);
}

static void from_a_callback(void)
{
	static const struct ivc_callbacks cb = { .join = leave_it };
	int joins = 0, ret;

	now_doing("unregister from a callback");
	ret = ivc_dispatch(must_register(MAGIC, 1), &cb, &joins, -1);
	check(ret == 1 && joins == 1, "ivc_unregister() from a callback");
	ivc_unregister(must_register(MAGIC, 1));
	check(1, "which has left the group");
}

/* ------------------------------------------------- pthread_cancel() */

static ivc_context *server;
static ivc_channel *one, *two;

static void lists(void)
{
	ivc_peer peers[8];

	if (ivc_hosts(ctx, peers, 8) < 0 || !ivc_get_hosts(ctx))
		die("hosts: %s", strerror(errno));
}

static void registers(void)
{
	ivc_unregister(must_register(MAGIC, 7));
}

static void connects(void)
{
	static const struct ivc_channel_options opt;
	ivc_channel *a = NULL, *b = NULL;

	(void)ivc_connect_opt(ctx, mute, &opt, &a);
	(void)ivc_accept_opt(server, &opt, &b);
	ivc_close(a);
	ivc_close(b);
}

static void hears(void)
{
	struct ivc_event ev;

	if (ivc_next_event(ctx, &ev, 1) < 0)
		die("next_event: %s", strerror(EIO));
}

static void waits(void)
{
	struct ivc_stats st;
	char byte = 1;

	(void)ivc_write(one, &byte, 1);
	(void)ivc_read(two, &byte, 1);
	if (ivc_wait(two, IVC_READABLE, 1) < 0 || ivc_get_stats(two, &st))
		die("wait: %s", strerror(EIO));
}

static void (*what)(void);
static _Atomic int begun;

static void *repeats(void *arg)
{
	(void)arg;
	begun = 1;
	for (;;) {
		what();
		pthread_testcancel();
	}
	return NULL;
}

/*
 * Cancel the thread at many moments. Afterwards the same call must work here.
 */
static void cancelled(void (*fn)(void), const char *name)
{
	char text[100];
	pthread_t t;
	int i;

	now_doing(name);
	what = fn;
	for (i = 0; i < ROUNDS; i++) {
		begun = 0;
		pthread_create(&t, NULL, repeats, NULL);
		while (!begun)
			;
		usleep((unsigned int)(i * 7 % 400));
		pthread_cancel(t);
		pthread_join(t, NULL);
	}
	fn();
	snprintf(text, sizeof(text), "pthread_cancel() in %s", name);
	check(true, "%s", text);
}

static void cancels(void)
{
	int ret;

	ctx = must_register(MAGIC, 3);
	server = must_register(MAGIC, 4);
	mute = must_find(ctx, 4);
	ret = ivc_connect_opt(ctx, mute, &(struct ivc_channel_options){ 0 },
			      &one);
	if (!ret)
		ret = ivc_accept_opt(server, &for_ever, &two);
	if (!ret)
		ret = ivc_connected(one, 30000);
	if (ret)
		die("a pair: %s", strerror(-ret));
	ivc_set_spin(two, 0);
	cancelled(lists, "ivc_hosts, ivc_get_hosts");
	cancelled(registers, "ivc_register, ivc_unregister");
	cancelled(connects, "ivc_connect_opt, ivc_accept_opt, ivc_close");
	cancelled(hears, "ivc_next_event");
	cancelled(waits, "ivc_write, ivc_read, ivc_wait, ivc_get_stats");
	ivc_close(one);
	ivc_close(two);
	ivc_unregister(ctx);
	ivc_unregister(server);
}

int main(void)
{
	int fds = count_entries("/proc/self/fd");
	ivc_context *other;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, hangs);
	now_doing("begins");
	other = must_register(MAGIC, 2);
	under_calls(1);
	under_calls(4);
	at_any_moment();
	from_a_callback();
	cancels();
	ivc_unregister(other);
	check(count_entries("/proc/self/fd") == fds, "no descriptor is left");
	return failed ? 1 : 0;
}
