/* SPDX-License-Identifier: MIT */
/*
 * Waiting: spin first, then sleep.
 *
 * How a wake-up is not lost. The sleeper sets its bit in its own ctrl->want and
 * then looks at the ring; the peer writes to the ring and then looks at want.
 * With a full fence between the two steps on both sides one of them must see
 * the other. The peer has none: it would cost every message more than the
 * message itself. So on x86 its load of want may be done while its store to
 * the ring is still in the store buffer, invisible: it sees no sleeper, and the
 * sleeper sees no data. (Elsewhere the two may be reordered outright.)
 *
 * But a store buffer drains by itself, within well under a microsecond, and at
 * the latest at the next interrupt or exit to the hypervisor, so that a peer
 * that loses its CPU right there has published first. Hence the sleeper, after
 * its own fence, goes on looking for IVC_ARM_GRACE_NS: a store which was
 * overtaken by a load that saw no bit is visible long before that is over, and
 * a load that comes later sees the bit.
 *
 * "Well under" is an argument about machines as they are, not a promise of the
 * architecture; so poll() is entered for at most IVC_BACKSTOP_NS at a time, and
 * the worst that a machine of another kind could do is a late wake-up.
 *
 * Order of the sleeper: ARM, set want, fence, look, poll. ARM comes first since
 * the kernel clears want when it wakes us: were it last, it could swallow a
 * doorbell that had already taken our bit with it, and we would sleep with
 * nobody asked to wake us.
 *
 * Two threads. The doorbell is one flag for both, and ARM takes it away from
 * both. So one thread alone polls the descriptor, and ARMs it, when nobody
 * else does; another one that comes to sleep follows it, on an eventfd. A
 * leader that stops polling, for whatever reason, wakes the followers, which
 * look for themselves, set their bits again, and one of them leads. So:
 *
 *   - ARM is done only while nobody polls, and by then every follower either
 *     has been woken or has not set its bit yet: no doorbell of its is lost;
 *   - a doorbell after ARM makes the leader return, for whomever it was.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../common/clock.h"
#include "channel.h"
#include "cldemote.h"
#include "entry.h"

#define IVC_ARM_GRACE_NS 20000
#define IVC_BACKSTOP_NS IVC_SEC
#define IVC_SPIN_BATCH 64 /* looks between two looks at the clock */

/* Look for @ns, or for ever if negative, but not beyond @deadline. */
static int spin(struct ivc_channel *ch, int events, int64_t ns,
		int64_t deadline)
{
	int64_t start = ivc_now();
	int64_t now = start;
	int i, ready;

	if (events & IVC_READABLE)
		ivc_demote_idle(ch);
	do {
		for (i = 0; i < IVC_SPIN_BATCH; i++) {
			ready = ivc_channel_ready(ch, events);
			if (ready)
				return ready;
			ivc_relax();
		}
		now = ivc_now();
	} while (now < deadline && (ns < 0 || now - start < ns));
	return 0;
}

static uint32_t want_bits(int events)
{
	return (events & IVC_READABLE ? IVC_WANT_DATA : 0) |
	       (events & IVC_WRITABLE ? IVC_WANT_SPACE : 0);
}

/*
 * The other thread and the kernel change the word too, so it is changed
 * atomically; the peer only reads it.
 */
static void want_set(struct ivc_channel *ch, int events)
{
	__atomic_fetch_or(&ch->map.own->want, want_bits(events),
			  __ATOMIC_RELAXED);
}

static void want_clear(struct ivc_channel *ch, int events)
{
	__atomic_fetch_and(&ch->map.own->want, ~want_bits(events),
			   __ATOMIC_RELAXED);
}

/* The look between setting want and sleeping: see the top. */
static int look(struct ivc_channel *ch, int events, int64_t deadline)
{
	/* Pairs with nothing: the peer has no fence, hence the grace. */
	ivc_fence();
	return spin(ch, events, IVC_ARM_GRACE_NS, deadline);
}

/* Become leader or follower. Returns the descriptor to poll, or -errno. */
static int join(struct ivc_channel *ch, int events, bool *leader)
{
	int fd = ch->fd;
	int ret = 0;

	pthread_mutex_lock(&ch->lock);
	ch->sleeps++;
	*leader = !ch->polling;
	if (*leader) {
		ret = ch->ops->arm(ch);
		if (!ret)
			ch->polling = true;
	} else {
		if (ch->wake_fd < 0) {
			/* A child shall find it. */
			ivc_process_lock();
			ch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
			if (ch->wake_fd < 0)
				ret = -errno;
			ivc_process_unlock();
		}
		fd = ch->wake_fd;
		if (!ret)
			ch->followers++;
	}
	if (!ret)
		want_set(ch, events);
	pthread_mutex_unlock(&ch->lock);
	return ret ? ret : fd;
}

static void part(struct ivc_channel *ch, bool leader)
{
	uint64_t count = 1;
	ssize_t ret;

	pthread_mutex_lock(&ch->lock);
	if (leader) {
		ch->polling = false;
		/* Written only while somebody follows, so it never fills up. */
		if (ch->followers)
			ret = write(ch->wake_fd, &count, sizeof(count));
	} else {
		ch->followers--;
		/* Empty if it was time or a signal that woke us. */
		ret = read(ch->wake_fd, &count, sizeof(count));
	}
	(void)ret;
	pthread_mutex_unlock(&ch->lock);
}

