/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "internal.h"

bool coord_step_begin(struct coordinator *c)
{
	/* The mutex is recursive, so it does not stop a callback. */
	if (c->o.threads && pthread_mutex_trylock(&c->step))
		return false;
	if (c->stepping) {
		if (c->o.threads)
			pthread_mutex_unlock(&c->step);
		return false;
	}
	c->stepping = true;
	return true;
}

void coord_step_end(struct coordinator *c)
{
	c->stepping = false;
	if (c->o.threads)
		pthread_mutex_unlock(&c->step);
}

uint64_t coord_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

uint64_t coord_random(struct coordinator *c)
{
	c->random = c->random * 6364136223846793005ull + 1442695040888963407ull;
	return c->random >> 32;
}

struct coord_peer *coord_find(struct coordinator *c, uint64_t name)
{
	struct coord_peer *p;

	LIST_FOREACH (p, &c->peers, entry)
		if (p->name == name)
			return p;
	return NULL;
}

struct coord_peer *coord_ask(struct coordinator *c, uint64_t name)
{
	struct coord_peer *p = coord_find(c, name);

	if (!p && !c->closing && c->u.stranger)
		p = c->u.stranger(c->u.arg, name);
	return p;
}

/* Each list can hold all peers, so adding to a list never fails. */
int coord_make_room(struct coordinator *c)
{
	unsigned int room = c->room_peers ? 2 * c->room_peers : 16;
	struct coord_peer **active, **ready;

	if (c->n_peers < c->room_peers)
		return 0;
	active = realloc(c->active, room * sizeof(*active));
	if (!active)
		return -ENOMEM;
	c->active = active;
	ready = realloc(c->ready, room * sizeof(*ready));
	if (!ready)
		return -ENOMEM;
	c->ready = ready;
	c->room_peers = room;
	return 0;
}

void coord_set_ready(struct coord_peer *p)
{
	if (p->ready)
		return;
	p->ready = true;
	p->c->ready[p->c->n_ready++] = p;
}

void coord_set_active(struct coord_peer *p, bool active)
{
	struct coordinator *c = p->c;

	/* A lane that was refused has no channel to read. */
	if (active && (!p->lane || !p->lane->ch))
		return;
	if (p->active == active)
		return;
	p->active = active;
	if (active) {
		c->active[c->n_active++] = p;
		return;
	}
	for (unsigned int i = 0; i < c->n_active; i++)
		if (c->active[i] == p) {
			c->active[i] = c->active[--c->n_active];
			return;
		}
}

void coord_forget(struct coord_peer *p)
{
	struct coordinator *c = p->c;

	coord_set_active(p, false);
	for (unsigned int i = 0; i < c->n_ready; i++)
		if (c->ready[i] == p)
			c->ready[i--] = c->ready[--c->n_ready];
}
