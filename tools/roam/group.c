/* SPDX-License-Identifier: MIT */
/*
 * The membership in the group of the job on this host, and a channel to the
 * peer for the stream, if there is an IVC device and the peer is in the group.
 *
 * The side with the lower id connects when the peer has joined and no channel
 * to the peer is alive; the other side accepts. Failures are retried after a
 * pause: the device each second, a connection a few times a second while the
 * peer is in the group. Nothing here blocks, except for the backend's answers.
 */
#include <errno.h>
#include <string.h>

#include "roam.h"

#define JOIN_PAUSE SECOND
#define TRY_PAUSE (100u * MS)
#define LOOK_PAUSE SECOND	  /* in case a wake-up is lost */
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

/* Open channels do not need the context. */
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

/* Returns false if the context cannot be used any more. */
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
		/* The channels report this to the stream. */
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
	/* The event is not lost: ask again after a pause. */
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
		/* Accept all offers, or the descriptor stays readable. */
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

/* Must this side connect, as soon as the pause is over? */
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
	/* Without a backend POLLIN is set until ATTACHED or ARRIVED. */
	p[n++].events = g->backend ? POLLPRI | POLLIN : POLLPRI;
	if (g->connecting) {
		p[n].fd = ivc_channel_fd(g->connecting);
		p[n++].events = POLLOUT;
	}
	return n;
}
