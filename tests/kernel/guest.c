// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include <ivc/protocol/barrier.h>

#include "guest.h"

static irqreturn_t on_ring(int irq, void *data)
{
	struct guest *g = data;

	__atomic_add_fetch(&g->rings, 1, __ATOMIC_RELAXED);
	xen_irq_lateeoi((unsigned int)irq, 0);
	return IRQ_HANDLED;
}

struct guest *guest_new(struct stub_dom *back, domid_t id)
{
	struct guest *g = calloc(1, sizeof(*g));

	STUB_CHECK(g);
	g->back = back;
	g->dom = stub_dom_new(id, false);
	stub_enter(g->dom);
	stub_path(g->front_dir, sizeof(g->front_dir), back, g->dom, false);
	stub_path(g->back_dir, sizeof(g->back_dir), back, g->dom, true);
	g->irq = -1;
	stub_attach_back(back, g->dom);
	return g;
}

static void set(struct guest *g, const char *node, u32 value)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", g->front_dir, node);
	stub_write(path, "%u", value);
}

void guest_state(struct guest *g, enum xenbus_state state)
{
	stub_enter(g->dom);
	set(g, "state", state);
}

enum xenbus_state guest_back_state(struct guest *g)
{
	return xenbus_read_driver_state(g->back_dir);
}

void guest_policy(struct guest *g, const char *node, unsigned int value)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", g->back_dir, node);
	stub_write(path, "%u", value);
}

static void *grant_page(struct guest *g, int *ref)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOFAIL);

	*ref = gnttab_grant_foreign_access(stub_domid(g->back),
					   page_to_pfn(page), 0);
	STUB_CHECK(*ref > 0);
	return page_address(page);
}

static void end_page(void *addr, int ref)
{
	gnttab_end_foreign_access((grant_ref_t)ref, virt_to_page(addr));
}

void guest_prepare(struct guest *g)
{
	struct evtchn_alloc_unbound alloc = {
		.dom = DOMID_SELF,
		.remote_dom = stub_domid(g->back),
	};

	stub_enter(g->dom);
	STUB_WAIT_FOR(guest_back_state(g) == XenbusStateInitWait);
	g->ctl = grant_page(g, &g->ctl_ref);
	g->table = grant_page(g, &g->table_ref);
	STUB_CHECK(
		!HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc));
	g->port = alloc.port;
	g->irq = bind_evtchn_to_irqhandler_lateeoi(g->port, on_ring, 0, "guest",
						   g);
	STUB_CHECK(g->irq >= 0);
	g->req_prod = 0;
	g->ev_cons = 0;
	g->nr_events = 0;
	set(g, "version", IVC_PROTOCOL_VERSION);
	set(g, "ring-ref", (u32)g->ctl_ref);
	set(g, "table-ref", (u32)g->table_ref);
	set(g, "event-channel", g->port);
}

void guest_open(struct guest *g)
{
	guest_prepare(g);
	guest_state(g, XenbusStateInitialised);
	STUB_WAIT_FOR(guest_back_state(g) == XenbusStateConnected);
	guest_state(g, XenbusStateConnected);
}

static void let_go(struct guest *g)
{
	if (g->irq < 0)
		return;
	unbind_from_irqhandler((unsigned int)g->irq, g);
	g->irq = -1;
	end_page(g->ctl, g->ctl_ref);
	end_page(g->table, g->table_ref);
	g->ctl = NULL;
	g->table = NULL;
}

void guest_close(struct guest *g)
{
	guest_state(g, XenbusStateClosing);
	guest_state(g, XenbusStateClosed);
	STUB_WAIT_FOR(guest_back_state(g) == XenbusStateClosed);
	let_go(g);
	guest_state(g, XenbusStateInitialising);
}

void guest_free(struct guest *g)
{
	stub_enter(g->dom);
	let_go(g);
	free(g);
}

/* ----------------------------------------------------------- the ring */

void guest_post(struct guest *g, const struct ivc_msg *req)
{
	memcpy(&g->ctl->req[g->req_prod % IVC_CTL_REQS], req, sizeof(*req));
	ivc_store_rel(&g->ctl->req_prod, ++g->req_prod);
}

