/* SPDX-License-Identifier: MIT */
/*
 * This process among those of its job on this host: is there an IVC device, is
 * the peer here, and if so, a channel to it for the stream.
 *
 * The side with the lower id connects, when the peer has joined and no channel
 * to it lives; the other one accepts. Whatever fails is tried again after a
 * pause: the device each second, a connection a few times a second while the
 * peer is in the group. None of it is waited for, except for the backend's
 * answers.
 */
#include <errno.h>
#include <string.h>

#include "roam.h"

#define JOIN_PAUSE SECOND
#define TRY_PAUSE (100u * MS)
#define LOOK_PAUSE SECOND	  /* should a wake-up be missed */
#define TROUBLE_PAUSE (100u * MS) /* the backend does not answer now */
#define CONNECT_LIMIT (5u * (uint64_t)SECOND)

void group_init(struct group *g, const struct options *o, struct stream *s)
{
	memset(g, 0, sizeof(*g));
	g->o = o;
	g->stream = s;
	g->connector = o->id < o->peer;
	g->look = true;
}

static void hang_up(struct group *g)
{
	ivc_close(g->connecting);
	g->connecting = NULL;
}

/* Channels that there are live on without it. */
static void leave(struct group *g, uint64_t now)
{
	hang_up(g);
	ivc_unregister(g->ctx);
	g->ctx = NULL;
	g->backend = false;
	g->present = false;
	g->next_join = now + JOIN_PAUSE;
}

void group_free(struct group *g)
{
	hang_up(g);
	ivc_unregister(g->ctx);
	g->ctx = NULL;
}

static void join(struct group *g, uint64_t now)
{
	int err;

	if (now < g->next_join)
		return;
	g->next_join = now + JOIN_PAUSE;
	g->ctx = ivc_register(g->o->magic, g->o->id);
	err = g->ctx ? 0 : errno;
	if (err != g->said) {
		g->said = err;
		if (err)
			notice(g->o,
			       "IVC is not available (%s); trying again each "
			       "second",
			       strerror(err));
		else
			notice(g->o, "IVC is available");
	}
	g->backend = g->ctx;
	g->look = true;
}

/* Returns false when the context is of no use any more. */
static bool event(struct group *g, const struct ivc_event *ev)
{
	switch (ev->type) {
	case IVC_EVENT_JOIN:
		if (ev->peer.id != g->o->peer)
			break;
		g->peer = ev->peer;
		g->present = true;
		g->next_try = 0;
		break;
	case IVC_EVENT_LEAVE:
		if (ev->peer.member == g->peer.member)
			g->present = false;
		break;
	case IVC_EVENT_DETACHED:
	case IVC_EVENT_GOING:
		notice(g->o,
		       ev->type == IVC_EVENT_GOING
			       ? "this guest is being suspended or migrated"
			       : "IVC is no longer available");
		break;
	case IVC_EVENT_ATTACHED:
	case IVC_EVENT_ARRIVED:
		notice(g->o, ev->type == IVC_EVENT_ARRIVED
				     ? "this guest runs again"
				     : "IVC is available again");
		g->backend = true;
		return !ev->status;
	case IVC_EVENT_SUSPENDED:
		/* The stream sees that for itself. */
		break;
	}
	return true;
}

static void events(struct group *g, uint64_t now)
{
	struct ivc_event ev;
	int ret;

	while ((ret = ivc_next_event(g->ctx, &ev, 0)) > 0) {
		if (!event(g, &ev)) {
			leave(g, now);
			return;
		}
	}
	/* Nothing is lost by that; only not asked for again at once. */
	if (ret < 0)
		g->next_look = now + TROUBLE_PAUSE;
}

static void hand_over(struct group *g, ivc_channel *ch)
{
	if (stream_add(g->stream, ch))
		ivc_close(ch);
}

static void accept_all(struct group *g, uint64_t now)
{
	struct ivc_channel_options opt = { .timeout_ms = 0 };
	ivc_channel *ch;
	int ret;

	for (;;) {
		ret = ivc_accept_opt(g->ctx, &opt, &ch);
		if (ret)
			break;
		/* Offers of others too, or the descriptor never rests. */
		if (g->connector || ivc_peer_id(ch) != g->o->peer)
			ivc_close(ch);
		else
			hand_over(g, ch);
	}
	g->backend = ret != -ENODEV;
	if (ret != -ENODEV && ret != -ETIMEDOUT)
		g->next_look = now + TROUBLE_PAUSE;
}

static void connect_done(struct group *g, uint64_t now)
{
	int ret = ivc_connected(g->connecting, 0);

	if (!ret) {
		hand_over(g, g->connecting);
		g->connecting = NULL;
		return;
	}
	if ((ret != -ETIMEDOUT && ret != -EINTR) || now >= g->give_up)
		hang_up(g);
}

static void connect_peer(struct group *g, uint64_t now)
{
	struct ivc_channel_options opt = { .timeout_ms = 0 };

	if (g->connecting)
		connect_done(g, now);
	if (g->connecting || !g->present || now < g->next_try ||
	    stream_has_channel(g->stream))
		return;
	g->next_try = now + TRY_PAUSE;
	g->give_up = now + CONNECT_LIMIT;
	if (!ivc_connect_opt(g->ctx, g->peer, &opt, &g->connecting))
		connect_done(g, now);
}

/* Is there something to connect to, as soon as the time comes? */
static bool wants_channel(const struct group *g)
{
	return g->ctx && g->connector && g->present && !g->connecting &&
	       !stream_has_channel(g->stream);
}

void group_step(struct group *g, uint64_t now)
{
	if (!g->look && now < group_deadline(g))
		return;
	g->look = false;
	g->next_look = now + LOOK_PAUSE;
	if (!g->ctx)
		join(g, now);
	if (g->ctx)
		events(g, now);
	if (!g->ctx)
		return;
	accept_all(g, now);
	if (g->connector)
		connect_peer(g, now);
}

uint64_t group_deadline(const struct group *g)
{
	uint64_t at = g->next_look;

	if (!g->ctx)
		return g->next_join;
	if (wants_channel(g) && g->next_try < at)
		at = g->next_try;
	if (g->connecting && g->give_up < at)
		at = g->give_up;
	return at;
}

unsigned int group_poll(const struct group *g, struct pollfd *p)
{
	unsigned int n = 0;

	if (!g->ctx)
		return 0;
	p[n].fd = ivc_context_fd(g->ctx);
	/* Without a backend it is readable until ATTACHED or ARRIVED. */
	p[n++].events = g->backend ? POLLPRI | POLLIN : POLLPRI;
	if (g->connecting) {
		p[n].fd = ivc_channel_fd(g->connecting);
		p[n++].events = POLLOUT;
	}
	return n;
}