/* Sleep once, for at most a backstop's time. 0 or -errno. */
static int sleep_once(struct ivc_channel *ch, int events, int64_t deadline,
		      int *ready)
{
	bool leader;
	int fd, ret = 0;

	fd = join(ch, events, &leader);
	if (fd < 0)
		return fd;
	*ready = look(ch, events, deadline);
	if (!*ready) {
		int64_t backstop = ivc_now() + IVC_BACKSTOP_NS;

		ret = ivc_poll(fd, POLLIN,
			       deadline < backstop ? deadline : backstop);
	}
	part(ch, leader);
	return ret < 0 ? ret : 0;
}

static int sleep_until(struct ivc_channel *ch, int events, int64_t deadline)
{
	int cancel = ivc_cancel_off();
	int ready = 0;
	int ret;

	do {
		ret = sleep_once(ch, events, deadline, &ready);
		if (!ready)
			ready = ivc_channel_ready(ch, events);
	} while (!ready && !ret && ivc_now() < deadline);
	want_clear(ch, events);
	ivc_cancel_on(cancel);
	return ready ? ready : ret;
}

/* Of a channel that is not established: first that, then the rest. */
static int wait_open(struct ivc_channel *ch, int64_t deadline)
{
	int64_t left = 0;
	int ret;

	do {
		if (deadline != IVC_NEVER) {
			left = (deadline - ivc_now() + IVC_MS - 1) / IVC_MS;
			if (left < 0)
				left = 0;
			if (left > INT_MAX)
				left = INT_MAX;
		}
		ret = ivc_connected(ch, deadline == IVC_NEVER ? -1 : (int)left);
	} while (ret == -ETIMEDOUT && left);
	return ret;
}

int ivc_wait_until(struct ivc_channel *ch, int events, int64_t deadline)
{
	int ready = ivc_channel_ready(ch, events);
	int ret;

	if (ready)
		return ready;
	if (unlikely(!ch->open)) {
		ret = wait_open(ch, deadline);
		if (ret == -ETIMEDOUT)
			return 0;
		if (ret == -EINTR)
			return ret;
		/* Failed: it has ended, and that is what all wait for. */
		if (ret)
			return events;
	}
	if (ch->spin) {
		ready = spin(ch, events, ch->spin, deadline);
		if (ready || ivc_now() >= deadline)
			return ready;
	}
	return sleep_until(ch, events, deadline);
}

static bool events_ok(int events)
{
	return events && !(events & ~IVC_EVENTS);
}

int ivc_wait(ivc_channel *ch, int events, int timeout_ms)
{
	int ready;

	if (!ch || !events_ok(events))
		return -EINVAL;
	/* What is true already costs no look at the clock. */
	ready = ivc_channel_ready(ch, events);
	if (ready || (!timeout_ms && ch->open))
		return ready;
	return ivc_wait_until(ch, events, ivc_deadline(timeout_ms));
}

void ivc_set_spin(ivc_channel *ch, int64_t nanoseconds)
{
	if (ch)
		ch->spin = nanoseconds;
}

/*
 * The program polls by itself, as the channel's only sleeper. The bits stay set
 * when nothing is true now: that is the request.
 */
int ivc_arm(ivc_channel *ch, int events)
{
	int cancel, ret;

	if (!ch || !events_ok(events))
		return -EINVAL;
	if (ivc_channel_foreign(ch))
		return -ESTALE;
	if (!ch->open) {
		ret = ivc_connected(ch, 0);
		if (ret == -ETIMEDOUT)
			return 0;
		if (ret == -EINTR)
			return ret;
		if (ret)
			return events;
	}
	ret = ivc_channel_ready(ch, events);
	if (ret)
		return ret;
	cancel = ivc_cancel_off();
	ret = ch->ops->arm(ch);
	ivc_cancel_on(cancel);
	if (ret)
		return ret;
	want_set(ch, events);
	ret = look(ch, events, IVC_NEVER);
	if (ret)
		want_clear(ch, events);
	return ret;
}

int ivc_channel_fd(const ivc_channel *ch)
{
	if (!ch)
		return -EINVAL;
	return ivc_channel_foreign(ch) ? -ESTALE : ch->fd;
}

ssize_t ivc_write_all(ivc_channel *ch, const void *buf, size_t len,
		      int timeout_ms, size_t *done)
{
	int64_t deadline = 0;
	size_t n = 0;
	ssize_t ret = 0;

	if (!ch || (len && !buf) || len > SSIZE_MAX)
		return -EINVAL;
	while (n < len) {
		ret = ivc_write(ch, (const uint8_t *)buf + n, len - n);
		if (ret < 0)
			break;
		n += (size_t)ret;
		if (ret)
			continue;
		if (!deadline)
			deadline = ivc_deadline(timeout_ms);
		ret = ivc_wait_until(ch, IVC_WRITABLE, deadline);
		if (ret < 0)
			break;
		if (!ret) {
			ret = -ETIMEDOUT;
			break;
		}
	}
	if (done)
		*done = n;
	return n == len ? (ssize_t)len : ret;
}

ssize_t ivc_read_all(ivc_channel *ch, void *buf, size_t len, int timeout_ms,
		     size_t *done)
{
	int64_t deadline = 0;
	size_t n = 0;
	ssize_t ret = 0;

	if (!ch || (len && !buf) || len > SSIZE_MAX)
		return -EINVAL;
	while (n < len) {
		ret = ivc_read(ch, (uint8_t *)buf + n, len - n);
		if (ret < 0)
			break;
		n += (size_t)ret;
		if (ret)
			continue;
		if (!deadline)
			deadline = ivc_deadline(timeout_ms);
		ret = ivc_wait_until(ch, IVC_READABLE, deadline);
		if (ret < 0)
			break;
		if (!ret) {
			ret = -ETIMEDOUT;
			break;
		}
	}
	if (done)
		*done = n;
	return n == len ? (ssize_t)len : ret;
}
