/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

#define TICK (100 * (MS / 1000)) /* between two visits of all peers */
#define HOT 2000u /* calls that poll the network, after it had something */
/*
 * Otherwise, while channels are in use, time between two polls of the network:
 * a system call that finds nothing costs as much as a message. Shorter while
 * some peer can be reached over the network only.
 */
#define PACE (100 * (MS / 1000))
#define PACE_MIXED (2 * (MS / 1000))
#define CLOCK_CALLS 16u /* calls of progress for each reading of the clock */
#define IDLE_CALLS 256u /* the same, without any peer */

static struct net_link *net_stranger(void *arg, uint64_t name)
{
	struct coord_peer *p = coord_ask(arg, name);

	if (!p || p->error)
		return NULL;
	p->used = true;
	return p->link;
}

static void net_ready(void *arg, void *owner)
{
	(void)arg;
	coord_set_ready(owner);
}

static void net_lacks(void *arg, int error)
{
	struct coordinator *c = arg;

	if (c->lack_told || c->closing || !c->u.lacks)
		return;
	c->lack_told = true;
	c->u.lacks(c->u.arg, error);
}

static int serve_ready(struct coordinator *c)
{
	unsigned int n = c->n_ready;
	int done = 0;

	/* Peers that join the list meanwhile wait for the next call. */
	while (n--) {
		struct coord_peer *p = c->ready[0];

		c->ready[0] = c->ready[--c->n_ready];
		p->ready = false;
		if (p->error)
			continue;
		done += coord_receive_net(p);
		coord_switch(p);
	}
	return done;
}

static void tick(struct coordinator *c)
{
	struct coord_peer *p;

	if (c->now - c->ticked < TICK)
		return;
	c->ticked = c->now;
	if (!c->closing)
		coord_group_tick(c);
	c->mixed = false;
	LIST_FOREACH (p, &c->peers, entry) {
		c->mixed |= p->used && !p->active && !p->error;
		if (p->lane || p->next)
			coord_switch(p);
		/* The awaited mark comes over the network. */
		if (p->lane && p->state != COORD_ACTIVE)
			c->hot = HOT;
	}
}

/* Reads the clock. Returns whether the network is to be polled. */
static bool is_time(struct coordinator *c)
{
	uint64_t pace = c->mixed ? PACE_MIXED : PACE;
	uint64_t last = c->now;

	c->now = coord_now();
	c->calls = 0;
	if (!c->n_active) {
		c->period = c->n_peers ? 1 : IDLE_CALLS;
		return true;
	}
	/* A program that computes between its calls makes few of them. */
	c->period = c->now - last > pace ? 1 : CLOCK_CALLS;
	return c->hot || c->n_ready || c->now - c->polled >= pace;
}

static int poll_network(struct coordinator *c)
{
	int done;

	c->polled = c->now;
	c->ops->poll(c->net, c->now);
	done = serve_ready(c);
	if (done)
		c->hot = HOT;
	tick(c);
	return done;
}

static int push_all(struct coordinator *c)
{
	struct coord_peer *p;
	int done = 0;

	LIST_FOREACH (p, &c->peers, entry)
		done += coord_push(p);
	return done;
}

int coord_progress(struct coordinator *c)
{
	int done = 0;

	if (!coord_step_begin(c))
		return 0;
	for (unsigned int i = 0; i < c->n_active; i++)
		done += coord_receive_lane(c->active[i]);
	if (atomic_load_explicit(&c->n_waiting, memory_order_relaxed))
		done += push_all(c);
	if ((c->hot || ++c->calls >= c->period) && is_time(c)) {
		if (c->hot)
			c->hot--;
		done += poll_network(c);
	}
	if (done)
		c->vain.since = 0;
	else if (c->o.sleep_after_us)
		coord_found_nothing(c);
	coord_step_end(c);
	return done;
}

bool coord_has_ivc(const struct coordinator *c)
{
	return c->ctx;
}

/*
 * The peer finds the messages in a channel there, also without this process;
 * unless the channel has ended, and some of them have to be sent again.
 */
