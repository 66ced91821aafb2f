/* SPDX-License-Identifier: MIT */
/*
 * The user of a client, as the kernel reports it. The realm of a client follows
 * from its user, and quotas and the rate of requests count for a user, whatever
 * the number of processes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ivcd.h"

/* A user below the rate may save up the requests of this time. */
#define BURST_NS SEC

static LIST_HEAD(, user) users = LIST_HEAD_INITIALIZER(users);
static unsigned int nr_users;

/* The id that stands for all users without one in this namespace; -1: none. */
static int64_t overflow_id = -1;

static bool read_numbers(const char *path, unsigned long *a, unsigned long *b,
			 unsigned long *c, int want)
{
	FILE *f = fopen(path, "re");
	int n;

	if (!f)
		return false;
	n = fscanf(f, "%lu %lu %lu", a, b, c);
	fclose(f);
	return n >= want;
}

int users_init(void)
{
	unsigned long id = 65534, from = 0, to = 0, count = 0;

	/* All ids are mapped: then the overflow id is an ordinary user. */
	if (read_numbers("/proc/self/uid_map", &from, &to, &count, 3) &&
	    count == UINT32_MAX)
		return 0;
	(void)read_numbers("/proc/sys/kernel/overflowuid", &id, &from, &to, 1);
	overflow_id = (int64_t)id;
	return 0;
}

struct user *user_of(uid_t uid)
{
	struct user *u;

	LIST_FOREACH (u, &users, node)
		if (u->uid == uid)
			return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->uid = uid;
	LIST_INIT(&u->shares);
	closer_init(&u->files);
	closer_init(&u->sockets);
	u->tokens = config.max.rate;
	u->filled = now_ns();
	LIST_INSERT_HEAD(&users, u, node);
	nr_users++;
	return u;
}

int user_enter(struct user *u)
{
	if (u->used.clients >= config.max.clients)
		return -EDQUOT;
	u->used.clients++;
	return 0;
}

void user_put(struct user *u)
{
	u->used.clients--;
}

/*
 * Free users without clients, but only after a while: a user must not get new
 * tokens by disconnecting and connecting again.
 */
bool users_tick(void)
{
	bool again = false, idle;
	struct user *u, *next;
	int64_t now = now_ns();

	for (u = LIST_FIRST(&users); u; u = next) {
		next = LIST_NEXT(u, node);
		closer_tick(&u->files);
		closer_tick(&u->sockets);
		idle = closer_idle(&u->files) && closer_idle(&u->sockets);
		if (u->used.clients) {
			again |= !idle;
			continue;
		}
		if (now - u->filled < 2 * BURST_NS || !idle) {
			again = true;
			continue;
		}
		LIST_REMOVE(u, node);
		free(u);
		nr_users--;
	}
	return again;
}

/*
 * Users that are not mapped in this namespace all have the overflow id. They
 * must not share a realm, so they are rejected.
 */
int user_realm(uid_t uid, gid_t gid, uint64_t *realm)
{
	uint64_t id = 0;

	if (config.realm == REALM_UID)
		id = uid;
	else if (config.realm == REALM_GID)
		id = gid;
	if ((int64_t)uid == overflow_id ||
	    (config.realm == REALM_GID && (int64_t)id == overflow_id))
		return -EACCES;
	*realm = id;
	return 0;
}

/* Count one request of the user. False: not now, the rate is used up. */
bool user_may_ask(struct user *u, int64_t now)
{
	uint64_t rate = config.max.rate;
	uint64_t more;

	if (now - u->filled >= BURST_NS) {
		u->tokens = rate;
		u->filled = now;
	} else {
		more = (uint64_t)(now - u->filled) * rate / SEC;
		if (more) {
			/* Keep the time that makes up no whole token. */
			u->filled += (int64_t)(more * SEC / rate);
			u->tokens += more;
			if (u->tokens > rate)
				u->tokens = rate;
		}
	}
	if (!u->tokens || !closer_may_receive(&u->files))
		return false;
	u->tokens--;
	return true;
}

static struct share *share_of(const struct user *to, const struct user *from)
{
	struct share *s;

	LIST_FOREACH (s, &to->shares, node)
		if (s->from == from->uid)
			return s;
	return NULL;
}

int user_offer(struct user *to, const struct user *from)
{
	unsigned int max = (unsigned int)config.max.pending;
	struct share *s;

	if (to->used.pending >= max)
		return -EBUSY;
	if (to != from) {
		s = share_of(to, from);
		if (!s) {
			s = calloc(1, sizeof(*s));
			if (!s)
				return -ENOMEM;
			s->from = from->uid;
			LIST_INSERT_HEAD(&to->shares, s, node);
		}
		/* At the limit s->nr > 0, so s is not to be freed. */
		if (s->nr >= ivc_pending_share(max))
			return -EBUSY;
		s->nr++;
	}
	to->used.pending++;
	return 0;
}

void user_offer_done(struct user *to, const struct user *from)
{
	struct share *s = to == from ? NULL : share_of(to, from);

	to->used.pending--;
	if (!s || --s->nr)
		return;
	LIST_REMOVE(s, node);
	free(s);
}

unsigned int users_count(void)
{
	return nr_users;
}
