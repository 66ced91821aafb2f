/* SPDX-License-Identifier: MIT */
/*
 * A local channel in use: its doorbell and its end, both on one socket whose
 * other half the peer's process holds.
 *
 * Why a socket and not an eventfd, whose wake-up is 0.4 us faster: an eventfd
 * is one open file for both processes. A peer could fill its counter, clear the
 * O_NONBLOCK that both share, and so block our ivc_write() for ever. A
 * socket's two ends are separate files, MSG_DONTWAIT counts for one call, and
 * the end of the peer's process shows on the same descriptor that a sleeper
 * polls, from the kernel, without ivcd or anybody else.
 *
 * Who notices the end, and stores it in kctl->status for the data path: the
 * library's thread when the socket hangs up, or whoever finds it so before.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../entry.h"
#include "../fd-closer.h"
#include "local.h"

/* Each ARM can be answered for data and for space, each then changed once. */
#define BELLS_PER_ARM 4
#define RING_AGAIN_NS (2 * IVC_MS)
#define BELLS_MAX 1024 /* a socket's buffer holds fewer */

int local_channel_new(struct ivc_channel *ch, struct local_channel **lcp)
{
	struct local_channel *lc;
	int ret = local_get();

	if (ret)
		return ret;
	lc = calloc(1, sizeof(*lc));
	if (!lc) {
		local_put();
		return -ENOMEM;
	}
	lc->ch = ch;
	lc->other = -1;
	lc->memory = -1;
	lc->state = IVC_CHAN_NEW;
	ch->priv = lc;
	pthread_mutex_lock(&local.lock);
	LIST_INSERT_HEAD(&local.channels, lc, node);
	pthread_mutex_unlock(&local.lock);
	*lcp = lc;
	return 0;
}

void local_channel_step(struct local_channel *lc, enum ivc_chan_event ev)
{
	unsigned char next = ivc_chan_next[lc->state][ev];

	/* Release: who sees OPEN, without the lock, sees what is mapped. */
	if (next != IVC_STATE_NONE)
		ivc_store_rel(&lc->state, (enum ivc_chan_state)next);
}

static void end_with(struct local_channel *lc, int status)
{
	const struct ivc_ctrl *peer =
		(const struct ivc_ctrl *)(lc->peer + IVC_LOCAL_CTRL);

	/*
	 * Once: a peer that goes on changing the word cannot make two calls say
	 * two things. Whoever sees the status sees this.
	 */
	lc->reader_pos = ivc_load(&peer->reader_pos);
	/*
	 * Release pairs with the acquire in ivc_channel_status(): who sees the
	 * end finds in the ring what the peer had written before it.
	 */
	ivc_store_rel(&local_kctl(lc)->status, status);
	local_channel_step(lc, IVC_CHAN_GONE);
}

void local_channel_ended(struct local_channel *lc)
{
	const struct ivc_kctl *peer;
	int status = -ECONNRESET;

	local_unwatch(lc);
	/* Until then the peer's memory is another thread's to set. */
	if (lc->state != IVC_CHAN_OPEN)
		return;
	peer = local_peer_kctl(lc);
	/*
	 * Acquire pairs with the peer's release in local_close(), though the
	 * end of its socket, a system call later, has ordered all of it.
	 */
	if (ivc_load_acq(&peer->state) >= IVC_WIRE_CLOSED)
		status = ivc_wire_reason(ivc_load(&peer->reason));
	end_with(lc, status);
}

static int ended(struct local_channel *lc)
{
	pthread_mutex_lock(&local.lock);
	local_channel_ended(lc);
	pthread_mutex_unlock(&local.lock);
	return ivc_load_acq(&local_kctl(lc)->status);
}

int local_map(struct ivc_channel *ch, const struct ivc_abi_info *info)
{
	const struct local_channel *lc = ch->priv;
	struct ivc_map *m = &ch->map;

	m->kctl = local_kctl(lc);
	m->own = (struct ivc_ctrl *)(lc->own + IVC_LOCAL_CTRL);
	m->peer = (const struct ivc_ctrl *)(lc->peer + IVC_LOCAL_CTRL);
	m->own_size = IVC_CTRL_SIZE + info->tx_size;
	m->peer_size = IVC_CTRL_SIZE + info->rx_size;
	return 0;
}

/*
 * Between a ring and the moment when the sleeper runs and clears `want`, every
 * message would ring again. So the value of `want` that has been rung for is
 * kept, and the sleeper changes it with every ARM. That is as safe as the bits
 * themselves are, for the same reason (wait.c): a load here that still got the
 * old value was done before the new one was visible, and then the store to the
 * ring that goes with it is visible before the sleeper's last look is over.
 *
 * A ring that there is no memory for is rung later by the library's thread, or
 * the sleeper would sleep on; the value is not kept until then.
 *
 * Two threads may ring at once, or one keep a value that is older than the
 * other's: then there is a ring too many, never one too few.
 */
static int ring(struct local_channel *lc, int fd, uint32_t want)
{
	ssize_t n;

	do
		n = send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* EAGAIN: so many rings unheard that one more adds nothing. */
	if (n < 0 && errno != EAGAIN)
		return ivc_packet_error(errno);
	ivc_store(&lc->rung, want);
	__atomic_fetch_add(&lc->kicks, 1, __ATOMIC_RELAXED);
	return 0;
}

static void ring_later(struct local_channel *lc)
{
	pthread_mutex_lock(&local.lock);
	lc->ring_late = true;
	local.ring_at = ivc_now() + RING_AGAIN_NS;
	local_poke();
	pthread_mutex_unlock(&local.lock);
}