static bool settled(const struct coord_peer *p)
{
	const struct lane *l = p->lane;

	return p->state != COORD_SUSPENDING || lane_back_sent(l) ||
	       lane_stop_sent(l);
}

bool coord_idle(const struct coordinator *c)
{
	const struct coord_peer *p;

	LIST_FOREACH (p, &c->peers, entry)
		if (!p->error && (p->back || !settled(p)))
			return false;
	return !atomic_load(&c->n_waiting);
}

void coord_get_stats(const struct coordinator *c, struct coord_stats *st)
{
	const struct coord_peer *p;

	*st = c->stats;
	LIST_FOREACH (p, &c->peers, entry) {
		st->ivc_sent += p->ivc_sent;
		st->net_sent += p->net_sent;
		st->queued += p->queued;
	}
}

static size_t ring_for(size_t frame_max)
{
	size_t ring = 4096;

	while (ring / 4 < frame_max + 8)
		ring *= 2;
	return ring;
}

static int check(const struct coord_options *o, size_t *ring)
{
	size_t least = ring_for(o->message_max + COORD_HEAD);

	if (!o->message_max || o->message_max > COORD_MESSAGE_MAX)
		return -EINVAL;
	*ring = o->ring ? o->ring : least;
	if (*ring < least || *ring & (*ring - 1) || *ring > 16u << 20)
		return -EINVAL;
	return 0;
}

static void init_lock(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
}

int coord_open(const struct coord_options *o, const struct coord_user *u,
	       const struct net_ops *ops, coord_net_open open_net,
	       void *open_arg, struct coordinator **cp)
{
	struct net_user user = { net_stranger, net_ready, net_lacks, NULL };
	struct coordinator *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	c->o = *o;
	c->u = *u;
	c->ops = ops;
	c->frame_max = o->message_max + COORD_HEAD;
	ret = check(o, &c->ring_least);
	if (ret)
		goto err_free;
	c->ring_most = SIZE_MAX;
	c->now = coord_now();
	/* The key is random, and no other process sees numbers made from it. */
	memcpy(&c->random, o->key, sizeof(c->random));
	c->random ^= o->name * 0x9e3779b97f4a7c15ull ^ c->now;
	coord_random(c);
	c->ivc_id = (uint32_t)coord_random(c);
	init_lock(&c->step);
	user.arg = c;
	ret = open_net(open_arg, &user, o->name, o->key, c->frame_max, &c->net);
	if (ret)
		goto err_lock;
	/*
	 * If it fails, messages go over the network, and progress tries again.
	 */
	if (o->use_ivc)
		coord_register(c);
	*cp = c;
	return 0;

err_lock:
	pthread_mutex_destroy(&c->step);
err_free:
	free(c);
	return ret;
}

/*
 * Makes progress until everything is sent, or with @bye until all peers have
 * answered the goodbye. Returns false if @until comes first.
 */
static bool wait_for(struct coordinator *c, uint64_t until, bool bye)
{
	for (;;) {
		coord_progress(c);
		if (bye ? c->ops->done(c->net) : coord_idle(c))
			return true;
		if (coord_now() >= until)
			return false;
		c->hot = HOT;
		usleep(20);
	}
}

/*
 * The layer that would take the message may be gone. The peer only needs it to
 * be read.
 */
static void drop(void *arg, struct coord_peer *p, uint8_t tag, const void *data,
		 size_t len)
{
	(void)arg;
	(void)p;
	(void)tag;
	(void)data;
	(void)len;
}

void coord_close(struct coordinator *c, int timeout_ms)
{
	uint64_t until;

	if (!c)
		return;
	until = coord_now() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * MS;
	c->closing = true;
	c->u.deliver = drop;
	if (timeout_ms > 0)
		wait_for(c, until, false);
	c->ops->bye(c->net);
	if (timeout_ms > 0)
		wait_for(c, until, true);
	while (!LIST_EMPTY(&c->peers))
		coord_peer_free(LIST_FIRST(&c->peers));
	coord_group_close(c);
	c->ops->close(c->net);
	pthread_mutex_destroy(&c->step);
	free(c->active);
	free(c->ready);
	free(c->fds);
	free(c);
}
