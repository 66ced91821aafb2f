// SPDX-License-Identifier: GPL-2.0
/* Two guests meet, connect, and part, in order; nothing is left. */
#include "guest.h"

#define MAGIC 4711

static void meet(void)
{
	struct stub_dom *dom0 = backend_new();
	struct guest *a, *b;
	u64 pages, objects;
	u64 ma, mb;
	u32 conn, left;

	pages = stub_pages();
	objects = stub_objects();
	a = guest_new(dom0, 1);
	b = guest_new(dom0, 2);
	guest_open(a);
	guest_open(b);
	STUB_CHECK(!guest_register(a, MAGIC, 1, &ma));
	STUB_CHECK(guest_register(b, MAGIC, 1, &mb) == -EADDRINUSE);
	STUB_CHECK(!guest_register(b, MAGIC, 2, &mb));
	guest_event(a, IVC_MSG_EV_HOSTS);
	STUB_CHECK(!guest_connect(a, ma, mb, 12, &conn));
	STUB_CHECK(guest_event(b, IVC_MSG_EV_OFFER).offer.conn == conn);
	STUB_CHECK(!guest_accept(b, mb, conn, 12));
	STUB_CHECK(guest_event(a, IVC_MSG_EV_ACCEPTED).accept.conn == conn);
	STUB_CHECK(!guest_hangup(a, ma, conn, &left) && left == conn);
	STUB_CHECK(guest_event(b, IVC_MSG_EV_GONE).close.conn == conn);
	STUB_CHECK(!guest_hangup(b, mb, conn, &left) && !left);
	guest_close(a);
	guest_close(b);
	guest_free(a);
	guest_free(b);
	/* Xenstore's thread may still read a node. */
	STUB_WAIT_FOR(stub_pages() == pages && stub_objects() == objects);
	backend_end(dom0);
}

const struct stub_test stub_tests[] = {
	{ "meet", meet },
	{},
};
