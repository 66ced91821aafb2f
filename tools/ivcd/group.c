/* SPDX-License-Identifier: MIT */
/*
 * Groups: the members with one magic id in one realm. The realm follows from
 * the user that the kernel reports; the magic id is what the process says. Only
 * processes with the same realm and magic id can connect to each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "ivcd.h"

#define HASH 4096u

static LIST_HEAD(, group) groups[HASH];
static LIST_HEAD(, member) members[HASH]; /* by number */
static LIST_HEAD(, member) ids[HASH];	  /* by group and id */
static TAILQ_HEAD(, member) late = TAILQ_HEAD_INITIALIZER(late);
static uint64_t next_nr;
static unsigned int nr_members;

/*
 * A member's number is never given to another registration, so that a peer with
 * an old number cannot reach another process. Numbers do not run out: at least
 * three quarters of 2^64 are left at the start. Each ivcd starts at a random
 * number, so that a number from before a restart finds a member only with a
 * probability of (number of members) / 2^62.
 */
int groups_init(void)
{
	while (getrandom(&next_nr, sizeof(next_nr), 0) != sizeof(next_nr))
		if (errno != EINTR)
			return -EIO;
	next_nr = 1 + (next_nr >> 2);
	return 0;
}

static unsigned int group_hash(uint64_t realm, uint64_t magic)
{
	uint64_t x = (magic ^ realm << 40) * 0x9e3779b97f4a7c15ull;

	return (unsigned int)(x >> 52) % HASH;
}

static struct group *group_get(uint64_t realm, uint64_t magic)
{
	unsigned int h = group_hash(realm, magic);
	struct group *g;

	LIST_FOREACH (g, &groups[h], node)
		if (g->magic == magic && g->realm == realm)
			return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->realm = realm;
	g->magic = magic;
	TAILQ_INIT(&g->members);
	LIST_INIT(&g->quiet);
	LIST_INSERT_HEAD(&groups[h], g, node);
	return g;
}

static void group_put(struct group *g)
{
	if (!TAILQ_EMPTY(&g->members))
		return;
	LIST_REMOVE(g, node);
	free(g);
}

static unsigned int id_hash(const struct group *g, uint32_t id)
{
	return group_hash(g->realm, g->magic + id);
}

/* Take @m out of the list that the state of its notice says. */
static void notice_out(struct member *m)
{
	if (m->notice.state == IVC_NOTICE_QUIET)
		LIST_REMOVE(m, in_quiet);
	else if (m->notice.state == IVC_NOTICE_LATE)
		TAILQ_REMOVE(&late, m, in_late);
}

static void notice_quiet(struct member *m)
{
	ivc_notice_asked(&m->notice);
	LIST_INSERT_HEAD(&m->group->quiet, m, in_quiet);
}

/*
 * Notify all members of a change, at once or later (IVC_NOTICE_LATE). Only the
 * quiet members are visited: those that listed the group after their last
 * notice. So a change costs no more than the HOSTS requests before it.
 */
static void group_changed(struct group *g)
{
	uint64_t now = (uint64_t)now_ns();
	struct member *m;

	g->generation++;
	while ((m = LIST_FIRST(&g->quiet))) {
		notice_out(m);
		if (ivc_notice_change(&m->notice, now))
			client_owe(m->client, &m->owed, OWE_HOSTS);
		else
			TAILQ_INSERT_TAIL(&late, m, in_late);
	}
}

int64_t groups_tick(int64_t now)
{
	struct member *m, *next;
	int64_t again = NEVER;

	for (m = TAILQ_FIRST(&late); m; m = next) {
		next = TAILQ_NEXT(m, in_late);
		if (ivc_notice_due(&m->notice, (uint64_t)now)) {
			TAILQ_REMOVE(&late, m, in_late);
			client_owe(m->client, &m->owed, OWE_HOSTS);
		} else if ((int64_t)m->notice.next < again) {
			again = (int64_t)m->notice.next;
		}
	}
	return again;
}

