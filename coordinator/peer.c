/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define ADDRESS_VERSION 1u

/* The first part of an address. The network's address follows. */
struct address {
	uint32_t version;
	uint32_t ivc_id;
	uint8_t key[COORD_KEY];
	uint32_t frame_max;
	uint32_t reserved;
};

_Static_assert(sizeof(struct address) == 32, "address");

int coord_address(const struct coordinator *c, void *buf, size_t max)
{
	struct address a = { .version = htole32(ADDRESS_VERSION),
			     .ivc_id = htole32(c->ivc_id),
			     .frame_max = htole32((uint32_t)c->frame_max) };
	int ret;

	if (max < sizeof(a))
		return -EMSGSIZE;
	memcpy(a.key, c->o.key, sizeof(a.key));
	memcpy(buf, &a, sizeof(a));
	ret = c->ops->address(c->net, (uint8_t *)buf + sizeof(a),
			      max - sizeof(a));
	return ret < 0 ? ret : ret + (int)sizeof(a);
}

static int take_address(const struct coordinator *c, struct address *a,
			const void *addr, size_t len)
{
	if (len < sizeof(*a))
		return -EINVAL;
	memcpy(a, addr, sizeof(*a));
	if (a->version != htole32(ADDRESS_VERSION) ||
	    a->frame_max != htole32((uint32_t)c->frame_max) || a->reserved)
		return -EPROTONOSUPPORT;
	return 0;
}

bool coord_is_here(struct coordinator *c, const void *addr, size_t len)
{
	struct address a;
	bool here;

	if (take_address(c, &a, addr, len))
		return false;
	if (c->o.threads)
		pthread_mutex_lock(&c->step);
	here = coord_group_has(c, le32toh(a.ivc_id));
	if (c->o.threads)
		pthread_mutex_unlock(&c->step);
	return here;
}

static int add(struct coordinator *c, struct coord_peer *p, const void *addr,
	       size_t len)
{
	struct address a;
	int ret = coord_make_room(c);

	if (ret)
		return ret;
	if (p->name == c->o.name)
		return -EINVAL;
	ret = take_address(c, &a, addr, len);
	if (ret)
		return ret;
	memcpy(p->key, a.key, sizeof(p->key));
	p->ivc_id = le32toh(a.ivc_id);
	return c->ops->link(c->net, p->name, (const uint8_t *)addr + sizeof(a),
			    len - sizeof(a), p, &p->link);
}

static struct coord_peer *peer_add(struct coordinator *c, uint64_t name,
				   const void *addr, size_t len, void *user)
{
	struct coord_peer *p = coord_find(c, name);
	int ret;

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->c = c;
	p->name = name;
	p->user = user;
	TAILQ_INIT(&p->queue);
	TAILQ_INIT(&p->going);
	ret = add(c, p, addr, len);
	if (ret) {
		free(p);
		errno = -ret;
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	LIST_INSERT_HEAD(&c->peers, p, entry);
	c->n_peers++;
	coord_group_find(p);
	coord_route(p);
	return p;
}

struct coord_peer *coord_peer_add(struct coordinator *c, uint64_t name,
				  const void *addr, size_t len, void *user)
{
	struct coord_peer *p;

	/* The lock is recursive, since stranger() comes here from a step. */
	if (c->o.threads)
		pthread_mutex_lock(&c->step);
	p = peer_add(c, name, addr, len, user);
	if (c->o.threads)
		pthread_mutex_unlock(&c->step);
	return p;
}

void coord_peer_free(struct coord_peer *p)
{
	struct coordinator *c = p->c;
	struct coord_queue q;

	coord_forget(p);
	coord_lock(p);
	coord_unqueue(p, &q);
	coord_unlock(p);
	coord_end_queued(p, &q, -ECANCELED);
	c->stats.ivc_sent += p->ivc_sent;
	c->stats.net_sent += p->net_sent;
	c->stats.queued += p->queued;
	coord_lane_free(p->lane);
	coord_lane_free(p->next);
	c->ops->link_free(p->link);
	free(p->back);
	LIST_REMOVE(p, entry);
	c->n_peers--;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void coord_peer_del(struct coord_peer *p)
{
	struct coordinator *c;

	if (!p)
		return;
	c = p->c;
	if (c->o.threads)
		pthread_mutex_lock(&c->step);
	coord_peer_free(p);
	if (c->o.threads)
		pthread_mutex_unlock(&c->step);
}

void *coord_peer_user(const struct coord_peer *p)
{
	return p->user;
}

uint64_t coord_peer_name(const struct coord_peer *p)
{
	return p->name;
}

enum coord_state coord_peer_state(const struct coord_peer *p)
{
	return p->state;
}
