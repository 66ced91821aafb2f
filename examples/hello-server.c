/* SPDX-License-Identifier: MIT */
/*
 * The server of Figure 5 of the paper (SC'07): accept one client, print what
 * the client sends, and end when the client closes the channel.
 *
 *	./hello-server &
 *	./hello-client
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ivc/ivc.h>

#define MAGIC_ID 2007 /* names the job: both programs use the same number */
#define SERVER_ID 1   /* names this process within the job */

int main(void)
{
	ivc_context *ctx;
	ivc_channel *channel;
	char buffer[256];
	ssize_t bytes;

	ctx = ivc_register(MAGIC_ID, SERVER_ID);
	if (!ctx)
		err(1, "ivc_register (no ivcd? no /dev/ivc?)");
	printf("hello-server: waiting for a client\n");
	fflush(stdout);

	/* Blocks until a client connects. */
	channel = ivc_accept(ctx);
	if (!channel)
		err(1, "ivc_accept");
	printf("hello-server: process %u has connected\n",
	       ivc_peer_id(channel));

	/*
	 * ivc_read() never blocks. It returns 0 while nothing has arrived, and
	 * -EPIPE once the client has closed the channel and every byte that the
	 * client wrote has been read.
	 */
	while ((bytes = ivc_read(channel, buffer, sizeof(buffer))) >= 0) {
		if (bytes > 0)
			printf("hello-server: received: %.*s\n", (int)bytes,
			       buffer);
		else
			ivc_wait(channel, IVC_READABLE, -1);
	}
	if (bytes != -EPIPE)
		errx(1, "ivc_read: %s", strerror((int)-bytes));

	ivc_close(channel);
	ivc_unregister(ctx);
	return 0;
}
