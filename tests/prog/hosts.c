/* SPDX-License-Identifier: GPL-2.0 */
/* hosts and events: the members of a group. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apitest.h"

#define HOSTS_MAX 4096

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void ids_print(char *out, size_t size, const uint32_t *id, size_t n)
{
	size_t i, at = 0;

	snprintf(out, size, "none");
	for (i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%u",
				       i ? "," : "", id[i]);
}

/* The ids of the other members, sorted. Also checks the list. */
static size_t hosts_now(ivc_context *ctx, const struct options *opt,
			uint32_t *id)
{
	const ivc_peer *peers = ivc_get_hosts(ctx);
	static ivc_peer again[HOSTS_MAX];
	size_t n;
	int ret;

	if (!peers)
		fail("ivc_get_hosts: %s", errname(errno));
	for (n = 0; peers[n].member; n++) {
		if (n == HOSTS_MAX)
			fail("more than %d hosts", HOSTS_MAX);
		if (n && peers[n].member <= peers[n - 1].member)
			fail("hosts are not in ascending order");
		if (peers[n].id == opt->id)
			fail("the list has ourselves in it");
		id[n] = peers[n].id;
	}
	/*
	 * The other call must return the same, except for members that joined
	 * meanwhile.
	 */
	ret = ivc_hosts(ctx, again, HOSTS_MAX);
	if (ret < 0)
		fail("ivc_hosts: %s", errname(ret));
	if ((size_t)ret == n && memcmp(again, peers, n * sizeof(*peers)))
		printf("hosts: the group changed between two looks\n");
	qsort(id, n, sizeof(*id), by_id);
	return n;
}

static void forbid(const struct options *opt, const uint32_t *id, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < opt->forbid.n; k++)
			if (id[i] == opt->forbid.id[k])
				fail("%u is in the group and must not be",
				     id[i]);
}

int cmd_hosts(const struct options *opt)
{
	static uint32_t id[HOSTS_MAX], want[IDS_MAX];
	ivc_context *ctx = must_register(opt);
	int64_t end = now_ns() + opt->timeout_ms * 1000000ll;
	int64_t held_until = 0;
	char got_s[1024], want_s[1024];
	size_t n;

	memcpy(want, opt->expect.id, sizeof(want));
	qsort(want, opt->expect.n, sizeof(*want), by_id);
	ids_print(want_s, sizeof(want_s), want, opt->expect.n);
	for (;;) {
		bool right;

		n = hosts_now(ctx, opt, id);
		forbid(opt, id, n);
		ids_print(got_s, sizeof(got_s), id, n);
		right = !opt->expect.given ||
			(n == opt->expect.n &&
			 !memcmp(id, want, n * sizeof(*id)));
		if (right && !held_until)
			held_until = now_ns() + opt->hold_ms * 1000000ll;
		if (!right && held_until)
			fail("hosts were %s and are now %s", want_s, got_s);
		if (right && now_ns() >= held_until)
			break;
		if (!right && now_ns() >= end)
			fail("hosts are %s, expected %s", got_s, want_s);
		sleep_ms(20);
	}
	ivc_unregister(ctx);
	printf("PASS hosts: %s\n", got_s);
	return 0;
}

static const char *event_name(enum ivc_event_type type)
{
	switch (type) {
	case IVC_EVENT_JOIN:
		return "join";
	case IVC_EVENT_LEAVE:
		return "leave";
	case IVC_EVENT_DETACHED:
		return "detached";
	case IVC_EVENT_ATTACHED:
		return "attached";
	case IVC_EVENT_GOING:
		return "going";
	case IVC_EVENT_ARRIVED:
		return "arrived";
	case IVC_EVENT_SUSPENDED:
		return "suspended";
	}
	return "?";
}

/* Each JOIN once, and each LEAVE after its JOIN. */
static void events_check(const struct ivc_event *ev)
{
	static uint64_t present[HOSTS_MAX];
	static size_t n;
	size_t i;

	if (ev->type != IVC_EVENT_JOIN && ev->type != IVC_EVENT_LEAVE)
		return;
	for (i = 0; i < n && present[i] != ev->peer.member; i++)
		;
	if (ev->type == IVC_EVENT_JOIN) {
		if (i < n || n == HOSTS_MAX)
			fail("member %llu joined twice",
			     (unsigned long long)ev->peer.member);
		present[n++] = ev->peer.member;
	} else {
		if (i == n)
			fail("member %llu left and had not joined",
			     (unsigned long long)ev->peer.member);
		present[i] = present[--n];
	}
}

int cmd_events(const struct options *opt)
{
	ivc_context *ctx = must_register(opt);
	uint64_t n;

	for (n = 0; !opt->count || n < opt->count; n++) {
		struct ivc_event ev;
		int ret = ivc_next_event(ctx, &ev, opt->timeout_ms);

		if (ret < 0)
			fail("ivc_next_event: %s", errname(ret));
		if (!ret)
			fail("no event for %d s, %llu seen",
			     opt->timeout_ms / 1000, (unsigned long long)n);
		events_check(&ev);
		printf("event %s id %u member %llu domid %u status %s\n",
		       event_name(ev.type), ev.peer.id,
		       (unsigned long long)ev.peer.member, ev.peer.domid,
		       errname(ev.status));
	}
	ivc_unregister(ctx);
	printf("PASS events: %llu\n", (unsigned long long)n);
	return 0;
}

/* A process that may not use a member number can know it. */
int cmd_reach(const struct options *opt)
{
	ivc_context *ctx = must_register(opt);
	ivc_peer peer = { .member = opt->member };
	struct ivc_channel_options co = { .timeout_ms = opt->timeout_ms };
	ivc_channel *ch;
	int ret = ivc_connect_opt(ctx, peer, &co, &ch);

	if (!ret)
		fail("connected to member %llu",
		     (unsigned long long)opt->member);
	if (ret != -opt->error)
		fail("connecting to member %llu: %s",
		     (unsigned long long)opt->member, errname(ret));
	printf("PASS reach: connecting to member %llu is refused with %s\n",
	       (unsigned long long)opt->member, errname(ret));
	ivc_unregister(ctx);
	return 0;
}
