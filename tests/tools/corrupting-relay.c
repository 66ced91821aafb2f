/* SPDX-License-Identifier: MIT */
/*
 * For tests/tools/pingpong.sh: a relay between a client and a server on UNIX
 * sockets that damages the stream once, which --verify must notice.
 *
 *	corrupting-relay LISTEN SERVER up|down DEED OFFSET LENGTH
 *
 * DEED happens to LENGTH bytes at OFFSET of the stream to the server (up) or
 *the client (down):
 *
 *	pass	nothing
 *	flip	one bit is flipped
 *	drop	the bytes are left out
 *	double	the bytes are sent twice
 *	swap	the bytes are swapped with the next LENGTH bytes, at the first
 *		position from OFFSET on where the two differ
 *	cut	both connections end there
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECE 65536

struct deed {
	const char *name;
	uint64_t offset, length;
	uint8_t *kept; /* the 2 * length bytes from offset on */
	uint64_t done; /* bytes of the stream so far */
	uint64_t have; /* bytes in kept */
	bool over;
};

static void die(const char *what)
{
	fprintf(stderr, "corrupting-relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sun.sun_path))
		die(path);
	strcpy(sun.sun_path, path);
	return sun;
}

static int accept_at(const char *path)
{
	struct sockaddr_un sun = address(path);
	int one, fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) ||
	    listen(fd, 1))
		die(path);
	one = accept(fd, NULL, NULL);
	if (one < 0)
		die("accept");
	close(fd);
	unlink(path);
	return one;
}

static int connect_to(const char *path)
{
	struct sockaddr_un sun = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		die(path);
	return fd;
}

/* A closed connection is no error: the receiver may end early. */
static void put(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		p += n;
		len -= n;
	}
}

static void act(struct deed *d, int to)
{
	uint64_t n = d->length;

	if (!strcmp(d->name, "flip")) {
		d->kept[n / 2] ^= 4;
		put(to, d->kept, d->have);
	} else if (!strcmp(d->name, "drop")) {
		put(to, d->kept + n, d->have - n);
	} else if (!strcmp(d->name, "double")) {
		put(to, d->kept, n);
		put(to, d->kept, d->have);
	} else if (!strcmp(d->name, "swap")) {
		put(to, d->kept + n, n);
		put(to, d->kept, n);
	} else if (!strcmp(d->name, "cut")) {
		exit(0);
	} else {
		put(to, d->kept, d->have);
	}
	d->over = true;
}

/* Swapping equal halves changes nothing: then move on by a byte. */
static bool in_vain(struct deed *d, int to)
{
	if (strcmp(d->name, "swap") ||
	    memcmp(d->kept, d->kept + d->length, d->length))
		return false;
	put(to, d->kept, 1);
	memmove(d->kept, d->kept + 1, --d->have);
	return true;
}

/* Before the offset, pass the bytes on. From there, collect both halves, then
 * act. */
static void carry(struct deed *d, const uint8_t *p, size_t len, int to)
{
	while (len) {
		uint64_t n = len;

		if (!d || d->over) {
			put(to, p, len);
			return;
		}
		if (d->done < d->offset) {
			if (n > d->offset - d->done)
				n = d->offset - d->done;
			put(to, p, n);
		} else {
			if (n > 2 * d->length - d->have)
				n = 2 * d->length - d->have;
			memcpy(d->kept + d->have, p, n);
			d->have += n;
			if (d->have == 2 * d->length && !in_vain(d, to))
				act(d, to);
		}
		d->done += n;
		p += n;
		len -= n;
	}
}

static bool pump(int from, int to, struct deed *d)
{
	static uint8_t buf[PIECE];
	ssize_t n = recv(from, buf, sizeof(buf), 0);

	if (n <= 0)
		return false;
	carry(d, buf, n, to);
	return true;
}

int main(int argc, char **argv)
{
	struct deed d;
	bool up;
	int client, server;

	if (argc != 7) {
		fprintf(stderr, "usage: corrupting-relay LISTEN SERVER up|down "
				"DEED OFFSET LENGTH\n");
		return 64;
	}
	d = (struct deed){ .name = argv[4],
			   .offset = strtoull(argv[5], NULL, 0),
			   .length = strtoull(argv[6], NULL, 0) };
	up = !strcmp(argv[3], "up");
	d.kept = malloc(2 * d.length + 1);
	if (!d.kept || !d.length)
		die("length");
	client = accept_at(argv[1]);
	server = connect_to(argv[2]);
	for (;;) {
		struct pollfd p[2] = { { .fd = client, .events = POLLIN },
				       { .fd = server, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			die("poll");
		if (p[0].revents && !pump(client, server, up ? &d : NULL))
			break;
		if (p[1].revents && !pump(server, client, up ? NULL : &d))
			break;
	}
	free(d.kept);
	return 0;
}
