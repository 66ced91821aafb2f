// SPDX-License-Identifier: GPL-2.0
/* Guests that do everything at once, come, and go; the audit looks on. */
#include "guest.h"

#define GUESTS 3
#define MAGIC 4711

static struct stub_dom *dom0;
static u64 members[GUESTS]; /* one of each guest, 0: none at the moment */

static void answer(struct guest *g, u64 member)
{
	u32 i, n;

	guest_drain(g);
	n = g->nr_events;
	for (i = 0; i < n; i++) {
		struct ivc_msg ev = g->event[i];

		if (ev.op == IVC_MSG_EV_GONE) {
			guest_hangup(g, ev.member, ev.close.conn, NULL);
		} else if (ev.op == IVC_MSG_EV_OFFER && stub_random(4)) {
			guest_accept(g, member, ev.offer.conn, 12);
			if (!stub_random(2))
				guest_hangup(g, member, ev.offer.conn, NULL);
		}
	}
	memmove(g->event, g->event + n,
		sizeof(g->event[0]) * (g->nr_events - n));
	g->nr_events -= n;
}

static void once(struct guest *g, u32 me)
{
	u64 member, extra, peer;
	u32 conn, i;

	if (guest_register(g, MAGIC, me, &member))
		return;
	__atomic_store_n(&members[me], member, __ATOMIC_RELAXED);
	for (i = 0; i < 10; i++) {
		peer = __atomic_load_n(&members[stub_random(GUESTS)],
				       __ATOMIC_RELAXED);
		if (peer && !guest_connect(g, member, peer, 12, &conn) &&
		    !stub_random(3))
			guest_hangup(g, member, conn, NULL);
		if (!guest_register(g, MAGIC, 100 + me, &extra))
			guest_unregister(g, extra);
		answer(g, member);
	}
	__atomic_store_n(&members[me], 0, __ATOMIC_RELAXED);
	if (stub_random(2))
		guest_unregister(g, member);
}

static void *play(void *arg)
{
	u32 me = (u32)(unsigned long)arg, i;
	struct guest *g = guest_new(dom0, (domid_t)(1 + me));

	guest_policy(g, "max-rate", 1000000);
	for (i = 0; i < stub_times(20); i++) {
		guest_open(g);
		once(g, me);
		guest_close(g);
	}
	guest_free(g);
	return NULL;
}

static void everything(void)
{
	pthread_t t[GUESTS];
	unsigned long i;

	dom0 = backend_new();
	stub_jitter(20);
	for (i = 0; i < GUESTS; i++)
		t[i] = stub_thread(dom0, play, (void *)i);
	for (i = 0; i < GUESTS; i++)
		stub_join(t[i]);
	backend_end(dom0);
}

const struct stub_test stub_tests[] = {
	{ "everything", everything },
	{},
};
