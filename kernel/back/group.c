// SPDX-License-Identifier: GPL-2.0
/*
 * Groups: the members of one job (magic) within one realm. A realm is Dom0's
 * word, a magic id the guest's; both must be the same for two to meet.
 */
#include <linux/slab.h>

#include "back.h"

static struct ivc_group *group_find(const char *realm, u64 magic)
{
	struct ivc_group *g;

	list_for_each_entry (g, &ivc_back.groups, node)
		if (g->magic == magic && !strcmp(g->realm, realm))
			return g;
	return NULL;
}

static struct ivc_group *group_get(const char *realm, u64 magic)
{
	struct ivc_group *g = group_find(realm, magic);

	if (g)
		return g;
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return NULL;
	strscpy(g->realm, realm, sizeof(g->realm));
	g->magic = magic;
	INIT_LIST_HEAD(&g->members);
	list_add_tail(&g->node, &ivc_back.groups);
	return g;
}

static void group_put(struct ivc_group *g)
{
	if (!list_empty(&g->members))
		return;
	list_del(&g->node);
	kfree(g);
}

/* Everybody but @except is told that the list has changed. */
static void group_changed(struct ivc_group *g, struct ivc_member *except)
{
	struct ivc_member *m;

	g->generation++;
	list_for_each_entry (m, &g->members, in_group)
		if (m != except)
			ivcb_notify_change(m);
}

struct ivc_member *ivcb_member_join(struct ivc_fe *fe, u64 magic, u32 id)
{
	struct ivc_member *m, *other;
	int err;

	if (fe->used.contexts >= fe->max.contexts)
		return ERR_PTR(-EDQUOT);
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return ERR_PTR(-ENOMEM);
	m->group = group_get(fe->realm, magic);
	if (!m->group) {
		err = -ENOMEM;
		goto err_free;
	}
	list_for_each_entry (other, &m->group->members, in_group) {
		if (other->id == id) {
			err = -EADDRINUSE;
			goto err_group;
		}
	}
	/*
	 * A number names one registration for ever: a peer that remembers it
	 * can never reach somebody else. A million registrations a second use
	 * up 2^64 of them in half a million years.
	 */
	m->nr = ivc_back.next_member + 1;
	err = xa_insert(&ivc_back.members, m->nr, m, GFP_KERNEL);
	if (err)
		goto err_group;
	ivc_back.next_member = m->nr;

	m->id = id;
	m->fe = fe;
	m->owed.ops = &ivcb_notify_ops;
	INIT_LIST_HEAD(&m->owed.node);
	INIT_LIST_HEAD(&m->late);
	INIT_LIST_HEAD(&m->offers);
	list_add_tail(&m->in_group, &m->group->members);
	list_add_tail(&m->in_fe, &fe->members);
	fe->used.contexts++;
	group_changed(m->group, m);
	return m;

err_group:
	group_put(m->group);
err_free:
	kfree(m);
	return ERR_PTR(err);
}

void ivcb_member_leave(struct ivc_member *m)
{
	xa_erase(&ivc_back.members, m->nr);
	list_del(&m->in_group);
	list_del(&m->in_fe);
	if (m->owed.events)
		list_del(&m->owed.node);
	ivcb_notify_cancel(m);
	m->fe->used.contexts--;
	ivcb_conn_refuse_member(m);
	group_changed(m->group, NULL);
	group_put(m->group);
	kfree(m);
}

/* The member @nr if it is @fe's. */
struct ivc_member *ivcb_member_of(struct ivc_fe *fe, u64 nr)
{
	struct ivc_member *m = xa_load(&ivc_back.members, nr);

	return m && m->fe == fe ? m : NULL;
}

/* The member @nr if it is another one of @m's group. */
struct ivc_member *ivcb_member_peer(struct ivc_member *m, u64 nr)
{
	struct ivc_member *peer = xa_load(&ivc_back.members, nr);

	return peer && peer != m && peer->group == m->group ? peer : NULL;
}

/* @table is the guest's page: written, never read. */
u32 ivcb_group_list(struct ivc_member *m, u64 after, struct ivc_host *table,
		    bool *more)
{
	struct ivc_member *other;
	u32 n = 0;

	*more = false;
	/* Who asks from the start will see what changes from here on. */
	if (!after)
		ivcb_notify_cancel(m);
	list_for_each_entry (other, &m->group->members, in_group) {
		if (other == m || other->nr <= after)
			continue;
		if (n == IVC_TABLE_HOSTS) {
			*more = true;
			break;
		}
		table[n++] = (struct ivc_host){
			.member = other->nr,
			.id = other->id,
			.domid = other->fe->domid,
		};
	}
	return n;
}
