/* SPDX-License-Identifier: MIT */
/* How a channel is made: connect, accept, and when it is established. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/clock.h"
#include "channel.h"
#include "context.h"
#include "entry.h"

#define IVC_CONNECT_TIMEOUT_MS 30000
#define IVC_SPIN_DEFAULT 50000 /* ns */

/*
 * On a machine with one CPU a thread that spins only keeps others from running.
 * The number of CPUs is read once, under the lock: sysconf() opens a file,
 * which a fork() at that moment would leave open in the child.
 */
static int64_t spin_default(void)
{
	static int64_t spin = -1;
	int64_t ret;

	ivc_process_lock();
	if (spin < 0)
		spin = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? IVC_SPIN_DEFAULT : 0;
	ret = spin;
	ivc_process_unlock();
	return ret;
}

void ivc_channel_idle(struct ivc_channel *ch, int status)
{
	memset(&ch->map, 0, sizeof(ch->map));
	memset(&ch->idle_ctrl, 0, sizeof(ch->idle_ctrl));
	memset(ch->idle_cell, 0, sizeof(ch->idle_cell));
	ch->open = false;
	ch->idle.status = status;
	ch->kctl = &ch->idle;
	ivc_tx_init(&ch->tx, ch->idle_cell, IVC_CELL, &ch->idle_ctrl);
	ivc_rx_init(&ch->rx, ch->idle_cell, IVC_CELL, &ch->idle_ctrl);
	if (status == -EINPROGRESS)
		return;
	/* Makes ivc_commit() and ivc_release() fail, too. */
	ch->tx.error = status;
	ch->rx.error = status;
}

int ivc_channel_new(const struct ivc_transport *ops, struct ivc_channel **chp)
{
	struct ivc_channel *ch;

	ch = aligned_alloc(_Alignof(struct ivc_channel), sizeof(*ch));
	if (!ch)
		return -ENOMEM;
	memset(ch, 0, sizeof(*ch));
	ch->ops = ops;
	ch->fd = -1;
	ch->spin = spin_default();
	pthread_mutex_init(&ch->lock, NULL);

	ivc_channel_idle(ch, -EINPROGRESS);
	ivc_process_add_channel(ch);
	*chp = ch;
	return 0;
}

/* The channel is established: map its memory and put the rings there. */
static int channel_open(struct ivc_channel *ch, const struct ivc_abi_info *info)
{
	struct ivc_map *m = &ch->map;
	int ret;

	ret = ch->ops->map(ch, info);
	if (ret)
		return ret;
	ivc_tx_init(&ch->tx, (uint8_t *)m->own + IVC_CTRL_SIZE, info->tx_size,
		    m->peer);
	ivc_rx_init(&ch->rx, (const uint8_t *)m->peer + IVC_CTRL_SIZE,
		    info->rx_size, m->own);
	ch->open = true;
	ch->kctl = m->kctl;
	return 0;
}

/* Open @ch if it is established. -EAGAIN: not yet. Other errors are final. */
static int channel_try_open(struct ivc_channel *ch)
{
	struct ivc_abi_info info = { 0 };
	int ret;

	ret = ch->ops->info(ch, &info);
	if (ret == -EINTR)
		return ret;
	if (ret)
		goto err_failed;
	if (info.state == IVC_ABI_CONNECTING)
		return -EAGAIN;
	/*
	 * A channel that was established and has already ended is opened, too:
	 * its ring has the data that the peer wrote before the end.
	 */
	if (info.state == IVC_ABI_OPEN || info.rx_size) {
		ret = channel_open(ch, &info);
		if (!ret)
			return 0;
	}
	if (info.status)
		ret = info.status;
	if (!ret)
		ret = -EPROTO;
err_failed:
	ch->idle.status = ret;
	return ret;
}

/* Wait until @ch is open. The end of @ctx, if not NULL, cancels the wait. */
static int connected_until(struct ivc_channel *ch,
			   const struct ivc_context *ctx, int64_t deadline)
{
	int ret;

	for (;;) {
		ret = channel_try_open(ch);
		if (ret != -EAGAIN)
			return ret;
		ret = ivc_entry_poll(ctx, ch->fd, ch->ops->established,
				     deadline);
		if (!ret)
			return -ETIMEDOUT;
		if (ret < 0)
			return ret;
	}
}

int ivc_connected(ivc_channel *ch, int timeout_ms)
{
	int cancel, ret;

	if (!ch)
		return -EINVAL;
	if (ivc_channel_foreign(ch))
		return -ESTALE;
	if (ch->open)
		return 0;
	if (ch->idle.status != -EINPROGRESS)
		return ch->idle.status;
	cancel = ivc_cancel_off();
	ret = connected_until(ch, NULL, ivc_deadline(timeout_ms));
	ivc_cancel_on(cancel);
	return ret;
}

static bool options_ok(const struct ivc_channel_options *opt)
{
	size_t i;

	for (i = 0; i < sizeof(opt->reserved) / sizeof(opt->reserved[0]); i++)
		if (opt->reserved[i])
			return false;
	return (!opt->tx_size || ivc_ring_size_ok(opt->tx_size)) &&
	       (!opt->rx_size || ivc_ring_size_ok(opt->rx_size));
}

