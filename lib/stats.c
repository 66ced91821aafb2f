/* SPDX-License-Identifier: MIT */
/* Statistics of a channel: the library's counters and the transport's. */
#include <errno.h>
#include <string.h>

#include "channel.h"
#include "entry.h"

/*
 * The reading and the writing thread count without a lock, to save its cost.
 * Another thread may see a counter one call late.
 */
int ivc_get_stats(const ivc_channel *ch, struct ivc_stats *st)
{
	struct ivc_abi_info info = { 0 };
	int cancel, ret;

	if (!ch || !st)
		return -EINVAL;
	if (ivc_channel_foreign(ch))
		return -ESTALE;
	memset(st, 0, sizeof(*st));
	cancel = ivc_cancel_off();
	ret = ch->ops->info(ch, &info);
	ivc_cancel_on(cancel);
	if (ret)
		return ret;
	st->tx_bytes = ivc_load(&ch->tx_bytes);
	st->tx_calls = ivc_load(&ch->tx_calls);
	st->tx_full = ivc_load(&ch->tx_full);
	st->rx_bytes = ivc_load(&ch->rx_bytes);
	st->rx_calls = ivc_load(&ch->rx_calls);
	st->rx_empty = ivc_load(&ch->rx_empty);
	st->sleeps = ivc_load(&ch->sleeps);
	st->kicks = info.kicks;
	st->wakeups = info.wakeups;
	st->spurious = info.spurious;
	st->kept = info.kept;
	st->tx_size = info.tx_size;
	st->rx_size = info.rx_size;
	return 0;
}
