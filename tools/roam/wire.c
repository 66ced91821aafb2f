/* SPDX-License-Identifier: MIT */
/* Frames over a socket. Received frames are checked before they are used. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "roam.h"

/*
 * Buffer of frames while TCP stalls. It is small, since the bytes in it must go
 * over TCP even if a faster channel appears.
 */
#define WIRE_SIZE 65536u

_Static_assert(WIRE_SIZE >= FRAME_HEAD + FRAME_MAX, "a frame fits");

struct ring {
	size_t at, len; /* the bytes: their begin and number */
	uint8_t buf[WIRE_SIZE];
};

struct wire {
	int fd;
	int error;
	struct ring in, out;
	uint32_t type; /* of the first frame; 0: its head was not received */
	size_t left;   /* the rest of its data */
};

struct wire *wire_new(int fd)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (w)
		w->fd = fd;
	return w;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	close(w->fd);
	free(w);
}

int wire_fd(const struct wire *w)
{
	return w->fd;
}

int wire_error(const struct wire *w)
{
	return w->error;
}

static size_t ring_free(const struct ring *r)
{
	return sizeof(r->buf) - r->len;
}

/* The place of the next bytes; all free room is behind it. */
static uint8_t *ring_end(struct ring *r)
{
	if (r->at) {
		memmove(r->buf, r->buf + r->at, r->len);
		r->at = 0;
	}
	return r->buf + r->len;
}

static void ring_take(struct ring *r, size_t n)
{
	r->at += n;
	r->len -= n;
	if (!r->len)
		r->at = 0;
}

bool wire_has_room(const struct wire *w)
{
	return ring_free(&w->in);
}

int wire_fill(struct wire *w)
{
	struct ring *r = &w->in;
	ssize_t n;

	if (w->error)
		return w->error;
	if (!ring_free(r))
		return 0;
	n = recv(w->fd, ring_end(r), ring_free(r), MSG_DONTWAIT);
	if (n > 0) {
		r->len += (size_t)n;
		return 1;
	}
	if (n && (errno == EAGAIN || errno == EINTR))
		return 0;
	w->error = n ? -errno : -EPIPE;
	return w->error;
}

static bool plausible(uint32_t type, size_t len)
{
	switch (type) {
	case FRAME_HELLO:
		return len == HELLO_SIZE;
	case FRAME_DATA:
		return len && len <= FRAME_MAX;
	case FRAME_SWITCH:
		return len == sizeof(uint32_t);
	case FRAME_END:
		return !len;
	}
	return false;
}

/* Take the head of the next frame: 1, 0: not received yet, or an error. */
static int parse_head(struct wire *w)
{
	uint32_t head[2];

	if (w->in.len < FRAME_HEAD)
		return w->error;
	memcpy(head, w->in.buf + w->in.at, sizeof(head));
	if (!plausible(le32toh(head[0]), le32toh(head[1])))
		return -EPROTO;
	ring_take(&w->in, FRAME_HEAD);
	w->type = le32toh(head[0]);
	w->left = le32toh(head[1]);
	return 1;
}

int wire_head(struct wire *w, struct frame *f)
{
	int ret;

	if (!w->type) {
		ret = parse_head(w);
		if (ret <= 0)
			return ret;
	}
	if (w->type == FRAME_DATA ? !w->in.len : w->in.len < w->left)
		return w->error;
	f->type = w->type;
	f->data = w->in.buf + w->in.at;
	f->len = w->left < w->in.len ? w->left : w->in.len;
	return 1;
}

void wire_take(struct wire *w, size_t n)
{
	ring_take(&w->in, n);
	w->left -= n;
	if (!w->left)
		w->type = 0;
}

size_t wire_room(const struct wire *w, size_t want)
{
	size_t room = ring_free(&w->out);

	if (room <= FRAME_HEAD)
		return 0;
	room -= FRAME_HEAD;
	return room < want ? room : want;
}

void wire_put(struct wire *w, enum frame_type type, const void *data,
	      size_t len)
{
	uint32_t head[2] = { htole32(type), htole32((uint32_t)len) };
	uint8_t *p = ring_end(&w->out);

	memcpy(p, head, sizeof(head));
	if (len)
		memcpy(p + sizeof(head), data, len);
	w->out.len += sizeof(head) + len;
}

bool wire_pending(const struct wire *w)
{
	return w->out.len;
}

int wire_flush(struct wire *w)
{
	struct ring *r = &w->out;
	int moved = 0;

	while (r->len) {
		ssize_t n = send(w->fd, r->buf + r->at, r->len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? moved : -errno;
		ring_take(r, (size_t)n);
		moved = 1;
	}
	return moved;
}
