// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/ivc-back/: the state as text, for ivcctl and for people.
 * The first line of each file names the columns. New versions add columns and
 * never remove one.
 */
#include <linux/jiffies.h>

#include "../common/debugfs.h"
#include "back.h"

static struct dentry *dir;

static int frontends_show(struct seq_file *s, void *unused)
{
	static const char *const states[] = {
		[FE_STARTING] = "starting",
		[FE_OPEN] = "connected",
		[FE_BROKEN] = "broken",
		[FE_ENDED] = "broken",
	};
	struct ivc_fe *fe;

	seq_puts(s, "# domid realm state contexts channels pages pending "
		    "requests refused closing\n");
	mutex_lock(&ivc_back.lock);
	list_for_each_entry (fe, &ivc_back.fes, node)
		seq_printf(s, "%u %s %s %u %u %u %u %llu %llu %u\n", fe->domid,
			   fe->realm, states[fe->state], fe->used.contexts,
			   fe->used.channels, fe->used.pages, fe->used.pending,
			   fe->requests, fe->refused, fe->used.closing);
	mutex_unlock(&ivc_back.lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(frontends);

static unsigned int channels_of(struct ivc_member *m)
{
	struct ivc_end *end;
	unsigned int n = 0;

	list_for_each_entry (end, &m->fe->ends, in_fe)
		n += end->member == m->nr && end->state == END_OPEN;
	return n;
}

static int members_show(struct seq_file *s, void *unused)
{
	struct ivc_member *m;
	unsigned long nr;

	seq_puts(s, "# member domid realm magic id channels\n");
	mutex_lock(&ivc_back.lock);
	xa_for_each (&ivc_back.members, nr, m)
		seq_printf(s, "%llu %u %s %llu %u %u\n", m->nr, m->fe->domid,
			   m->group->realm, m->group->magic, m->id,
			   channels_of(m));
	mutex_unlock(&ivc_back.lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(members);

static int channels_show(struct seq_file *s, void *unused)
{
	struct ivc_conn *c;
	unsigned long nr;

	seq_puts(s, "# conn state a_domid a_id b_domid b_id a_pages b_pages "
		    "age_s\n");
	mutex_lock(&ivc_back.lock);
	xa_for_each (&ivc_back.conns, nr, c)
		seq_printf(s, "%u %s %u %u %u %u %u %u %lu\n", c->nr,
			   ivcb_conn_state(c), c->end[0].domid, c->end[0].id,
			   c->end[1].domid, c->end[1].id, c->end[0].pages,
			   c->end[1].pages, (jiffies - c->since) / HZ);
	mutex_unlock(&ivc_back.lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(channels);

static const struct ivc_debugfs_file files[] = {
	{ "frontends", &frontends_fops },
	{ "members", &members_fops },
	{ "channels", &channels_fops },
	{},
};

int ivcb_debugfs_init(void)
{
	dir = ivc_debugfs_create("ivc-back", files);
	return 0;
}

void ivcb_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
