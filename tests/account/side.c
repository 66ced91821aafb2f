/* SPDX-License-Identifier: GPL-2.0 */
/* See side.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "side.h"

/* Fail if an error has no cause. */
static void may_fail(const struct side *s, ssize_t ret)
{
	if (!s->fallible && !s->peer->closed)
		wrong("error %zd, and nothing has happened", ret);
}

static void wrote(struct side *s, ssize_t n, size_t len)
{
	if (n < 0)
		may_fail(s, n);
	else
		must((size_t)n <= len);
	if (n > 0)
		s->out.wrote += (uint64_t)n;
	s->tried = s->out.wrote;
}

static void do_write(struct side *s)
{
	size_t len = account_size(&dice, (1 + rng_below(&dice, 4)) * s->size);
	const uint8_t *src = stream_at(s->out.stream, s->out.wrote);

	s->tried = s->out.wrote + len;
	wrote(s, ivc_write(s->ch, src, len), len);
}

static void do_write_all(struct side *s)
{
	size_t len = account_size(&dice, 2 * s->size), done = 0;
	const uint8_t *src = stream_at(s->out.stream, s->out.wrote);
	ssize_t n;

	s->tried = s->out.wrote + len;
	n = ivc_write_all(s->ch, src, len, 0, &done);
	must(n == (ssize_t)len ? done == len : n < 0);
	if (n < 0 && n != -ETIMEDOUT)
		may_fail(s, n);
	wrote(s, (ssize_t)done, len);
}

static void do_record(struct side *s)
{
	size_t len = account_size(&dice, s->size / 4 - 8);
	size_t first = rng_below(&dice, (uint32_t)len + 1);
	uint8_t *src = (uint8_t *)stream_at(s->out.stream, s->out.wrote);
	struct iovec parts[2] = { { src, first },
				  { src + first, len - first } };
	ssize_t n;

	s->tried = s->out.wrote + len;
	n = ivc_write_record(s->ch, parts, 2);
	must(n <= 0 || n == (ssize_t)len);
	wrote(s, n, len);
}

static void do_reserve(struct side *s)
{
	size_t max = account_size(&dice, s->size / 4 - 8), len;
	size_t min = 1 + rng_below(&dice, (uint32_t)max);
	void *room;
	ssize_t n;

	n = ivc_reserve(s->ch, min, max, &room);
	if (n <= 0) {
		wrote(s, n, 0);
		return;
	}
	must(n >= (ssize_t)min && n <= (ssize_t)max);
	len = rng_below(&dice, (uint32_t)n + 1);
	memcpy(room, stream_at(s->out.stream, s->out.wrote), len);
	s->tried = s->out.wrote + len;
	n = ivc_commit(s->ch, len);
	wrote(s, n ? n : (ssize_t)len, len);
}

static void do_read(struct side *s)
{
	struct account *in = &s->peer->out;
	size_t len = account_size(&dice, 2 * s->peer->size);
	ssize_t n;

	in->asked = in->got + len;
	n = ivc_read(s->ch, s->scratch, len);
	in->asked = in->got;
	if (n < 0)
		may_fail(s, n);
	else
		account_got(in, s->scratch, (size_t)n);
}

static void do_peek(struct side *s)
{
	struct account *in = &s->peer->out;
	const void *at = NULL;
	ssize_t n = ivc_peek(s->ch, &at);
	size_t len;

	if (n < 0)
		may_fail(s, n);
	if (n <= 0)
		return;
	stream_check(in->stream, in->got, at, (size_t)n);
	if (rng_one_in(&dice, 4))
		return;
	len = rng_one_in(&dice, 2) ? (size_t)n
				   : rng_below(&dice, (uint32_t)n + 1);
	memcpy(s->scratch, at, len);
	in->asked = in->got + len;
	must(!ivc_release(s->ch, len));
	account_got(in, s->scratch, len);
}

static void do_wait(struct side *s)
{
	int events = 1 + (int)rng_below(&dice, 3);

	must(!(ivc_wait(s->ch, events, 0) & ~events));
	if (!s->fallible && !s->peer->closed)
		must(ivc_undelivered(s->ch) == -EAGAIN);
}

void side_call(struct side *s)
{
	switch (rng_below(&dice, 64)) {
	case 0:
		do_wait(s);
		break;
	case 1:
		do_write_all(s);
		break;
	case 2 ... 5:
		do_reserve(s);
		break;
	case 6 ... 11:
		do_record(s);
		break;
	case 12 ... 31:
		do_write(s);
		break;
	case 32 ... 47:
		do_peek(s);
		break;
	default:
		do_read(s);
	}
}

/* ------------------------------------------------------- the account */

ssize_t side_read_out(struct side *s)
{
	struct account *in = &s->peer->out;
	void *copy;
	ssize_t n, left = ivc_unread(s->ch, &copy);

	must(left >= 0);
	if (left)
		stream_check(in->stream, in->got, copy, (size_t)left);
	free(copy);
	while ((n = ivc_read(s->ch, s->scratch,
			     account_size(&dice, 2 * s->peer->size))) > 0) {
		account_got(in, s->scratch, (size_t)n);
		left -= n;
	}
	must(!left && n < 0);
	return n;
}

void side_recall(struct side *s, uint64_t lost)
{
	uint64_t from = s->out.wrote - lost, at = 0;
	ssize_t n;

	while (at < lost) {
		size_t len = account_size(&dice, 2 * s->size);

		n = ivc_recall(s->ch, s->scratch, len, at);
		if (n != (ssize_t)(len < lost - at ? len : lost - at))
			wrong("recall of %zu at %llu of %llu: %zd", len,
			      (unsigned long long)at, (unsigned long long)lost,
			      n);
		stream_check(s->out.stream, from + at, s->scratch, (size_t)n);
		at += (uint64_t)n;
	}
	must(!ivc_recall(s->ch, s->scratch, 1, lost));
	must(!ivc_recall(s->ch, s->scratch, 1, SIZE_MAX));
}
