/* SPDX-License-Identifier: MIT */
/*
 * send, recv and burst for contenders that move some bytes at a time: @put and
 * @get return the number of bytes, 0 for none now. Inlined into each contender,
 * so that a loop around a put costs no more than a loop written for it.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "contender.h"

typedef ssize_t (*put_fn)(struct end *e, const void *buf, size_t len);
typedef ssize_t (*get_fn)(struct end *e, void *buf, size_t len);

#define STREAM_INLINE static inline __attribute__((always_inline))

STREAM_INLINE int stream_send(struct end *e, put_fn put, const void *buf,
			      size_t len)
{
	size_t done = 0;

	do {
		ssize_t n = put(e, (const uint8_t *)buf + done, len - done);

		if (__builtin_expect(n < 0, 0))
			return (int)n;
		done += (size_t)n;
	} while (done < len);
	return 0;
}

STREAM_INLINE int stream_recv(struct end *e, get_fn get, void *buf, size_t len)
{
	size_t done = 0;

	do {
		ssize_t n = get(e, (uint8_t *)buf + done, len - done);

		if (__builtin_expect(n < 0, 0))
			return (int)n;
		done += (size_t)n;
	} while (done < len);
	return 0;
}

/*
 * Both directions in one thread: neither end may stop reading while it waits
 * for room.
 */
STREAM_INLINE int stream_both(struct end *e, put_fn put, get_fn get, size_t len,
			      unsigned int out, unsigned int in)
{
	size_t put_off = 0, get_off = 0;

	while (out || in) {
		ssize_t n;

		if (out) {
			n = put(e, e->out + put_off, len - put_off);
			if (__builtin_expect(n < 0, 0))
				return (int)n;
			put_off += (size_t)n;
			if (put_off == len) {
				put_off = 0;
				out--;
			}
		}
		if (in) {
			n = get(e, e->in + get_off, len - get_off);
			if (__builtin_expect(n < 0, 0))
				return (int)n;
			get_off += (size_t)n;
			if (get_off == len) {
				get_off = 0;
				in--;
			}
		}
	}
	return 0;
}

STREAM_INLINE int stream_burst(struct end *e, put_fn put, get_fn get,
			       size_t len, unsigned int out, unsigned int in)
{
	int ret = 0;

	if (out && in)
		return stream_both(e, put, get, len, out, in);
	while (out-- && !ret)
		ret = stream_send(e, put, e->out, len);
	if (ret)
		return ret;
	while (in-- && !ret)
		ret = stream_recv(e, get, e->in, len);
	return ret;
}

/* The three functions of a contender that has <name>_put() and <name>_get(). */
#define STREAM_FUNCTIONS(name)                                                 \
	static int name##_send(struct end *e, const void *buf, size_t len)     \
	{                                                                      \
		return stream_send(e, name##_put, buf, len);                   \
	}                                                                      \
	static int name##_recv(struct end *e, void *buf, size_t len)           \
	{                                                                      \
		return stream_recv(e, name##_get, buf, len);                   \
	}                                                                      \
	static int name##_burst(struct end *e, size_t len, unsigned int out,   \
				unsigned int in)                               \
	{                                                                      \
		return stream_burst(e, name##_put, name##_get, len, out, in);  \
	}

#endif
