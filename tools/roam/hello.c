/* SPDX-License-Identifier: MIT */
/*
 * The first frame in each direction: it proves that the peer is the expected
 * process. The hello of the connecting side also tells the mode, size and rate,
 * which the other side adopts.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "roam.h"

#define PATIENCE_MS 5000

static const char mark[8] = "IVCROAM1";

struct hello {
	char mark[8];
	uint64_t magic;
	uint32_t id, peer;
	uint32_t mode, size, rate;
	uint32_t reserved;
};

_Static_assert(sizeof(struct hello) == HELLO_SIZE, "no holes");

static void put(const struct options *o, struct wire *w)
{
	struct hello h = { .magic = htole64(o->magic),
			   .id = htole32(o->id),
			   .peer = htole32(o->peer),
			   .mode = htole32(o->mode),
			   .size = htole32(o->size),
			   .rate = htole32(o->rate) };

	memcpy(h.mark, mark, sizeof(mark));
	wire_put(w, FRAME_HELLO, &h, sizeof(h));
}

/* Send the queued hello and receive the peer's. */
static int get(struct wire *w, struct hello *h)
{
	uint64_t until = clock_ns() + PATIENCE_MS * (uint64_t)MS;
	struct pollfd p = { .fd = wire_fd(w), .events = POLLIN };
	struct frame f;
	int ret;

	for (;;) {
		uint64_t now = clock_ns();

		ret = wire_flush(w);
		if (ret < 0)
			return ret;
		ret = wire_head(w, &f);
		if (ret)
			break;
		if (now > until)
			return -ETIMEDOUT;
		if (interrupted)
			return -EINTR;
		poll(&p, 1, (int)((until - now) / MS) + 1);
		wire_fill(w);
	}
	if (ret < 0)
		return ret;
	if (f.type != FRAME_HELLO)
		return -EPROTO;
	memcpy(h, f.data, sizeof(*h));
	wire_take(w, f.len);
	return memcmp(h->mark, mark, sizeof(mark)) ? -EPROTO : 0;
}

/* Is the hello that of the peer? Complains if not. */
static bool right(const struct options *o, const struct hello *h)
{
	if (le64toh(h->magic) != o->magic) {
		complain("the other side has --magic %llu, this one %llu",
			 (unsigned long long)le64toh(h->magic),
			 (unsigned long long)o->magic);
		return false;
	}
	if (le32toh(h->id) == o->peer && le32toh(h->peer) == o->id)
		return true;
	complain("the other side has --id %u --peer %u, this one --id %u "
		 "--peer %u",
		 le32toh(h->id), le32toh(h->peer), o->id, o->peer);
	return false;
}

static bool adopt(struct options *o, const struct hello *h)
{
	uint32_t mode = le32toh(h->mode);

	o->size = le32toh(h->size);
	o->rate = le32toh(h->rate);
	if (mode >= MODES || o->size < MESSAGE_HEAD || o->size > MESSAGE_MAX) {
		complain("the other side asks for a mode, size or rate that "
			 "this "
			 "side does not know: use the same version on both");
		return false;
	}
	o->mode = mode;
	return true;
}

static void why(const char *who, int ret)
{
	if (ret == -EPROTO)
		complain("%s is no ivc-roam: its greeting is wrong", who);
	else if (ret == -ETIMEDOUT)
		complain("%s has sent no greeting within %d s", who,
			 PATIENCE_MS / 1000);
	else
		complain("%s has closed the connection: %s", who,
			 ret == -EPIPE ? "before its greeting"
				       : strerror(-ret));
}

int hello_connect(struct options *o, struct wire **w)
{
	struct hello h;
	int fd, ret;

	ret = tcp_connect(o, &fd);
	if (ret)
		return ret;
	*w = wire_new(fd);
	if (!*w) {
		close(fd);
		complain("out of memory");
		return EXIT_LOST;
	}
	put(o, *w);
	ret = get(*w, &h);
	if (ret == -EINTR)
		return EXIT_SIGNAL;
	if (ret)
		why("the other side", ret);
	return !ret && right(o, &h) ? 0 : EXIT_LOST;
}

/* Exchange hellos on a connection that was accepted. Is it the peer's? */
static bool greet(struct options *o, struct wire *w)
{
	struct hello h;
	int ret = get(w, &h);

	if (ret) {
		if (ret != -EINTR)
			why("somebody who connected", ret);
		return false;
	}
	/* Answer in any case, so that the other side can report the mismatch.
	 */
	if (right(o, &h) && adopt(o, &h)) {
		put(o, w);
		return true;
	}
	put(o, w);
	wire_flush(w);
	return false;
}

int hello_listen(struct options *o, struct wire **w)
{
	int listener, fd, ret;

	ret = tcp_listen(o->listen, &listener);
	if (ret)
		return ret;
	while (!interrupted) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		tcp_tune(fd);
		*w = wire_new(fd);
		if (*w && greet(o, *w)) {
			close(listener);
			return 0;
		}
		if (!*w)
			close(fd);
		wire_free(*w);
		*w = NULL;
	}
	close(listener);
	return EXIT_SIGNAL;
}