int64_t local_ring_tick(void)
{
	const struct ivc_ctrl *peer;
	struct local_channel *lc;

	if (ivc_now() < local.ring_at)
		return local.ring_at;
	local.ring_at = IVC_NEVER;
	LIST_FOREACH (lc, &local.channels, node) {
		if (!lc->ring_late || lc->closing)
			continue;
		peer = (const struct ivc_ctrl *)(lc->peer + IVC_LOCAL_CTRL);
		lc->ring_late =
			ring(lc, lc->ch->fd, ivc_load(&peer->want)) == -ENOMEM;
		if (lc->ring_late)
			local.ring_at = ivc_now() + RING_AGAIN_NS;
	}
	return local.ring_at;
}

int local_kick(const struct ivc_channel *ch)
{
	struct local_channel *lc = ch->priv;
	uint32_t want = ivc_load(&ch->map.peer->want);
	int cancel, ret;

	if (ivc_load(&lc->rung) == want)
		return 0;
	/* Or a thread that is cancelled leaves the peer asleep. */
	cancel = ivc_cancel_off();
	ret = ring(lc, ch->fd, want);
	if (ret == -ENOMEM)
		ring_later(lc);
	ivc_cancel_on(cancel);
	return ret && ret != -ENOMEM ? ended(lc) : 0;
}

/* The peer rings as no libivc does: it gets no further chance to. */
static void foul(struct local_channel *lc)
{
	pthread_mutex_lock(&local.lock);
	local_unwatch(lc);
	if (lc->state == IVC_CHAN_OPEN)
		end_with(lc, -EPROTO);
	pthread_mutex_unlock(&local.lock);
}

/*
 * Take one doorbell. 1, or what ends a channel: another length, 0, -errno. One
 * that brings descriptors, for which there is no room, stays in the socket; if
 * the peer hides that, it is the last that is received of this channel.
 */
static ssize_t take_bell(int fd, struct ivc_packet *p)
{
	char buf[8];
	ssize_t n;

	if (!ivc_closer_room(IVC_PACKET_FDS) && ivc_packet_has_fds(fd)) {
		p->some = true;
		return 1;
	}
	n = ivc_packet_recv(fd, buf, sizeof(buf), p);
	ivc_closer_add(p);
	return n;
}

int local_arm(const struct ivc_channel *ch)
{
	struct local_channel *lc = ch->priv;
	struct ivc_packet p = { .nr = 0 };
	unsigned int bells = 0;
	ssize_t n;

	/* Nobody sleeps on it any more, and who rings now is an enemy. */
	if (ivc_load(&lc->state) != IVC_CHAN_OPEN)
		return 0;
	do {
		n = take_bell(ch->fd, &p);
		bells += n == 1;
	} while (n == 1 && !p.some && bells < BELLS_MAX);
	/*
	 * EPIPE and the like, or nothing where there would be at least EAGAIN:
	 * the end. It is no error here: the next look at the ring finds it.
	 * What could not be taken for lack of memory is there the next time.
	 */
	if (n > 1 || p.some)
		foul(lc);
	else if (!n || (n < 0 && n != -EAGAIN && n != -ENOMEM))
		(void)ended(lc);
	if (bells) {
		__atomic_fetch_add(&lc->wakeups, 1, __ATOMIC_RELAXED);
		if (bells > BELLS_PER_ARM)
			__atomic_fetch_add(&lc->spurious, bells - BELLS_PER_ARM,
					   __ATOMIC_RELAXED);
	}
	/* After the last doorbell has been taken: see
	 * include/ivc/protocol/local.h. */
	__atomic_fetch_add(&ch->map.own->want, IVC_LOCAL_ARMED,
			   __ATOMIC_RELEASE);
	return 0;
}

/* Under the lock: the books, in which an end that failed has nothing. */
static void forget(struct local_channel *lc)
{
	local_unwatch(lc);
	local_channel_step(lc, IVC_CHAN_CLOSE);
	local_close_fd(&lc->other);
	if (!lc->conn && lc->due != LOCAL_DUE_REPLY) {
		local_due_no_channel(lc);
		LIST_REMOVE(lc, node);
		free(lc);
		return;
	}
	lc->closing = true;
	local_due_channel(lc);
	/* At once, if the link takes it: else the thread does when it can. */
	if (local.state == LOCAL_UP)
		local_flush();
}

void local_close(struct ivc_channel *ch)
{
	struct local_channel *lc = ch->priv;
	const uint8_t *own, *peer;
	uint32_t tx_size, rx_size;

	memset(&ch->map, 0, sizeof(ch->map));
	if (!lc)
		return;
	if (lc->own) {
		local_kctl(lc)->reason = lc->failed ? -ECONNREFUSED : -EPIPE;
		/* Release: with CLOSED come the reason and all we wrote. */
		ivc_store_rel(&local_kctl(lc)->state, IVC_WIRE_CLOSED);
	}
	own = lc->own;
	peer = lc->peer;
	tx_size = lc->tx_size;
	rx_size = lc->rx_size;
	pthread_mutex_lock(&local.lock);
	forget(lc);
	ch->priv = NULL;
	/* This is what the peer hears, whoever else has a copy of it. */
	ivc_closer_hangup(ch->fd);
	ch->fd = -1;
	pthread_mutex_unlock(&local.lock);
	local_memory_unmap(peer, rx_size);
	local_memory_unmap(own, tx_size);
	local_put();
}

/* The memory is not mapped in a child: what is there now is somebody else's. */
void local_orphan_channel(struct ivc_channel *ch)
{
	struct local_channel *lc = ch->priv;

	if (lc) {
		local_close_fd(&lc->other);
		local_close_fd(&lc->memory);
	}
	local_close_fd(&ch->fd);
}
