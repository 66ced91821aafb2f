/* SPDX-License-Identifier: MIT */
/*
 * The doorbell of a local channel and its end, both on one socket whose other
 * end is in the peer's process.
 *
 * Why a socket and not an eventfd, whose wake-up is 0.4 us faster: an eventfd
 * is one open file for both processes. A peer could fill its counter and clear
 * O_NONBLOCK, which both share, and so block our ivc_write() for ever. The two
 * ends of a socket are separate files, and MSG_DONTWAIT acts on the one call.
 * The kernel reports the end of the peer's process on the descriptor that a
 * sleeper polls, without ivcd or anybody else.
 *
 * The end is stored in kctl->status, where the data path finds it: by the
 * library's thread when the socket hangs up, or by a call that notices the end
 * before.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../entry.h"
#include "../fd-closer.h"
#include "local.h"

/*
 * A peer may ring four times per ARM: for data and for space, and again after a
 * change of `want`.
 */
#define BELLS_PER_ARM 4
#define RING_AGAIN_NS (2 * IVC_MS)
#define BELLS_MAX 1024 /* a socket's buffer holds fewer */

void local_channel_step(struct local_channel *lc, enum ivc_chan_event ev)
{
	unsigned char next = ivc_chan_next[lc->state][ev];

	/* Release: a thread that sees OPEN without the lock sees the mappings.
	 */
	if (next != IVC_STATE_NONE)
		ivc_store_rel(&lc->state, (enum ivc_chan_state)next);
}

static void end_with(struct local_channel *lc, int status)
{
	const struct ivc_ctrl *peer =
		(const struct ivc_ctrl *)(lc->peer + IVC_LOCAL_CTRL);

	/*
	 * The word is loaded once, so that a peer which goes on changing it
	 * cannot make two calls return different results. A thread that sees
	 * the status sees this value.
	 */
	lc->reader_pos = ivc_load(&peer->reader_pos);
	/*
	 * Release pairs with the acquire in ivc_channel_status(): a thread that
	 * sees the end finds in the ring the data that the peer wrote before.
	 */
	ivc_store_rel(&local_kctl(lc)->status, status);
	local_channel_step(lc, IVC_CHAN_GONE);
}

void local_channel_ended(struct local_channel *lc)
{
	const struct ivc_kctl *peer;
	int status = -ECONNRESET;

	local_unwatch(lc);
	/* Before OPEN another thread may be setting lc->peer. */
	if (lc->state != IVC_CHAN_OPEN)
		return;
	peer = local_peer_kctl(lc);
	/*
	 * Acquire pairs with the peer's release in local_close(). (The hang-up
	 * of its socket, a system call later, also orders the two.)
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

/*
 * Send a doorbell for the peer's value @want.
 *
 * Between a doorbell and the moment when the sleeper runs and clears `want`,
 * every message would send another doorbell. So lc->rung remembers the value of
 * `want` at the last doorbell, and the sleeper changes that value with every
 * ARM. This is as safe as the bits themselves, for the same reason
 * (lib/wait.c): if the load of `want` still gets the old value, the new value
 * was not visible yet. Then the store to the data ring becomes visible before
 * the sleeper checks the ring for the last time.
 *
 * If there is no memory for a doorbell, the library's thread sends it later, or
 * the sleeper would never wake up. lc->rung does not change until then.
 *
 * If two threads send at once, or one stores a value that is older than the
 * other's, one doorbell too many is sent, never one too few.
 */
static int ring(struct local_channel *lc, int fd, uint32_t want)
{
	ssize_t n;

	do
		n = send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* EAGAIN: the socket is full of doorbells, so the peer will wake up. */
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
	/* A thread cancelled in send() would leave the peer asleep. */
	cancel = ivc_cancel_off();
	ret = ring(lc, ch->fd, want);
	if (ret == -ENOMEM)
		ring_later(lc);
	ivc_cancel_on(cancel);
	return ret && ret != -ENOMEM ? ended(lc) : 0;
}

/* The peer has sent something other than a doorbell: end the channel. */
static void protocol_error(struct local_channel *lc)
{
	pthread_mutex_lock(&local.lock);
	local_unwatch(lc);
	if (lc->state == IVC_CHAN_OPEN)
		end_with(lc, -EPROTO);
	pthread_mutex_unlock(&local.lock);
}

/*
 * Receive one doorbell. Returns 1. Any other result (another length, 0, or
 * -errno) ends the channel. A packet with descriptors, if there is no room for
 * them, stays in the socket. If a peer hides the descriptors, the packet is
 * received, and nothing more on this channel.
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

	/* After the end no thread sleeps here, and no honest peer rings. */
	if (ivc_load(&lc->state) != IVC_CHAN_OPEN)
		return 0;
	do {
		n = take_bell(ch->fd, &p);
		bells += n == 1;
	} while (n == 1 && !p.some && bells < BELLS_MAX);
	/*
	 * EPIPE and similar errors, and a length of 0, mean the end. That is no
	 * error of ARM: the next check of the ring finds it. A doorbell that
	 * was not received for lack of memory is there the next time.
	 */
	if (n > 1 || p.some)
		protocol_error(lc);
	else if (!n || (n < 0 && n != -EAGAIN && n != -ENOMEM))
		(void)ended(lc);
	if (bells) {
		__atomic_fetch_add(&lc->wakeups, 1, __ATOMIC_RELAXED);
		if (bells > BELLS_PER_ARM)
			__atomic_fetch_add(&lc->spurious, bells - BELLS_PER_ARM,
					   __ATOMIC_RELAXED);
	}
	/*
	 * After the last doorbell was received: see
	 * include/ivc/protocol/local.h.
	 */
	__atomic_fetch_add(&ch->map.own->want, IVC_LOCAL_ARMED,
			   __ATOMIC_RELEASE);
	return 0;
}
