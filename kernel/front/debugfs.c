// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/ivc-front/: contexts, channels and the resources that they
 * hold, as text. The first line of each file names its columns.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

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

void ivcf_debugfs_init(void)
{
	dir = debugfs_create_dir("ivc-front", NULL);
	debugfs_create_file("contexts", 0400, dir, NULL, &contexts_fops);
	debugfs_create_file("channels", 0400, dir, NULL, &channels_fops);
	debugfs_create_file("held", 0400, dir, NULL, &held_fops);
}

void ivcf_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
