// SPDX-License-Identifier: GPL-2.0
/* The control ring: when it is broken, and who has woken the backend for what.
 */
#include <ivc/protocol/barrier.h>
#include <ivc/protocol/limits.h>

#include "../../../kernel/back/back.h"
#include "guest.h"

#define MAGIC 4711

/* Events that did not fit are owed; the guest that makes room is no nuisance.
 */
static void paid(void)
{
	const u32 share = ivc_pending_share(IVC_GUEST_PENDING);
	struct stub_dom *dom0 = backend_new();
	struct guest *a = guest_new(dom0, 1), *b[2];
	u64 ma, mb[2], spurious;
	u32 conn[2][IVC_GUEST_PENDING], i, j;

	guest_open(a);
	STUB_CHECK(!guest_register(a, MAGIC, 1, &ma));
	for (i = 0; i < 2; i++) {
		b[i] = guest_new(dom0, (domid_t)(2 + i));
		guest_open(b[i]);
		STUB_CHECK(!guest_register(b[i], MAGIC, 2 + i, &mb[i]));
	}
	/* The ring is full of offers, and the end of some is owed. */
	for (i = 0; i < 2; i++)
		for (j = 0; j < share; j++)
			STUB_CHECK(!guest_connect(b[i], mb[i], ma, 12,
						  &conn[i][j]));
	for (j = 0; j < share; j++)
		STUB_CHECK(!guest_hangup(b[0], mb[0], conn[0][j], NULL));
	STUB_WAIT_FOR(ivc_load(&a->ctl->ev_want));
	flush_workqueue(ivc_back.wq);
	spurious = stub_count(dom0).spurious;

	a->ev_cons = ivc_load_acq(&a->ctl->ev_prod);
	ivc_store_rel(&a->ctl->ev_cons, a->ev_cons);
	guest_notify(a);
	STUB_WAIT_FOR(ivc_load_acq(&a->ctl->ev_prod) != a->ev_cons);
	flush_workqueue(ivc_back.wq);
	STUB_CHECK(stub_count(dom0).spurious == spurious);

	/* Without a reason it is one. */
	guest_drain(a);
	flush_workqueue(ivc_back.wq);
	spurious = stub_count(dom0).spurious;
	guest_notify(a);
	STUB_WAIT_FOR(stub_count(dom0).spurious == spurious + 1);
	guest_close(a);
	guest_close(b[0]);
	guest_close(b[1]);
	guest_free(a);
	guest_free(b[0]);
	guest_free(b[1]);
	backend_end(dom0);
}

/* The device ends in Closing, whenever the backend comes to see it. */
static void broken_from_the_start(void)
{
	struct stub_dom *dom0 = backend_new();
	struct guest *g = guest_new(dom0, 1);
	unsigned int i;

	stub_jitter(50);
	for (i = 0; i < stub_times(50); i++) {
		guest_prepare(g);
		ivc_store_rel(&g->ctl->req_prod, IVC_CTL_REQS + 1);
		guest_state(g, XenbusStateInitialised);
		guest_notify(g);
		STUB_WAIT_FOR(guest_back_state(g) == XenbusStateClosing);
		stub_store_flush(dom0);
		STUB_CHECK(guest_back_state(g) == XenbusStateClosing);
		guest_close(g);
	}
	guest_free(g);
	backend_end(dom0);
}

static u32 hosts(struct guest *g, u64 member)
{
	struct ivc_msg msg = { .op = IVC_MSG_HOSTS, .member = member };

	STUB_CHECK(!guest_call(g, &msg));
	return msg.hosted.count;
}

/* It never says a word after it has broken its ring: others find out. */
static void broken_in_silence(void)
{
	struct stub_dom *dom0 = backend_new();
	struct guest *a = guest_new(dom0, 1), *b = guest_new(dom0, 2);
	u64 ma, mb;

	guest_open(a);
	guest_open(b);
	STUB_CHECK(!guest_register(a, MAGIC, 1, &ma));
	stub_enter(a->dom);
	ivc_store_rel(&a->ctl->ev_cons, a->ev_cons + 1000);
	/* Which it is to be told of. */
	STUB_CHECK(!guest_register(b, MAGIC, 2, &mb));
	STUB_WAIT_FOR(guest_back_state(a) == XenbusStateClosing);
	STUB_CHECK(!hosts(b, mb));
	guest_close(a);
	guest_close(b);
	guest_free(a);
	guest_free(b);
	backend_end(dom0);
}

/* The slot that was free when a request was taken is there for its reply. */
static void reply_has_its_slot(void)
{
	struct stub_dom *dom0 = backend_new();
	struct guest *g = guest_new(dom0, 1);
	struct ivc_msg msg = { .op = IVC_MSG_LOOKUP }, last;
	u64 m[2];
	u32 i;

	guest_open(g);
	STUB_CHECK(!guest_register(g, MAGIC, 1, &m[0]));
	STUB_CHECK(!guest_register(g, MAGIC, 2, &m[1]));
	guest_event(g, IVC_MSG_EV_HOSTS);
	for (i = 0; i < IVC_CTL_EVENTS - 1; i++) {
		guest_post(g, &msg);
		guest_notify(g);
		STUB_WAIT_FOR(ivc_load_acq(&g->ctl->ev_prod) - g->ev_cons ==
			      i + 1);
	}
	/* An offer to itself: an event comes of the request. */
	msg.op = IVC_MSG_CONNECT;
	msg.member = m[0];
	msg.offer.peer = m[1];
	msg.offer.tx_shift = 12;
	msg.offer.rx_shift = 12;
	guest_post(g, &msg);
	guest_notify(g);
	STUB_WAIT_FOR(ivc_load_acq(&g->ctl->req_cons) == g->req_prod);
	flush_workqueue(ivc_back.wq);
	STUB_CHECK(ivc_load_acq(&g->ctl->ev_prod) - g->ev_cons ==
		   IVC_CTL_EVENTS);
	last = g->ctl->ev[(g->ev_cons - 1) % IVC_CTL_EVENTS];
	STUB_CHECK(last.op == IVC_MSG_REPLY && !last.status);
	STUB_CHECK(guest_event(g, IVC_MSG_EV_OFFER).offer.conn ==
		   last.offer.conn);
	guest_close(g);
	guest_free(g);
	backend_end(dom0);
}

const struct stub_test stub_tests[] = {
	{ "paid", paid },
	{ "broken_from_the_start", broken_from_the_start },
	{ "broken_in_silence", broken_in_silence },
	{ "reply_has_its_slot", reply_has_its_slot },
	{},
};
