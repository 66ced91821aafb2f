/* SPDX-License-Identifier: MIT */
/* Messages: their contents, checking them, moving them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

#define NEIGHBOURS 64
#define CACHE_LINE 64

/*
 * After a fault bytes may be missing for ever: wait only this long for the rest
 * of the step.
 */
#define FAULT_PATIENCE_S 2

/* splitmix64's finisher: every input bit reaches every output bit. */
static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static inline uint64_t message_key(uint64_t key, uint64_t seq)
{
	return mix(key + seq * 0x9e3779b97f4a7c15u);
}

static inline uint64_t word_at(uint64_t mkey, uint64_t index)
{
	return mix(mkey + index * 0xd1342543de82ef95u);
}

/* The bytes of a word from @off on, at most @len of them. */
static inline size_t word_part(uint64_t mkey, size_t off, size_t len,
			       uint8_t part[8])
{
	uint64_t w = word_at(mkey, off / 8);
	size_t skip = off % 8, n = 8 - skip;

	if (n > len)
		n = len;
	memcpy(part, (uint8_t *)&w + skip, n);
	return n;
}

/* Bytes @off to @off + @len of the message with key @mkey. */
static void pattern_fill(uint64_t mkey, size_t off, uint8_t *buf, size_t len)
{
	uint8_t part[8];

	while (len) {
		size_t n;

		for (; off % 8 == 0 && len >= 8; off += 8, buf += 8, len -= 8) {
			uint64_t w = word_at(mkey, off / 8);

			memcpy(buf, &w, 8);
		}
		if (!len)
			break;
		n = word_part(mkey, off, len, part);
		memcpy(buf, part, n);
		buf += n;
		off += n;
		len -= n;
	}
}

/* The number of bytes before the first wrong byte. */
static size_t pattern_match(uint64_t mkey, size_t off, const uint8_t *buf,
			    size_t len)
{
	uint8_t part[8];
	size_t done = 0;

	while (done < len) {
		size_t n;

		while ((off + done) % 8 == 0 && len - done >= 8) {
			uint64_t w = word_at(mkey, (off + done) / 8), got;

			memcpy(&got, buf + done, 8);
			if (got != w)
				break;
			done += 8;
		}
		n = word_part(mkey, off + done, len - done, part);
		for (size_t i = 0; i < n; i++, done++)
			if (buf[done] != part[i])
				return done;
	}
	return len;
}

/*
 * Which message do these bytes belong to, if not to the expected one? This is a
 * guess for the report; with fewer than 8 bytes it would be wrong too often.
 */
static enum fault guess(struct session *s, size_t off, const uint8_t *buf,
			size_t len)
{
	if (len < 8)
		return FAULT_CHANGED;
	for (uint64_t d = 1; d <= NEIGHBOURS; d++) {
		if (pattern_match(message_key(s->rx_key, s->rx_seq + d), off,
				  buf, 8) == 8)
			return FAULT_LOST;
		if (s->rx_seq >= d &&
		    pattern_match(message_key(s->rx_key, s->rx_seq - d), off,
				  buf, 8) == 8)
			return FAULT_DUPLICATE;
	}
	return FAULT_CHANGED;
}

/*
 * A message that arrived too early looks like a loss. If the missing message
 * follows, the two were swapped.
 */
static void look_for_missing(struct session *s, size_t off, const uint8_t *buf,
			     size_t len)
{
	if (s->fault == FAULT_LOST && s->rx_seq <= s->fault_seq + NEIGHBOURS &&
	    len >= 8 &&
	    pattern_match(message_key(s->rx_key, s->fault_seq), off, buf, 8) ==
		    8)
		s->fault = FAULT_REORDERED;
}

static void check(struct session *s, size_t off, const uint8_t *buf, size_t len)
{
	uint64_t mkey;
	size_t good;

	if (s->fault) {
		look_for_missing(s, off, buf, len);
		return;
	}
	mkey = message_key(s->rx_key, s->rx_seq);
	good = pattern_match(mkey, off, buf, len);
	if (good == len)
		return;
	s->fault = guess(s, off, buf, len);
	s->fault_seq = s->rx_seq;
	s->fault_offset = off + good;
	if (s->t->timeout_s > FAULT_PATIENCE_S)
		s->t->timeout_s = FAULT_PATIENCE_S;
}

int session_init(struct session *s, struct transport *t,
		 const struct hello *hello)
{
	uint64_t up = mix(hello->seed ^ 0x7570),
		 down = mix(hello->seed ^ 0x646e);

	*s = (struct session){ .t = t, .hello = *hello };
	s->tx_key = t->server ? down : up;
	s->rx_key = t->server ? up : down;
	return session_room(s, 4096);
}

