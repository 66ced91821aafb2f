/* SPDX-License-Identifier: MIT */
/*
 * The contenders of IVC: a channel of libivc.
 *
 * The contender ivc uses ivc_write() and ivc_read(), repeated until they
 * succeed, as all contenders do. The contender ivc-wait uses ivc_write_all()
 * and ivc_read_all(), which spin first and then sleep. The contender ivc-zc
 * uses ivc_reserve(), ivc_commit(), ivc_peek() and ivc_release(). So that
 * memory has to move, its writer fills all reserved bytes and its reader reads
 * one byte of every cache line.
 */
#include <errno.h>
#include <string.h>

#include "contenders.h"
#include "ivc-pair.h"
#include "stream.h"

static ivc_context *ctx;
static ivc_channel *ch;

static inline ssize_t ivc_put(struct end *e, const void *buf, size_t len)
{
	(void)e;
	return ivc_write(ch, buf, len);
}

static inline ssize_t ivc_get(struct end *e, void *buf, size_t len)
{
	(void)e;
	return ivc_read(ch, buf, len);
}

STREAM_FUNCTIONS(ivc)

static int ivc_open(struct end *e)
{
	ctx = ivc_pair_register(e->magic, e->server);
	return ctx ? ivc_pair_connect(ctx, e->server, e->ring, &ch, 1) : -errno;
}

static void ivc_end(struct end *e)
{
	(void)e;
	ivc_close(ch);
	ivc_unregister(ctx);
}

static int wait_send(struct end *e, const void *buf, size_t len)
{
	ssize_t n = ivc_write_all(ch, buf, len, IVC_PAIR_TIMEOUT_MS, NULL);

	(void)e;
	return n < 0 ? (int)n : 0;
}

static int wait_recv(struct end *e, void *buf, size_t len)
{
	ssize_t n = ivc_read_all(ch, buf, len, IVC_PAIR_TIMEOUT_MS, NULL);

	(void)e;
	return n < 0 ? (int)n : 0;
}

static int wait_burst(struct end *e, size_t len, unsigned int out,
		      unsigned int in)
{
	int ret = 0;

	while (out-- && !ret)
		ret = wait_send(e, e->out, len);
	if (ret)
		return ret;
	while (in-- && !ret)
		ret = wait_recv(e, e->in, len);
	return ret;
}

static inline ssize_t place_put(struct end *e, const void *buf, size_t len)
{
	ssize_t n;
	void *p;

	(void)e;
	n = ivc_reserve(ch, 1, len, &p);
	if (n <= 0)
		return n;
	/* The value of a byte of @buf, so that the stores cannot be left out.
	 */
	memset(p, *(const uint8_t *)buf, (size_t)n);
	return ivc_commit(ch, (size_t)n) ? -EIO : n;
}

static inline ssize_t place_get(struct end *e, void *buf, size_t len)
{
	const void *p;
	ssize_t n = ivc_peek(ch, &p);
	uint8_t sum = 0;

	(void)e;
	if (n <= 0)
		return n;
	if ((size_t)n > len)
		n = (ssize_t)len;
	for (ssize_t i = 0; i < n; i += 64)
		sum ^= ((const volatile uint8_t *)p)[i];
	*(volatile uint8_t *)buf = sum;
	return ivc_release(ch, (size_t)n) ? -EIO : n;
}

STREAM_FUNCTIONS(place)

/* Steps and acknowledgements, which are not measured, carry real bytes. */
static int place_send_any(struct end *e, const void *buf, size_t len)
{
	return buf == e->out ? place_send(e, buf, len) : ivc_send(e, buf, len);
}

static int place_recv_any(struct end *e, void *buf, size_t len)
{
	return buf == e->in ? place_recv(e, buf, len) : ivc_recv(e, buf, len);
}

const struct contender ivc_contender = {
	.name = "ivc",
	.can = CAN_ALL,
	.open = ivc_open,
	.close = ivc_end,
	.send = ivc_send,
	.recv = ivc_recv,
	.burst = ivc_burst,
};

const struct contender ivc_wait_contender = {
	.name = "ivc-wait",
	.can = CAN(TEST_LATENCY) | CAN(TEST_UNI),
	.open = ivc_open,
	.close = ivc_end,
	.send = wait_send,
	.recv = wait_recv,
	.burst = wait_burst,
};

const struct contender ivc_place_contender = {
	.name = "ivc-zc",
	.can = CAN_ALL,
	.open = ivc_open,
	.close = ivc_end,
	.send = place_send_any,
	.recv = place_recv_any,
	.burst = place_burst,
};