void guest_notify(struct guest *g)
{
	stub_enter(g->dom);
	notify_remote_via_irq(g->irq);
}

bool guest_take(struct guest *g, struct ivc_msg *msg)
{
	if (ivc_load_acq(&g->ctl->ev_prod) == g->ev_cons)
		return false;
	memcpy(msg, &g->ctl->ev[g->ev_cons % IVC_CTL_EVENTS], sizeof(*msg));
	ivc_store_rel(&g->ctl->ev_cons, ++g->ev_cons);
	ivc_fence();
	if (ivc_load(&g->ctl->ev_want))
		guest_notify(g);
	return true;
}

/* The oldest go when there are too many: a test that wants them takes them. */
static void remember(struct guest *g, const struct ivc_msg *msg)
{
	if (g->nr_events == ARRAY_SIZE(g->event)) {
		memmove(g->event, g->event + 1,
			sizeof(*msg) * (g->nr_events - 1));
		g->nr_events--;
	}
	g->event[g->nr_events++] = *msg;
}

void guest_drain(struct guest *g)
{
	struct ivc_msg msg;

	while (guest_take(g, &msg))
		remember(g, &msg);
}

int guest_call(struct guest *g, struct ivc_msg *msg)
{
	struct ivc_msg got = {};

	stub_enter(g->dom);
	msg->cookie = ++g->cookie;
	guest_post(g, msg);
	guest_notify(g);
	for (;;) {
		STUB_WAIT_FOR(guest_take(g, &got));
		if (got.op == IVC_MSG_REPLY && got.cookie == msg->cookie)
			break;
		remember(g, &got);
	}
	*msg = got;
	return msg->status;
}

static bool find_event(struct guest *g, u16 op, struct ivc_msg *msg)
{
	u32 i;

	guest_drain(g);
	for (i = 0; i < g->nr_events; i++) {
		if (g->event[i].op != op)
			continue;
		*msg = g->event[i];
		g->nr_events--;
		memmove(g->event + i, g->event + i + 1,
			sizeof(*msg) * (g->nr_events - i));
		return true;
	}
	return false;
}

struct ivc_msg guest_event(struct guest *g, u16 op)
{
	struct ivc_msg msg;

	stub_enter(g->dom);
	STUB_WAIT_FOR(find_event(g, op, &msg));
	return msg;
}

/* ---------------------------------------------------------- shorthands */

int guest_register(struct guest *g, u64 magic, u32 id, u64 *member)
{
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER };
	int err;

	msg.reg.magic = magic;
	msg.reg.id = id;
	err = guest_call(g, &msg);
	*member = msg.reged.member;
	return err;
}

int guest_unregister(struct guest *g, u64 member)
{
	struct ivc_msg msg = { .op = IVC_MSG_UNREGISTER, .member = member };

	return guest_call(g, &msg);
}

int guest_connect(struct guest *g, u64 member, u64 peer, u8 shift, u32 *conn)
{
	struct ivc_msg msg = { .op = IVC_MSG_CONNECT, .member = member };
	int err;

	msg.offer.peer = peer;
	msg.offer.tx_shift = shift;
	msg.offer.rx_shift = shift;
	err = guest_call(g, &msg);
	*conn = msg.offer.conn;
	return err;
}

int guest_accept(struct guest *g, u64 member, u32 conn, u8 shift)
{
	struct ivc_msg msg = { .op = IVC_MSG_ACCEPT, .member = member };

	msg.accept.conn = conn;
	msg.accept.tx_shift = shift;
	return guest_call(g, &msg);
}

int guest_hangup(struct guest *g, u64 member, u32 conn, u32 *left)
{
	struct ivc_msg msg = { .op = IVC_MSG_CLOSE, .member = member };
	int err;

	msg.close.conn = conn;
	msg.close.reason = -EPIPE;
	err = guest_call(g, &msg);
	if (left)
		*left = msg.close.conn;
	return err;
}
