/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of the local transport that the scenarios of ivc-apitest do not
 * use: the choice of a transport, the context's descriptor, fork(), the start
 * and end of the library's thread. One line per check, as in run.sh.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ivc/ivc.h>

#include "count.h"
#include "member.h"

#define MAGIC 0x75

static void transports(void)
{
	ivc_context *ctx;

	check(ivc_set_transport("pigeon") == -EINVAL, "no such transport");
	check(!ivc_set_transport("xen"), "xen, by the program's word");
	errno = 0;
	check(!ivc_register(MAGIC, 1) && errno == ENODEV,
	      "which is not here, whatever IVC_TRANSPORT says");
	check(!ivc_set_transport("local"), "local, by the program's word");
	setenv("IVC_TRANSPORT", "xen", 1);
	ctx = must_register(MAGIC, 1);
	check(ctx != NULL, "which is here");
	ivc_unregister(ctx);
	check(!ivc_set_transport(NULL), "no word");
	check(!ivc_register(MAGIC, 1) && errno == ENODEV, "IVC_TRANSPORT=xen");
	unsetenv("IVC_TRANSPORT");
	ctx = must_register(MAGIC, 1);
	check(ctx != NULL, "IVC_SOCKET alone");
	ivc_unregister(ctx);
	setenv("IVC_TRANSPORT", "local", 1);
}

static int readable(const ivc_context *ctx, int ms)
{
	struct pollfd pfd = { .fd = ivc_context_fd(ctx),
			      .events = POLLIN | POLLPRI };

	return poll(&pfd, 1, ms) == 1;
}

/* Both ends are in this process. */
static void descriptor(void)
{
	struct ivc_channel_options co = { .timeout_ms = 0 };
	ivc_context *a = must_register(MAGIC, 1), *b;
	ivc_channel *ca, *cb;
	struct ivc_event ev;
	ivc_peer peer;
	char buf[4];

	b = must_register(MAGIC, 2);
	check(!readable(a, 50), "events wake nobody who never asked for one");
	check(ivc_next_event(a, &ev, 0) == 1 && ev.type == IVC_EVENT_JOIN,
	      "the first look at events");
	check(ivc_next_event(a, &ev, 0) == 0, "and no other");
	check(!readable(a, 50), "then there is nothing");
	ivc_unregister(b);
	check(readable(a, 10000), "then there is: somebody left");
	check(ivc_next_event(a, &ev, 0) == 1 && ev.type == IVC_EVENT_LEAVE,
	      "which is the event");
	while (ivc_next_event(a, &ev, 0) == 1)
		;
	b = must_register(MAGIC, 2);
	ivc_find(b, 1, 0, &peer);
	while (ivc_next_event(a, &ev, 1000) == 1)
		;
	check(!ivc_connect_opt(b, peer, &co, &cb), "an offer to oneself");
	check(readable(a, 10000), "shows on the descriptor");
	check(!ivc_accept_opt(a, &co, &ca), "and is taken");
	check(!readable(a, 50), "and then not any more");
	check(!ivc_connected(cb, 10000), "a channel within one process");
	check(ivc_write(ca, "abc", 4) == 4 &&
		      ivc_read_all(cb, buf, 4, 10000, NULL) == 4 &&
		      !memcmp(buf, "abc", 4),
	      "carries bytes");
	check(!ivc_close(ca), "one end closes");
	check(ivc_read_all(cb, buf, 1, 10000, NULL) == -EPIPE, "EPIPE");
	check(ivc_close(cb) == -EPIPE, "so does the other");
	ivc_unregister(a);
	ivc_unregister(b);
}

/* The parent dies; a child lives on. */
static void orphan(int out)
{
	struct ivc_channel_options co = { .timeout_ms = 20000 };
	ivc_context *ctx = must_register(MAGIC, 2);
	ivc_channel *ch;
	ivc_peer peer;
	pid_t child;

	if (ivc_find(ctx, 1, 20000, &peer) ||
	    ivc_connect_opt(ctx, peer, &co, &ch))
		_exit(1);
	child = fork();
	if (!child) {
		/* The child may use the library for itself. */
		ivc_context *own = ivc_register(MAGIC, 3);
		pid_t pid = own ? getpid() : 0;

		if (write(out, &pid, sizeof(pid)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	for (;;)
		pause();
}

static void forked(void)
{
	struct ivc_channel_options co = { .timeout_ms = 20000 };
	ivc_context *ctx;
	ivc_channel *ch;
	pid_t pid, child = 0;
	ivc_peer peer;
	int out[2];
	char byte;

	if (pipe(out))
		exit(1);
	pid = fork();
	if (!pid)
		orphan(out[1]);
	close(out[1]); /* otherwise the end of the parent would not show */
	ctx = must_register(MAGIC, 1);
	check(!ivc_accept_opt(ctx, &co, &ch), "a peer that will fork");
	check(read(out[0], &child, sizeof(child)) == sizeof(child) && child,
	      "its child registers for itself");
	check(!ivc_find(ctx, 3, 20000, &peer), "and is seen");
	kill(pid, SIGKILL);
	check(ivc_read_all(ch, &byte, 1, 20000, NULL) == -ECONNRESET,
	      "the parent's death is noticed though the child lives on");
	check(!ivc_find(ctx, 3, 0, &peer), "which is still there");
	waitpid(pid, NULL, 0);
	if (child)
		kill(child, SIGKILL);
	ivc_close(ch);
	ivc_unregister(ctx);
	close(out[0]);
}

int main(void)
{
	int threads = count_entries("/proc/self/task"), fds, i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ivc_unregister(must_register(MAGIC, 1));
	fds = count_entries("/proc/self/fd");
	transports();
	descriptor();
	forked();
	for (i = 0; i < 20; i++)
		ivc_unregister(must_register(MAGIC, 1));
	check(count_entries("/proc/self/fd") == fds, "no descriptor is left");
	/* A joined thread is listed until the kernel has freed it. */
	for (i = 0; i < 100 && count_entries("/proc/self/task") != threads; i++)
		usleep(20000);
	check(i < 100, "no thread is left");
	return failed ? 1 : 0;
}