/* The common beginning of connect and accept: check the arguments, enter. */
static int begin(ivc_context *ctx, const struct ivc_channel_options *opt,
		 ivc_channel **chp, struct ivc_entry *entry)
{
	if (!chp)
		return -EINVAL;
	*chp = NULL;
	if (!ctx || !options_ok(opt))
		return -EINVAL;
	return ivc_enter(ctx, entry);
}

/* The common end: give @ch to the caller, or close it if @ret is an error. */
static int finish(struct ivc_entry *entry, struct ivc_channel *ch, int ret,
		  ivc_channel **chp)
{
	if (ret)
		ivc_close(ch);
	else
		ivc_context_add(entry->ctx, ch);
	ivc_exit(entry);
	if (!ret)
		*chp = ch;
	return ret;
}

static int connect_to(ivc_context *ctx, struct ivc_channel *ch, ivc_peer peer,
		      const struct ivc_channel_options *opt)
{
	int64_t deadline = ivc_deadline(opt->timeout_ms);
	int ret;

	ch->peer = peer;
	ret = ctx->ops->connect(ctx, ch, peer.member, opt->tx_size,
				opt->rx_size, deadline);
	if (ret || !opt->timeout_ms)
		return ret;
	return connected_until(ch, ctx, deadline);
}

int ivc_connect_opt(ivc_context *ctx, ivc_peer peer,
		    const struct ivc_channel_options *opt, ivc_channel **chp)
{
	static const struct ivc_channel_options defaults = {
		.timeout_ms = IVC_CONNECT_TIMEOUT_MS,
	};
	struct ivc_channel *ch = NULL;
	struct ivc_entry entry;
	int ret;

	if (!opt)
		opt = &defaults;
	ret = begin(ctx, opt, chp, &entry);
	if (ret)
		return ret;
	/* Member 0 is the end mark of a list: peers[0] of an empty group. */
	ret = peer.member ? ivc_channel_new(ctx->ops, &ch) : -ENOENT;
	if (!ret)
		ret = connect_to(ctx, ch, peer, opt);
	return finish(&entry, ch, ret, chp);
}

ivc_channel *ivc_connect(ivc_context *ctx, ivc_peer peer)
{
	ivc_channel *ch;
	int ret = ivc_connect_opt(ctx, peer, NULL, &ch);

	if (ret)
		errno = -ret;
	return ch;
}

/*
 * Open the channel that was just accepted. -ECONNABORTED: the offerer closed or
 * died after its offer and has written nothing; the next offer may be good.
 */
static int accept_open(struct ivc_channel *ch)
{
	int ret;

	do
		ret = ivc_connected(ch, 0);
	while (ret == -EINTR);

	switch (ret) {
	case -EPIPE:
	case -ECONNRESET:
	case -ECONNREFUSED:
		ch->ops->close(ch);
		ch->idle.status = -EINPROGRESS;
		return -ECONNABORTED;
	default:
		return ret;
	}
}

/* Wait for an offer and accept it. */
static int accept_next(ivc_context *ctx, struct ivc_channel *ch,
		       const struct ivc_channel_options *opt)
{
	int64_t deadline = ivc_deadline(opt->timeout_ms);
	unsigned int stale = 0;
	int ret;

	for (;;) {
		ret = ctx->ops->accept(ctx, ch, opt->tx_size, deadline);
		if (!ret)
			ret = accept_open(ch);
		/* Any number of offers can be withdrawn. */
		if (ret == -ECONNABORTED && !ivc_entry_cancelled(ctx))
			continue;
		if (ret == -ECONNABORTED)
			return -ECANCELED;
		if (ret != -EAGAIN)
			return ret;
		ret = ivc_context_wait(ctx, &ctx->offers, deadline, &stale);
		if (ret)
			return ret;
	}
}

int ivc_accept_opt(ivc_context *ctx, const struct ivc_channel_options *opt,
		   ivc_channel **chp)
{
	static const struct ivc_channel_options defaults = { .timeout_ms = -1 };
	struct ivc_channel *ch = NULL;
	struct ivc_entry entry;
	int ret;

	if (!opt)
		opt = &defaults;
	ret = begin(ctx, opt, chp, &entry);
	if (ret)
		return ret;
	ret = ivc_channel_new(ctx->ops, &ch);
	if (!ret)
		ret = accept_next(ctx, ch, opt);
	return finish(&entry, ch, ret, chp);
}

ivc_channel *ivc_accept(ivc_context *ctx)
{
	ivc_channel *ch;
	int ret = ivc_accept_opt(ctx, NULL, &ch);

	if (ret)
		errno = -ret;
	return ch;
}

uint32_t ivc_peer_id(const ivc_channel *ch)
{
	return ch ? ch->peer.id : 0;
}

void ivc_peer_of(const ivc_channel *ch, ivc_peer *peer)
{
	if (!peer)
		return;
	memset(peer, 0, sizeof(*peer));
	if (ch)
		*peer = ch->peer;
}
