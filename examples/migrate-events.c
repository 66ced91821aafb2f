/* SPDX-License-Identifier: MIT */
/*
 * Two processes count at each other, and go on counting when a guest is moved
 * away and comes back: no number is lost and none is sent twice.
 *
 *	./migrate-events 1 2 &		this process is 1, the other one is 2
 *	./migrate-events 2 1 100	end when 100 numbers have arrived
 *
 * A process that is started anew counts from 0 again: then start both anew.
 * While the two guests are on different hosts the numbers wait here. A program
 * that uses the network meanwhile is tools/roam.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <ivc/ivc.h>

#define MAGIC_ID 2010
#define PACE_MS 20 /* between two numbers */

static ivc_context *ctx;
static ivc_channel *channel; /* NULL while there is none */
static uint32_t own_id, peer_id;
static ivc_peer peer;	  /* member 0: the other process is not here */
static uint64_t next_out; /* the next number to send */
static uint64_t next_in;  /* the next number to arrive */

/* Read all numbers that have arrived. Returns 0, or the error that ended the
 * channel. */
static int receive_numbers(void)
{
	uint64_t number;
	ssize_t n;

	while ((n = ivc_read(channel, &number, sizeof(number))) > 0) {
		if (n != sizeof(number) || number != next_in)
			errx(1, "%u: number %llu arrived, not %llu", own_id,
			     (unsigned long long)number,
			     (unsigned long long)next_in);
		next_in++;
	}
	return (int)n;
}

/* A number is one record: all of its bytes are sent, or none. */
static void send_number(void)
{
	struct iovec part = { &next_out, sizeof(next_out) };

	if (ivc_write_record(channel, &part, 1) == sizeof(next_out))
		next_out++;
}

/*
 * The channel has ended. The peer has read, or can still read, a part of the
 * data; ivc_undelivered() counts the rest, which has to be sent again.
 */
static void end_channel(void)
{
	ssize_t n;
	int why;

	why = receive_numbers(); /* up to the end */
	n = ivc_undelivered(channel);
	if (n < 0)
		errx(1, "%u: ivc_undelivered: %s", own_id, strerror((int)-n));
	next_out -= (uint64_t)n / sizeof(next_out);
	printf("%u: the channel has ended (%s), %zd bytes to send again\n",
	       own_id, strerror(-why), n);
	ivc_close(channel);
	channel = NULL;
}

static void handle_event(const struct ivc_event *ev)
{
	switch (ev->type) {
	case IVC_EVENT_JOIN:
		printf("%u: process %u has joined\n", own_id, ev->peer.id);
		if (ev->peer.id == peer_id)
			peer = ev->peer;
		break;
	case IVC_EVENT_LEAVE:
		printf("%u: process %u has left\n", own_id, ev->peer.id);
		if (ev->peer.member == peer.member)
			peer.member = 0;
		break;
	case IVC_EVENT_SUSPENDED:
		if (ev->channel == channel)
			end_channel();
		break;
	case IVC_EVENT_GOING:
		printf("%u: this guest leaves its host\n", own_id);
		break;
	case IVC_EVENT_ARRIVED:
		printf("%u: this guest has arrived\n", own_id);
		break;
	case IVC_EVENT_DETACHED:
		printf("%u: the device, or ivcd, is gone\n", own_id);
		break;
	case IVC_EVENT_ATTACHED:
		printf("%u: the device, or ivcd, is back\n", own_id);
		break;
	}
}

static void handle_events(void)
{
	struct ivc_event ev;

	while (ivc_next_event(ctx, &ev, 0) == 1)
		handle_event(&ev);
}

/* The side with the lower id connects, the other one accepts. */
static void open_channel(void)
{
	struct ivc_channel_options opt = { .timeout_ms = 0 };
	int ret;

	if (own_id < peer_id) {
		if (!peer.member)
			return;
		opt.timeout_ms = 1000;
		ret = ivc_connect_opt(ctx, peer, &opt, &channel);
	} else {
		ret = ivc_accept_opt(ctx, &opt, &channel);
	}
	if (ret == 0)
		printf("%u: connected to %u\n", own_id, ivc_peer_id(channel));
}

int main(int argc, char **argv)
{
	struct pollfd fd = { .events = POLLIN | POLLPRI };
	uint64_t count = UINT64_MAX;

	if (argc < 3)
		errx(64, "usage: migrate-events OWN-ID PEER-ID [COUNT]");
	own_id = (uint32_t)strtoul(argv[1], NULL, 0);
	peer_id = (uint32_t)strtoul(argv[2], NULL, 0);
	if (argc > 3)
		count = strtoull(argv[3], NULL, 0);
	setlinebuf(stdout);
	ctx = ivc_register(MAGIC_ID, own_id);
	if (!ctx)
		err(1, "ivc_register (no ivcd? no /dev/ivc?)");

	/* The descriptor reports events from the first ivc_next_event() on. */
	handle_events();
	fd.fd = ivc_context_fd(ctx);
	while (next_in < count) {
		/* Events wake this process before the time is over. */
		if (poll(&fd, 1, PACE_MS) < 0 && errno != EINTR)
			err(1, "poll");
		handle_events();
		if (!channel)
			open_channel();
		if (!channel)
			continue;
		send_number();
		if (receive_numbers() < 0)
			end_channel();
	}
	printf("%u: %llu numbers have arrived, each once and in order\n",
	       own_id, (unsigned long long)next_in);
	ivc_close(channel);
	ivc_unregister(ctx);
	return 0;
}
