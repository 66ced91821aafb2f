/* SPDX-License-Identifier: MIT */
/* The parts that all transports share: waiting, and whole buffers. */
#include <errno.h>

#include "../common/clock.h"
#include "transport.h"

#define SLICE_MS 500

volatile int stopped;

static int silent_too_long(struct transport *t, const struct idle *idle)
{
	uint64_t limit = (uint64_t)t->timeout_s * 1000000000u;

	return clock_ns() - idle->since_ns > limit ? -ETIMEDOUT : 0;
}

/*
 * The clock is read only at every polls_per_clock-th poll: reading it costs
 * more than polling a ring, but less than polling by a system call.
 */
int transport_idle(struct transport *t, int events, struct idle *idle)
{
	uint64_t now;
	int ret;

	idle->polls++;
	if (t->wait != WAIT_SLEEP && idle->polls % t->ops->polls_per_clock)
		return 0;
	if (stopped)
		return -EINTR;
	now = clock_ns();
	if (!idle->since_ns)
		idle->since_ns = now;
	if (t->wait == WAIT_SPIN ||
	    (t->wait == WAIT_ADAPTIVE &&
	     now - idle->since_ns < (uint64_t)t->spin_ns))
		return silent_too_long(t, idle);

	ret = t->ops->wait(t, events, SLICE_MS);
	if (stopped)
		return -EINTR;
	if (ret < 0 && ret != -EINTR)
		return ret;
	return ret > 0 ? 0 : silent_too_long(t, idle);
}

static int transport_all(struct transport *t, int events, void *buf, size_t len)
{
	struct idle idle = { 0 };
	char *p = buf;

	while (len) {
		ssize_t n = events == CAN_READ ? t->ops->read(t, p, len)
					       : t->ops->write(t, p, len);
		int ret = transport_after(t, events, &idle, n);

		if (ret)
			return ret;
		p += n;
		len -= n;
	}
	return 0;
}

int transport_send(struct transport *t, const void *buf, size_t len)
{
	/* write() only reads it. */
	return transport_all(t, CAN_WRITE, (void *)buf, len);
}

int transport_recv(struct transport *t, void *buf, size_t len)
{
	return transport_all(t, CAN_READ, buf, len);
}
