/* SPDX-License-Identifier: MIT */
/*
 * After the end of a channel: the peer's data that this side has not read, and
 * this side's data that was not delivered to the peer.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "channel.h"

static int delivery(struct ivc_channel *ch, struct ivc_abi_delivery *f)
{
	int ret;

	if (!ch)
		return -EINVAL;
	if (ivc_channel_foreign(ch))
		return -ESTALE;
	if (!ivc_channel_status(ch))
		return -EAGAIN;
	/* A channel that was never established has written nothing. */
	if (!ch->open)
		return 0;
	f->from = ch->tx.pos;
	ret = ch->ops->delivery(ch, f);
	if (ret)
		return ret;
	return f->status == -EPROTO ? -EPROTO : 0;
}

ssize_t ivc_undelivered(ivc_channel *ch)
{
	struct ivc_abi_delivery f = { 0 };
	int ret = delivery(ch, &f);

	return ret ? ret : (ssize_t)f.undelivered;
}

ssize_t ivc_recall(ivc_channel *ch, void *buf, size_t len, size_t skip)
{
	struct ivc_abi_undelivered un = { .buf = (uintptr_t)buf,
					  .len = len,
					  .offset = skip };
	struct ivc_abi_delivery f = { 0 };
	int ret = delivery(ch, &f);

	if (ret)
		return ret;
	if (len && !buf)
		return -EINVAL;
	if (!f.undelivered || !len)
		return 0;
	ret = ch->ops->undelivered(ch, &un);
	return ret ? ret : (ssize_t)un.len;
}

/*
 * Read with a copy of the channel's reader that publishes no position, so that
 * ivc_read() still returns the same data. Over Xen the data is the kernel's
 * copy and does not change any more. With the local transport the memory
 * belongs to the peer, which could write to it without end; so this stops after
 * one ring full, which is the most that can be unread.
 */
ssize_t ivc_unread(ivc_channel *ch, void **buf)
{
	struct ivc_ctrl nobody = { 0 };
	uint8_t *all = NULL, *more;
	struct ivc_rx rx;
	size_t size = 0, n = 0;
	int64_t ret;

	if (!ch || !buf)
		return -EINVAL;
	*buf = NULL;
	if (ivc_channel_foreign(ch))
		return -ESTALE;
	if (!ivc_channel_status(ch))
		return -EAGAIN;
	rx = ch->rx;
	rx.ctrl = &nobody;
	do {
		if (n == size) {
			size = size ? 2 * size : 4096;
			more = realloc(all, size);
			if (!more) {
				free(all);
				return -ENOMEM;
			}
			all = more;
		}
		ret = ivc_rx_read(&rx, all + n, size - n);
		if (ret > 0)
			n += (size_t)ret;
	} while (ret > 0 && rx.pos - ch->rx.pos < rx.cells);
	if (ret > 0) {
		free(all);
		return -EPROTO;
	}
	/* If garbage follows, ivc_read() will report it. */
	if (n)
		*buf = all;
	else
		free(all);
	return (ssize_t)n;
}
