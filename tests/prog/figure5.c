/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The paper's Figure 5, as literally as C allows. The channel's id is
 * ivc_peer_id(channel), and a transfer that was not possible at once is tried
 * again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "apitest.h"

#define MAGIC_ID (opt->magic)
#define CLIENT_ID 5
#define SERVER_ID 6

static char buffer[40000];
static const size_t size = sizeof(buffer);

static void fill(void)
{
	struct rng r = rng_seed(5, 6);

	rng_fill(&r, buffer, size);
}

int cmd_figure5_client(const struct options *opt)
{
	ivc_context *ctx;
	const ivc_peer *peers;
	ivc_channel *channel;
	ssize_t bytes;
	size_t done;

	fill();

	/* Register with IVC */
	ctx = ivc_register(MAGIC_ID, CLIENT_ID);
	if (!ctx)
		fail("ivc_register: %s", errname(errno));
	/* Get all peers on the same physical node */
	do {
		peers = ivc_get_hosts(ctx);
		if (!peers)
			fail("ivc_get_hosts: %s", errname(errno));
	} while (!peers[0].member && !usleep(10000));

	/* We assume only one peer now (the server).
	 * Connect to server (peers[0]).
	 * ivc_peer_id(channel) will be SERVER_ID upon success.
	 */
	channel = ivc_connect(ctx, peers[0]);
	if (!channel)
		fail("ivc_connect: %s", errname(errno));
	if (ivc_peer_id(channel) != SERVER_ID)
		fail("connected to %u", ivc_peer_id(channel));

	/* Send data to server, bytes will be @size upon success.
	 * Otherwise, we will have to retry.
	 */
	for (done = 0; done < size; done += (size_t)bytes) {
		bytes = ivc_write(channel, buffer + done, size - done);
		if (bytes < 0)
			fail("ivc_write: %s", errname((int)bytes));
	}

	/* Close connection */
	expect_ret("ivc_close", ivc_close(channel), 0);
	ivc_unregister(ctx);
	printf("PASS figure5-client: %zu bytes\n", done);
	return 0;
}

int cmd_figure5_server(const struct options *opt)
{
	static char received[sizeof(buffer)];
	ivc_context *ctx;
	ivc_channel *channel;
	ssize_t bytes;
	size_t done;

	fill();

	/* Register with IVC */
	ctx = ivc_register(MAGIC_ID, SERVER_ID);
	if (!ctx)
		fail("ivc_register: %s", errname(errno));
	/* Block until an incoming connection.
	 * Upon success, ivc_peer_id(channel) will be CLIENT_ID
	 */
	channel = ivc_accept(ctx);
	if (!channel)
		fail("ivc_accept: %s", errname(errno));
	if (ivc_peer_id(channel) != CLIENT_ID)
		fail("accepted %u", ivc_peer_id(channel));

	/* Receive data from client.
	 * Upon success, bytes will be equal to @size.
	 * We will have to retry otherwise.
	 */
	for (done = 0; done < size; done += (size_t)bytes) {
		bytes = ivc_read(channel, received + done, size - done);
		if (bytes < 0)
			fail("ivc_read: %s after %zu bytes",
			     errname((int)bytes), done);
	}
	if (memcmp(received, buffer, size))
		fail("the data received differs from the data sent");
	must_end(channel, opt, -EPIPE);

	/* Close connection */
	expect_ret("ivc_close", ivc_close(channel), -EPIPE);
	ivc_unregister(ctx);
	printf("PASS figure5-server: %zu bytes\n", done);
	return 0;
}
