// SPDX-License-Identifier: GPL-2.0
/*
 * The audit compares resources held with resources charged, in tests and debug
 * builds (IVC_AUDIT). It counts everything anew, from the tables of members and
 * connections, and compares the result with the accounts and lists of the
 * frontends.
 */
#include "back.h"

#ifdef IVC_AUDIT

#include <linux/bug.h>

static u32 length(const struct list_head *list)
{
	const struct list_head *p;
	u32 n = 0;

	list_for_each(p, list) n++;
	return n;
}

/* Add the charge of one end to @sum. */
static void add_end(const struct ivc_end *end, struct ivc_quota *sum)
{
	switch (end->state) {
	case END_PENDING:
		sum->pending++;
		break;
	case END_OPEN:
		sum->channels++;
		sum->pages += end->pages;
		break;
	case END_CLOSING:
		sum->closing++;
		break;
	case END_DONE:
		break;
	}
	WARN_ON(end->state != END_OPEN && end->pages);
}

/* Add the ends of @fe with the guest of @pair, or with all guests if NULL. */
static u32 add_ends(const struct ivc_fe *fe, const struct ivc_pair *pair,
		    struct ivc_quota *sum, u32 *owed)
{
	struct ivc_conn *c;
	unsigned long nr;
	u32 n = 0;
	int i;

	xa_for_each (&ivc_back.conns, nr, c) {
		for (i = 0; i < 2; i++) {
			const struct ivc_end *end = &c->end[i];

			if (end->fe != fe ||
			    (pair && c->end[!i].domid != pair->domid))
				continue;
			WARN_ON(pair && end->pair != pair);
			add_end(end, sum);
			*owed += !!end->owed.events;
			n++;
		}
	}
	return n;
}

static void audit_pairs(struct ivc_fe *fe)
{
	struct ivc_pair *pair;
	unsigned long domid;
	u32 owed = 0;

	xa_for_each (&fe->pairs, domid, pair) {
		struct ivc_quota sum = {};

		WARN_ON(!pair->ends);
		WARN_ON(add_ends(fe, pair, &sum, &owed) != pair->ends);
		WARN_ON(pair->pending != sum.pending);
		WARN_ON(pair->closing != sum.closing);
	}
}

static void audit_fe(struct ivc_fe *fe)
{
	struct ivc_quota sum = {};
	struct ivc_member *m;
	unsigned long nr;
	u32 owed = 0;

	xa_for_each (&ivc_back.members, nr, m) {
		if (m->fe != fe)
			continue;
		sum.contexts++;
		owed += !!m->owed.events;
	}
	WARN_ON(length(&fe->members) != sum.contexts);
	WARN_ON(length(&fe->ends) != add_ends(fe, NULL, &sum, &owed));
	WARN_ON(length(&fe->owed) != owed);
	WARN_ON(fe->used.contexts != sum.contexts);
	WARN_ON(fe->used.channels != sum.channels);
	WARN_ON(fe->used.pages != sum.pages);
	WARN_ON(fe->used.pending != sum.pending);
	WARN_ON(fe->used.closing != sum.closing);
	WARN_ON(fe->used.contexts > fe->max.contexts);
	WARN_ON(fe->used.channels > fe->max.channels);
	WARN_ON(fe->used.pages > fe->max.pages);
	WARN_ON(fe->used.pending > fe->max.pending);
	WARN_ON(fe->used.closing > fe->max.closing);
	audit_pairs(fe);
}

/* An end has a frontend unless it is DONE, and not both ends are DONE. */
static void audit_conns(void)
{
	struct ivc_conn *c;
	unsigned long nr;
	int i;

	xa_for_each (&ivc_back.conns, nr, c) {
		WARN_ON(c->nr != nr);
		WARN_ON(!c->end[0].fe && !c->end[1].fe);
		for (i = 0; i < 2; i++) {
			WARN_ON(!c->end[i].fe != (c->end[i].state == END_DONE));
			WARN_ON(!c->end[i].fe && c->end[i].owed.events);
		}
	}
}

static void audit_groups(void)
{
	struct ivc_member *m;
	struct ivc_group *g;
	unsigned long nr;
	u32 held = 0, listed = 0, late = 0;

	xa_for_each (&ivc_back.members, nr, m) {
		held++;
		late += !list_empty(&m->late);
	}
	list_for_each_entry (g, &ivc_back.groups, node) {
		WARN_ON(list_empty(&g->members));
		listed += length(&g->members);
	}
	WARN_ON(held != listed);
	WARN_ON(late != length(&ivc_back.late));
}

void ivcb_audit(void)
{
	struct ivc_fe *fe;

	audit_conns();
	audit_groups();
	list_for_each_entry (fe, &ivc_back.fes, node)
		audit_fe(fe);
}

#endif /* IVC_AUDIT */
