/* SPDX-License-Identifier: MIT */
/*
 * For tests/tools/pingpong.sh: a peer that sends wrong records.
 *
 *	lying-peer client PATH    sends greetings and steps to a --loop server,
 *each with a different bit flipped lying-peer server PATH    answers the
 *greeting with garbage
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../tools/pingpong/plan.h"

static struct sockaddr_un sun = { .sun_family = AF_UNIX };

static int reach(void)
{
	struct timeval tv = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	for (int i = 0; i < 500; i++) {
		if (!connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				   sizeof(tv));
			return fd;
		}
		usleep(10000);
	}
	fprintf(stderr, "lying-peer: no server: %s\n", strerror(errno));
	return -1;
}

/* The status of the reply, or -1 if the connection ended without one. */
static int reply_status(int fd)
{
	uint8_t buf[REPLY_BYTES];
	struct reply r;

	if (recv(fd, buf, sizeof(buf), MSG_WAITALL) != sizeof(buf))
		return -1;
	if (reply_decode(&r, buf)) {
		fprintf(stderr, "lying-peer: the reply is not one\n");
		return -2;
	}
	return (int)r.status;
}

static void good_hello(uint8_t buf[HELLO_BYTES])
{
	struct hello h = { .timeout_s = 1, .spin_ns = 1000 };

	hello_encode(&h, buf);
}

static void good_step(uint8_t buf[STEP_BYTES])
{
	struct step s = {
		.kind = STEP_BANDWIDTH, .size = 8, .window = 1, .count = 1
	};

	step_encode(&s, buf);
}

/* Must a wrong bit in this byte be noticed? Seeds and times can have any value.
 */
static bool hello_must_fail(int byte)
{
	return byte < 12 || (byte >= 36 && byte < HELLO_BYTES);
}

static bool step_must_fail(int byte)
{
	return byte < 8 || (byte >= 20 && byte < 24) || byte >= 32;
}

static int one_hello(int bit)
{
	uint8_t buf[HELLO_BYTES];
	int fd = reach(), status;

	if (fd < 0)
		return 1;
	good_hello(buf);
	buf[bit / 8] ^= 1u << bit % 8;
	if (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) < 0)
		return 1;
	status = reply_status(fd);
	close(fd);
	/* Both values of the flag `verify` are valid, and so are other
	 * timeouts. */
	if (bit == 8 * 8 || (bit >= 32 * 8 && bit < 36 * 8))
		return status < 0;
	if (hello_must_fail(bit / 8) && status <= 0) {
		fprintf(stderr, "lying-peer: bit %d of the greeting: %d\n", bit,
			status);
		return 1;
	}
	return status == -2;
}

static int one_step(int bit)
{
	uint8_t buf[HELLO_BYTES], step[STEP_BYTES];
	int fd = reach(), status;

	if (fd < 0)
		return 1;
	good_hello(buf);
	good_step(step);
	step[bit / 8] ^= 1u << bit % 8;
	if (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) < 0 || reply_status(fd))
		return 1;
	if (send(fd, step, sizeof(step), MSG_NOSIGNAL) < 0)
		return 1;
	shutdown(fd, SHUT_WR);
	status = reply_status(fd);
	close(fd);
	if (step_must_fail(bit / 8) && status <= 0) {
		fprintf(stderr, "lying-peer: bit %d of the step: %d\n", bit,
			status);
		return 1;
	}
	return status == -2;
}

static int bad_client(void)
{
	int failed = 0;

	for (int bit = 0; bit < HELLO_BYTES * 8; bit++)
		failed += one_hello(bit);
	for (int bit = 0; bit < STEP_BYTES * 8; bit++)
		failed += one_step(bit);
	printf("%d records, %d taken wrongly\n", (HELLO_BYTES + STEP_BYTES) * 8,
	       failed);
	return failed != 0;
}

static int bad_server(void)
{
	uint8_t buf[REPLY_BYTES];
	int one, fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(sun.sun_path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, 1))
		return 1;
	one = accept(fd, NULL, NULL);
	if (one < 0 || recv(one, buf, HELLO_BYTES, MSG_WAITALL) != HELLO_BYTES)
		return 1;
	memset(buf, 0xa5, sizeof(buf));
	send(one, buf, sizeof(buf), MSG_NOSIGNAL);
	unlink(sun.sun_path);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3 || strlen(argv[2]) >= sizeof(sun.sun_path)) {
		fprintf(stderr, "usage: lying-peer client|server PATH\n");
		return 64;
	}
	strcpy(sun.sun_path, argv[2]);
	return strcmp(argv[1], "client") ? bad_server() : bad_client();
}
