/* SPDX-License-Identifier: MIT */
/*
 * Send each argument to an echo server and print the answer: calls that wait,
 * with timeouts. The server is echo-epoll.
 *
 *	./echo-epoll &
 *	./echo-client one two three
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ivc/ivc.h>

#define MAGIC_ID 2008
#define SERVER_ID 1
#define TIMEOUT_MS 30000

int main(int argc, char **argv)
{
	ivc_context *ctx;
	ivc_channel *channel;
	ivc_peer server;
	char answer[4096];
	int i, ret;

	/* Each client needs an id of its own in the job. */
	ctx = ivc_register(MAGIC_ID, (uint32_t)getpid());
	if (!ctx)
		err(1, "ivc_register (no ivcd? no /dev/ivc?)");

	/* Wait until the server has joined the job. */
	ret = ivc_find(ctx, SERVER_ID, TIMEOUT_MS, &server);
	if (ret < 0)
		errx(1, "no echo server: %s", strerror(-ret));
	channel = ivc_connect(ctx, server);
	if (!channel)
		err(1, "ivc_connect");

	for (i = 1; i < argc; i++) {
		size_t len = strlen(argv[i]);
		ssize_t n;

		if (len > sizeof(answer))
			errx(1, "argument %d is longer than %zu bytes", i,
			     sizeof(answer));
		n = ivc_write_all(channel, argv[i], len, TIMEOUT_MS, NULL);
		if (n < 0)
			errx(1, "ivc_write_all: %s", strerror((int)-n));
		n = ivc_read_all(channel, answer, len, TIMEOUT_MS, NULL);
		if (n < 0)
			errx(1, "ivc_read_all: %s", strerror((int)-n));
		printf("echo-client: %.*s\n", (int)len, answer);
	}
	ivc_close(channel);
	ivc_unregister(ctx);
	return 0;
}
