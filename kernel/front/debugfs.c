// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/ivc-front/: contexts, channels and the resources that they
 * hold, as text. The first line of each file names its columns.
 */
#include "../common/debugfs.h"
#include "front.h"

static struct dentry *dir;

static int contexts_show(struct seq_file *s, void *unused)
{
	struct ivc_ctx *ctx;

	seq_puts(s, "# magic id member offers\n");
	spin_lock(&ivc_front.lock);
	list_for_each_entry (ctx, &ivc_front.ctxs, node)
		seq_printf(s, "%llu %u %llu %u\n", ctx->magic, ctx->id,
			   ctx->member, ctx->nr_offers);
	spin_unlock(&ivc_front.lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(contexts);

static int channels_show(struct seq_file *s, void *unused)
{
	struct ivc_chan *ch;

	seq_puts(s, "# conn state local peer_domid peer_id tx_size rx_size "
		    "granted mapped kicks wakeups spurious\n");
	spin_lock(&ivc_front.lock);
	list_for_each_entry (ch, &ivc_front.chans, node)
		seq_printf(s, "%u %s %u %u %u %u %u %u %u %llu %llu %llu\n",
			   ch->conn, ivc_chan_state_name[ch->state], ch->local,
			   ch->peer.domid, ch->peer.id, ch->tx_size,
			   ch->rx_size, ch->grant.granted, ch->map.nr,
			   ch->kicks, ch->wakeups, ch->spurious);
	spin_unlock(&ivc_front.lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(channels);

static int held_show(struct seq_file *s, void *unused)
{
	ivcf_audit(s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(held);

static const struct ivc_debugfs_file files[] = {
	{ "contexts", &contexts_fops },
	{ "channels", &channels_fops },
	{ "held", &held_fops },
	{},
};

int ivcf_debugfs_init(void)
{
	dir = ivc_debugfs_create("ivc-front", files);
	return 0;
}

void ivcf_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
