/* SPDX-License-Identifier: MIT */
/* How a local channel is made, mapped and closed. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../fd-closer.h"
#include "local.h"

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

/* With the lock: tell ivcd of the end, unless ivcd does not know the channel.
 */
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
	/* Send CLOSE at once if the link has room, else the thread sends it. */
	if (local.state == LOCAL_UP)
		local_outbox_send();
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
		/* Release: a peer that sees CLOSED sees the reason and our
		 * data. */
		ivc_store_rel(&local_kctl(lc)->state, IVC_WIRE_CLOSED);
	}
	own = lc->own;
	peer = lc->peer;
	tx_size = lc->tx_size;
	rx_size = lc->rx_size;
	pthread_mutex_lock(&local.lock);
	forget(lc);
	ch->priv = NULL;
	/* The peer sees this shutdown even if another process has a copy. */
	ivc_closer_hangup(ch->fd);
	ch->fd = -1;
	pthread_mutex_unlock(&local.lock);
	local_memory_unmap(peer, rx_size);
	local_memory_unmap(own, tx_size);
	local_put();
}

/* In a child the rings are not mapped: their addresses may have another use. */
void local_orphan_channel(struct ivc_channel *ch)
{
	struct local_channel *lc = ch->priv;

	if (lc) {
		local_close_fd(&lc->other);
		local_close_fd(&lc->memory);
	}
	local_close_fd(&ch->fd);
}
