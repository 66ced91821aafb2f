/* SPDX-License-Identifier: MIT */
/*
 * An echo server for any number of clients in one thread: an event loop with
 * epoll. The client is echo-client. The server runs until it is killed.
 *
 * The descriptor of the context becomes readable when a client connects, the
 * descriptor of a channel when that channel needs attention.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include <ivc/ivc.h>

#define MAGIC_ID 2008
#define SERVER_ID 1

static void watch(int epoll, int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = what };

	if (fd < 0)
		errx(1, "no descriptor: %s", strerror(-fd));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
		err(1, "epoll_ctl");
}

/*
 * Echo until there is nothing to do. Returns 0 when the descriptor of the
 * channel will report the next change, or the error with which the channel has
 * ended.
 */
static int serve(ivc_channel *channel)
{
	int want = IVC_READABLE;
	int ready;

	do {
		const void *data;
		ssize_t in, out = 0;

		/* Look at the data in the ring, without a copy. */
		in = ivc_peek(channel, &data);
		if (in < 0)
			return (int)in;
		if (in > 0) {
			out = ivc_write(channel, data, (size_t)in);
			if (out < 0)
				return (int)out;
			ivc_release(channel, (size_t)out);
		}
		/* Nothing to read, or no room for the answer? */
		want = in > out ? IVC_WRITABLE : IVC_READABLE;

		/*
		 * Ask for a wake-up. If the condition is already true,
		 * ivc_arm() returns it and there will be no wake-up.
		 */
		ready = ivc_arm(channel, want);
	} while (ready > 0);
	return ready;
}

/*
 * The library may close the descriptor a little later than ivc_close() returns.
 * Until then epoll would report a channel that is no more.
 */
static void end(int epoll, ivc_channel *channel)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, ivc_channel_fd(channel), NULL);
	ivc_close(channel);
}

static void accept_all(ivc_context *ctx, int epoll)
{
	struct ivc_channel_options opt = { .timeout_ms = 0 };
	ivc_channel *channel;
	int ret;

	for (;;) {
		ret = ivc_accept_opt(ctx, &opt, &channel);
		if (ret == -ETIMEDOUT) /* no further client now */
			return;
		if (ret < 0) {
			warnx("ivc_accept_opt: %s", strerror(-ret));
			return;
		}
		printf("echo-epoll: a client has connected\n");
		watch(epoll, ivc_channel_fd(channel), channel);
		/* Data that arrived before this moment causes no wake-up. */
		ret = serve(channel);
		if (ret < 0)
			end(epoll, channel);
	}
}

int main(void)
{
	struct epoll_event events[64];
	ivc_context *ctx;
	int epoll, i, n, ret;

	setlinebuf(stdout);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		err(1, "epoll_create1");
	ctx = ivc_register(MAGIC_ID, SERVER_ID);
	if (!ctx)
		err(1, "ivc_register (no ivcd? no /dev/ivc?)");
	watch(epoll, ivc_context_fd(ctx), ctx);
	printf("echo-epoll: waiting for clients\n");

	for (;;) {
		n = epoll_wait(epoll, events, 64, -1);
		if (n < 0 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			ivc_channel *channel = events[i].data.ptr;

			if (events[i].data.ptr == ctx) {
				accept_all(ctx, epoll);
				continue;
			}
			ret = serve(channel);
			if (ret == 0)
				continue;
			printf("echo-epoll: a client has gone: %s\n",
			       ret == -EPIPE ? "it closed the channel"
					     : strerror(-ret));
			end(epoll, channel);
		}
	}
}