static bool id_taken(const struct group *g, uint32_t id)
{
	struct member *m;

	LIST_FOREACH (m, &ids[id_hash(g, id)], in_ids)
		if (m->id == id && m->group == g)
			return true;
	return false;
}

int member_join(struct client *c, uint64_t magic, uint32_t id,
		struct member **mp)
{
	struct member *m;
	int err;

	if (c->user->used.contexts >= config.max.contexts)
		return -EDQUOT;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->group = group_get(c->realm, magic);
	if (!m->group) {
		err = -ENOMEM;
		goto err_free;
	}
	err = -EADDRINUSE;
	if (id_taken(m->group, id))
		goto err_group;
	m->nr = next_nr++;
	m->id = id;
	m->client = c;
	TAILQ_INSERT_TAIL(&m->group->members, m, in_group);
	LIST_INSERT_HEAD(&c->members, m, in_client);
	LIST_INSERT_HEAD(&members[m->nr % HASH], m, in_hash);
	LIST_INSERT_HEAD(&ids[id_hash(m->group, id)], m, in_ids);
	LIST_INIT(&m->offers);
	c->user->used.contexts++;
	nr_members++;
	log_detail("member %llu: id %u in group %#llx, pid %d, uid %u",
		   (unsigned long long)m->nr, id, (unsigned long long)magic,
		   (int)c->pid, c->user->uid);
	/* Before notice_quiet(): the new member itself needs no notice. */
	group_changed(m->group);
	notice_quiet(m);
	*mp = m;
	return 0;

err_group:
	group_put(m->group);
err_free:
	free(m);
	return err;
}

void member_leave(struct member *m)
{
	log_detail("member %llu leaves", (unsigned long long)m->nr);
	LIST_REMOVE(m, in_hash);
	LIST_REMOVE(m, in_ids);
	LIST_REMOVE(m, in_client);
	TAILQ_REMOVE(&m->group->members, m, in_group);
	client_owe_nothing(m->client, &m->owed);
	notice_out(m);
	m->client->user->used.contexts--;
	nr_members--;
	conn_refuse_member(m);
	group_changed(m->group);
	group_put(m->group);
	free(m);
}

static struct member *member_find(uint64_t nr)
{
	struct member *m;

	LIST_FOREACH (m, &members[nr % HASH], in_hash)
		if (m->nr == nr)
			return m;
	return NULL;
}

/* The member @nr if it belongs to @c. */
struct member *member_of(struct client *c, uint64_t nr)
{
	struct member *m = member_find(nr);

	return m && m->client == c ? m : NULL;
}

/* The member @nr if it is another member of @m's group. */
struct member *member_peer(struct member *m, uint64_t nr)
{
	struct member *peer = member_find(nr);

	return peer && peer != m && peer->group == m->group ? peer : NULL;
}

/* The first member of a list of those after number @after. */
static struct member *list_from(struct member *m, uint64_t after)
{
	struct member *other = after ? member_find(after) : NULL;

	/* It may have left since the last list. */
	if (other && other->group == m->group)
		return other;
	return TAILQ_FIRST(&m->group->members);
}

/* @table has room for IVC_TABLE_HOSTS. */
uint32_t group_list(struct member *m, uint64_t after, struct ivc_host *table,
		    bool *more)
{
	struct member *other;
	uint32_t n = 0;

	*more = false;
	/* A list from the start shows all changes so far: rearm the notice. */
	if (!after) {
		notice_out(m);
		notice_quiet(m);
	}
	for (other = list_from(m, after); other;
	     other = TAILQ_NEXT(other, in_group)) {
		if (other == m || other->nr <= after)
			continue;
		if (n == IVC_TABLE_HOSTS) {
			*more = true;
			break;
		}
		table[n++] = (struct ivc_host){ .member = other->nr,
						.id = other->id };
	}
	return n;
}

unsigned int members_count(void)
{
	return nr_members;
}
