// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing of a guest is left behind when it goes while its requests are on
 * their way: no member whose frontend is freed, no work that still runs.
 */
#include <ivc/protocol/barrier.h>

#include "guest.h"

#define MAGIC 4711

static u32 hosts(struct guest *g, u64 member)
{
	struct ivc_msg msg = { .op = IVC_MSG_HOSTS, .member = member };

	STUB_CHECK(!guest_call(g, &msg));
	return msg.hosted.count;
}

static void post_registers(struct guest *g)
{
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER };
	u32 i;

	for (i = 0; i < IVC_CTL_REQS; i++) {
		msg.reg.magic = MAGIC;
		msg.reg.id = 100 + i;
		guest_post(g, &msg);
	}
	guest_notify(g);
}

/* REGISTERs are in the ring when the guest writes Closing. */
static void closing(void)
{
	struct stub_dom *dom0 = backend_new();
	struct guest *other, *g;
	unsigned int i;
	u64 member, again;

	other = guest_new(dom0, 1);
	guest_policy(other, "max-rate", 1000000);
	guest_open(other);
	STUB_CHECK(!guest_register(other, MAGIC, 1, &member));
	g = guest_new(dom0, 2);
	stub_jitter(50);
	for (i = 0; i < stub_times(100); i++) {
		guest_open(g);
		post_registers(g);
		usleep_range(0, 300);
		guest_close(g);
		STUB_CHECK(!hosts(other, member));
		STUB_CHECK(!guest_register(other, MAGIC, 2, &again));
		STUB_CHECK(!guest_unregister(other, again));
	}
	guest_close(other);
	guest_free(g);
	guest_free(other);
	backend_end(dom0);
}

static struct guest *busy;
static bool done;

static void *join_and_leave(void *arg)
{
	u64 member;

	while (!READ_ONCE(done)) {
		STUB_CHECK(!guest_register(busy, MAGIC, 2, &member));
		STUB_CHECK(!guest_unregister(busy, member));
	}
	return arg;
}

/* Its ring is found broken, by the work of another, when it writes Closing. */
static void closing_broken(void)
{
	struct stub_dom *dom0 = backend_new();
	struct guest *g;
	unsigned int i;
	pthread_t t;
	u64 member;

	busy = guest_new(dom0, 1);
	guest_policy(busy, "max-rate", 1000000);
	guest_open(busy);
	g = guest_new(dom0, 2);
	stub_jitter(50);
	t = stub_thread(busy->dom, join_and_leave, NULL);
	for (i = 0; i < stub_times(100); i++) {
		guest_open(g);
		STUB_CHECK(!guest_register(g, MAGIC, 1, &member));
		ivc_store_rel(&g->ctl->ev_cons, g->ev_cons + 1000);
		guest_close(g);
	}
	WRITE_ONCE(done, true);
	stub_join(t);
	guest_close(busy);
	guest_free(g);
	guest_free(busy);
	backend_end(dom0);
}

const struct stub_test stub_tests[] = {
	{ "closing", closing },
	{ "closing_broken", closing_broken },
	{},
};