void session_free(struct session *s)
{
	free(s->tx_buf);
	free(s->rx_buf);
	s->tx_buf = s->rx_buf = NULL;
}

int session_room(struct session *s, size_t size)
{
	if (size <= s->buf_size)
		return 0;
	session_free(s);
	s->buf_size = 0;
	size = (size + 4095) & ~(size_t)4095;
	s->tx_buf = aligned_alloc(4096, size);
	s->rx_buf = aligned_alloc(4096, size);
	if (!s->tx_buf || !s->rx_buf) {
		session_free(s);
		return -ENOMEM;
	}
	/* Touch the pages, so that no page fault falls into a measurement. */
	memset(s->tx_buf, 0x5a, size);
	memset(s->rx_buf, 0, size);
	s->buf_size = size;
	return 0;
}

/*
 * Without a copy, the producer still writes every byte in place, and the
 * consumer reads one byte of every cache line, so that the line moves between
 * the caches.
 */
static ssize_t put_in_place(struct session *s, size_t size, size_t off)
{
	void *p;
	ssize_t n = s->t->ops->reserve(s->t, size - off, &p);
	int ret;

	if (n <= 0)
		return n;
	if ((size_t)n > size - off)
		n = size - off;
	if (s->hello.verify)
		pattern_fill(message_key(s->tx_key, s->tx_seq), off, p, n);
	else
		memset(p, 0x5a, n);
	ret = s->t->ops->commit(s->t, n);
	return ret < 0 ? ret : n;
}

static ssize_t look_in_place(struct session *s, size_t size, size_t off)
{
	const void *p;
	ssize_t n = s->t->ops->peek(s->t, &p);
	int ret;

	if (n <= 0)
		return n;
	if ((size_t)n > size - off)
		n = size - off;
	if (s->hello.verify) {
		check(s, off, p, n);
	} else {
		for (ssize_t i = 0; i < n; i += CACHE_LINE)
			s->touched += ((const volatile uint8_t *)p)[i];
	}
	ret = s->t->ops->release(s->t, n);
	return ret < 0 ? ret : n;
}

ssize_t message_send_some(struct session *s, size_t size, size_t *off)
{
	ssize_t n;

	if (s->hello.zero_copy) {
		n = put_in_place(s, size, *off);
	} else {
		if (s->hello.verify && !*off)
			pattern_fill(message_key(s->tx_key, s->tx_seq), 0,
				     s->tx_buf, size);
		n = s->t->ops->write(s->t, s->tx_buf + *off, size - *off);
	}
	if (n <= 0)
		return n;
	*off += n;
	if (*off == size) {
		*off = 0;
		s->tx_seq++;
	}
	return n;
}

ssize_t message_recv_some(struct session *s, size_t size, size_t *off)
{
	ssize_t n;

	if (s->hello.zero_copy)
		n = look_in_place(s, size, *off);
	else
		n = s->t->ops->read(s->t, s->rx_buf + *off, size - *off);
	if (n <= 0)
		return n;
	*off += n;
	s->rx_bytes += n;
	if (*off == size) {
		if (s->hello.verify && !s->hello.zero_copy)
			check(s, 0, s->rx_buf, size);
		*off = 0;
		s->rx_seq++;
	}
	return n;
}

typedef ssize_t (*some_fn)(struct session *s, size_t size, size_t *off);

/* Inlined into both directions: the timed loops call it for each message. */
static inline __attribute__((always_inline)) int
message_all(struct session *s, some_fn some, int events, size_t size)
{
	struct idle idle = { 0 };
	size_t off = 0;
	ssize_t n;
	int ret;

	do {
		n = some(s, size, &off);
		ret = transport_after(s->t, events, &idle, n);
		if (ret)
			return ret;
	} while (!n || off);
	return 0;
}

int message_send(struct session *s, size_t size)
{
	return message_all(s, message_send_some, CAN_WRITE, size);
}

int message_recv(struct session *s, size_t size)
{
	return message_all(s, message_recv_some, CAN_READ, size);
}

size_t mixed_size(uint64_t key, uint64_t seq, size_t max)
{
	uint64_t r = message_key(~key, seq);
	uint64_t kind = r % 100, pick = r >> 32;
	size_t top = kind < 70 ? 256 : kind < 90 ? 4096 : max;

	if (top > max)
		top = max;
	return 1 + pick % top;
}
