/* SPDX-License-Identifier: MIT */
/*
 * The client of Figure 5 of the paper (SC'07): connect to the only other
 * process of the job, send a text and close the channel. Start hello-server
 * first.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <ivc/ivc.h>

#define MAGIC_ID 2007 /* names the job: both programs use the same number */
#define CLIENT_ID 2   /* names this process within the job */

int main(void)
{
	static const char text[] = "hello from the client";
	size_t done = 0, size = sizeof(text) - 1;
	ivc_context *ctx;
	const ivc_peer *peers;
	ivc_channel *channel;
	ssize_t bytes;

	ctx = ivc_register(MAGIC_ID, CLIENT_ID);
	if (!ctx)
		err(1, "ivc_register (no ivcd? no /dev/ivc?)");

	/* The other processes of the job here; member 0 ends the list. */
	peers = ivc_get_hosts(ctx);
	if (!peers)
		err(1, "ivc_get_hosts");
	if (!peers[0].member)
		errx(1, "no other process in job %d: start hello-server first",
		     MAGIC_ID);

	/* Blocks until the server accepts. */
	channel = ivc_connect(ctx, peers[0]);
	if (!channel)
		err(1, "ivc_connect");

	/*
	 * ivc_write() never blocks. It returns the number of bytes that it
	 * took, which is less than the size when the ring is full.
	 */
	while (done < size) {
		bytes = ivc_write(channel, text + done, size - done);
		if (bytes < 0)
			errx(1, "ivc_write: %s", strerror((int)-bytes));
		if (bytes == 0)
			ivc_wait(channel, IVC_WRITABLE, -1);
		done += (size_t)bytes;
	}
	printf("hello-client: sent %zu bytes to process %u\n", done,
	       ivc_peer_id(channel));

	/* The server still reads everything that was written. */
	ivc_close(channel);
	ivc_unregister(ctx);
	return 0;
}
