/* SPDX-License-Identifier: MIT */
/*
 * Waiting: poll the ring for a while, then sleep.
 *
 * Why no wake-up is lost. The sleeper sets its bit in its own ctrl->want and
 * then checks the ring. The peer writes to the ring and then checks `want`.
 * With a full fence between the two steps on both sides, at least one side
 * would see the other. The peer has no fence, which would cost more than the
 * message itself. So on x86 the peer can load `want` while its store to the
 * ring is still in the store buffer: the peer sees no sleeper, and the sleeper
 * sees no data. (Other processors may reorder the store and the load.)
 *
 * But a store buffer drains by itself within far less than a microsecond, and
 * at the latest at the next interrupt or exit to the hypervisor. So even a peer
 * that loses its CPU at that point has published its data. Therefore the
 * sleeper continues to check the ring for IVC_ARM_GRACE_NS after its own fence.
 * If the peer's load of `want` missed the bit, the store before that load
 * becomes visible long before the grace is over. A later load of `want` sees
 * the bit.
 *
 * "Far less than a microsecond" is true of present machines; the architecture
 * does not promise it. So poll(2) sleeps for at most IVC_BACKSTOP_NS at a time.
 * On another kind of machine a wake-up could be late, but not lost.
 *
 * The sleeper's order is: ARM, set want, fence, check the ring, poll(2). ARM is
 * first, since the kernel clears `want` when it wakes the process. If ARM were
 * last, it could consume a doorbell that had already cleared the bit, and the
 * process would sleep without having asked for a wake-up.
 *
 * Two threads share one doorbell, and ARM clears it for both. So only one
 * thread, the leader, arms and polls the descriptor. Another thread that wants
 * to sleep becomes a follower and polls an eventfd. A leader that stops
 * polling, for any reason, wakes the followers. They check the ring, set their
 * bits again, and one of them becomes the leader. So:
 *
 *   - ARM is called only while no thread polls the descriptor. By then every
 *     follower has been woken or has not set its bit yet, so that ARM clears no
 *     doorbell meant for a follower;
 *   - a doorbell after ARM wakes the leader, whichever thread it was for.
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
#define IVC_SPIN_BATCH 64 /* checks of the ring per reading of the clock */

/* Poll the ring for @ns, or without end if @ns < 0, but not past @deadline. */
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
 * The other thread and the kernel change the word, too, so each change is
 * atomic. The peer only reads it.
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

/* Check the ring between setting want and sleeping: see the top. */
static int check_again(struct ivc_channel *ch, int events, int64_t deadline)
{
	/* Pairs with no fence of the peer, which has none: hence the grace. */
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
			/* Under the lock, so that a child can close it. */
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
		/* The followers read it, so the counter never overflows. */
		if (ch->followers)
			ret = write(ch->wake_fd, &count, sizeof(count));
	} else {
		ch->followers--;
		/* Empty if a timeout or a signal ended the poll. */
		ret = read(ch->wake_fd, &count, sizeof(count));
	}
	(void)ret;
	pthread_mutex_unlock(&ch->lock);
}

/* Sleep once, for at most IVC_BACKSTOP_NS. Returns 0 or -errno. */
static int sleep_once(struct ivc_channel *ch, int events, int64_t deadline,
		      int *ready)
{
	bool leader;
	int fd, ret = 0;

	fd = join(ch, events, &leader);
	if (fd < 0)
		return fd;
	*ready = check_again(ch, events, deadline);
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

/* Wait until the channel is established. */
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
		/*
		 * The connection failed: its end is what all events wait for.
		 */
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
	/* An event that is true already costs no reading of the clock. */
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
 * For a program that calls poll(2) itself; it must be the channel's only
 * sleeper. If no event is true now, the bits in `want` stay set: they ask the
 * peer for a doorbell.
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
	ret = check_again(ch, events, IVC_NEVER);
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

/* Write or read all of @buf: @event says which, and what to wait for. */
static ssize_t transfer_all(struct ivc_channel *ch, int event, uint8_t *buf,
			    size_t len, int timeout_ms, size_t *done)
{
	int64_t deadline = 0;
	size_t n = 0;
	ssize_t ret = 0;

	if (!ch || (len && !buf) || len > SSIZE_MAX)
		return -EINVAL;
	while (n < len) {
		ret = event == IVC_WRITABLE ? ivc_write(ch, buf + n, len - n)
					    : ivc_read(ch, buf + n, len - n);
		if (ret < 0)
			break;
		n += (size_t)ret;
		if (ret)
			continue;
		if (!deadline)
			deadline = ivc_deadline(timeout_ms);
		ret = ivc_wait_until(ch, event, deadline);
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

ssize_t ivc_write_all(ivc_channel *ch, const void *buf, size_t len,
		      int timeout_ms, size_t *done)
{
	return transfer_all(ch, IVC_WRITABLE, (uint8_t *)buf, len, timeout_ms,
			    done);
}

ssize_t ivc_read_all(ivc_channel *ch, void *buf, size_t len, int timeout_ms,
		     size_t *done)
{
	return transfer_all(ch, IVC_READABLE, buf, len, timeout_ms, done);
}
