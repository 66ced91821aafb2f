// SPDX-License-Identifier: GPL-2.0
/*
 * The resources that the driver holds for processes, added up in two ways: by
 * the counters that limit them, and by visiting each object. While the driver
 * is idle both sums are equal. Tests compare them, in user space and, through
 * debugfs, in the lab. A channel that no process has and no peer maps shows up
 * as held and not charged.
 *
 * The memory is charged to the memory cgroup of the process that made the
 * context, whichever thread allocates it (ivcf_alloc_begin()).
 */
#include <linux/seq_file.h>

#include "front.h"

enum { CHANNELS, MAPPINGS, GRANTS, HANDLES, OFFERS, REFUSALS, KINDS };

struct sum {
	u64 charged[KINDS];
	u64 held[KINDS];
};

static const char *const kind_name[] = {
	[CHANNELS] = "channels", [MAPPINGS] = "mappings",
	[GRANTS] = "grants",	 [HANDLES] = "handles",
	[OFFERS] = "offers",	 [REFUSALS] = "refusals",
};

static DEFINE_MUTEX(audit_lock);
static u32 this_audit;

/* A channel that this audit has not counted yet, with a reference; or NULL */
static struct ivc_chan *unseen(bool *listed)
{
	struct ivc_chan *ch, *found = NULL;

	spin_lock(&ivc_front.lock);
	list_for_each_entry (ch, &ivc_front.all, in_all) {
		if (ch->audit == this_audit)
			continue;
		ch->audit = this_audit;
		if (!kref_get_unless_zero(&ch->ref))
			continue;
		*listed = !list_empty(&ch->node);
		found = ch;
		break;
	}
	spin_unlock(&ivc_front.lock);
	return found;
}

static u32 count_refs(const grant_ref_t *refs, u32 nr)
{
	u32 i, n = 0;

	for (i = 0; refs && i < nr; i++)
		n += refs[i] != INVALID_GRANT_REF;
	return n;
}

/* A closed end of a local pair exists as long as its partner. */
static bool holds_partner(const struct ivc_chan *ch)
{
	const struct ivc_chan *other = ch->partner;

	return other && !READ_ONCE(other->mapping) && list_empty(&other->node);
}

static void add_chan(struct sum *sum, struct ivc_chan *ch, bool listed)
{
	const struct ivc_map *m = &ch->map;
	const struct ivc_grant *g = &ch->grant;
	unsigned int region;
	u32 i;

	mutex_lock(&ch->lock);
	sum->held[CHANNELS]++;
	/* Charged while a process has it, or a peer may map its pages. */
	if (ch->mapping || listed)
		sum->charged[CHANNELS] += 1 + holds_partner(ch);
	for (region = 0; region < ARRAY_SIZE(ch->mmaps); region++) {
		sum->held[MAPPINGS] += ch->mmaps[region];
		sum->charged[MAPPINGS] += !!ch->mmaps[region];
	}
	sum->charged[GRANTS] += g->granted;
	sum->held[GRANTS] +=
		count_refs(g->refs, g->nr) + count_refs(g->dir_refs, g->nr_dir);
	sum->charged[HANDLES] += m->nr;
	for (i = 0; i < m->nr; i++)
		sum->held[HANDLES] += m->handles[i] != INVALID_GRANT_HANDLE;
	ivcf_mmap_audit(ch, &sum->charged[HANDLES], &sum->held[HANDLES]);
	mutex_unlock(&ch->lock);
}

static void add_offers(struct sum *sum)
{
	struct ivc_offer *o;
	struct ivc_ctx *ctx;

	spin_lock(&ivc_front.lock);
	list_for_each_entry (ctx, &ivc_front.ctxs, node) {
		spin_lock(&ctx->lock);
		sum->charged[OFFERS] += ctx->nr_offers;
		list_for_each_entry (o, &ctx->offers, node)
			sum->held[OFFERS]++;
		spin_unlock(&ctx->lock);
	}
	spin_unlock(&ivc_front.lock);
}

void ivcf_audit(struct seq_file *s)
{
	struct sum sum = {};
	struct ivc_chan *ch;
	bool listed;
	int kind;

	mutex_lock(&audit_lock);
	this_audit++;
	while ((ch = unseen(&listed))) {
		add_chan(&sum, ch, listed);
		ivcf_chan_put(ch);
	}
	mutex_unlock(&audit_lock);
	add_offers(&sum);
	ivcf_ctl_audit(&sum.charged[REFUSALS], &sum.held[REFUSALS]);
	seq_puts(s, "# what charged held\n");
	for (kind = 0; kind < KINDS; kind++)
		seq_printf(s, "%s %llu %llu\n", kind_name[kind],
			   sum.charged[kind], sum.held[kind]);
}
