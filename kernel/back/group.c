// SPDX-License-Identifier: GPL-2.0
/*
 * Groups: the members of one job (magic id) in one realm. Dom0 sets the realm,
 * the guest chooses the magic id; members can connect only if both are equal.
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

/* Notify all members except @except that the group has changed. */
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
	 * can never reach another process by it. At a million registrations a
	 * second, 2^64 numbers last for half a million years.
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

/* The member @nr if it belongs to @fe, else NULL. */
struct ivc_member *ivcb_member_of(struct ivc_fe *fe, u64 nr)
{
	struct ivc_member *m = xa_load(&ivc_back.members, nr);

	return m && m->fe == fe ? m : NULL;
}

/* The member @nr if it is another member of @m's group, else NULL. */
struct ivc_member *ivcb_member_peer(struct ivc_member *m, u64 nr)
{
	struct ivc_member *peer = xa_load(&ivc_back.members, nr);

	return peer && peer != m && peer->group == m->group ? peer : NULL;
}

/*
 * Write the members of @m's group with numbers above @after to @table, which is
 * a page of the guest and never read here. Returns how many; *@more if others
 * follow.
 */
u32 ivcb_group_list(struct ivc_member *m, u64 after, struct ivc_host *table,
		    bool *more)
{
	struct ivc_member *other;
	u32 n = 0;

	*more = false;
	/* A list from the start includes all changes so far: no notice. */
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
