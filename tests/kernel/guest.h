/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest whose frontend is the test itself: it speaks the control ring as
 * docs/reference/protocol.md has it, or not. One thread at a time.
 */
#ifndef GUEST_H
#define GUEST_H

#include <ivc/protocol/wire.h>

#include "stub.h"

struct guest {
	struct stub_dom *dom, *back;
	char front_dir[64], back_dir[64];
	struct ivc_ctl_page *ctl;
	struct ivc_host *table;
	int ctl_ref, table_ref, irq;
	u32 port;
	u32 req_prod, ev_cons;
	u32 cookie;
	u32 rings; /* how often the backend has notified */
	/* Events that came while a reply was awaited, oldest first. */
	struct ivc_msg event[1024];
	u32 nr_events;
};

/* Make a Dom0 with ivc-back, and enter it; end both. */
static inline struct stub_dom *backend_new(void)
{
	struct stub_dom *dom0 = stub_dom_new(0, true);

	stub_enter(dom0);
	STUB_CHECK(!stub_back_init());
	return dom0;
}

static inline void backend_end(struct stub_dom *dom0)
{
	stub_enter(dom0);
	stub_back_exit();
}

/*
 * Make a domain with a device; bring the device to Connected. The calling
 * thread is in the guest's kernel afterwards.
 */
struct guest *guest_new(struct stub_dom *back, domid_t id);
void guest_open(struct guest *g);
/* The first part of guest_open(): everything but the state. */
void guest_prepare(struct guest *g);
/* Go to states 5 and 6 and wait for the backend; guest_open() may follow. */
void guest_close(struct guest *g);
void guest_free(struct guest *g);

void guest_state(struct guest *g, enum xenbus_state state);
enum xenbus_state guest_back_state(struct guest *g);
/* Write a node of the policy, for the next guest_open(). */
void guest_policy(struct guest *g, const char *node, unsigned int value);

/* Put a request into the ring, even a full one, without a notification. */
void guest_post(struct guest *g, const struct ivc_msg *req);
void guest_notify(struct guest *g);
/* The next message of the backend, if there is one. */
bool guest_take(struct guest *g, struct ivc_msg *msg);
/* Post, notify, and wait for the reply, which is written over @msg: status. */
int guest_call(struct guest *g, struct ivc_msg *msg);
/* Wait for an event @op; others stay in g->event. */
struct ivc_msg guest_event(struct guest *g, u16 op);
/* Move all messages of the ring to g->event. */
void guest_drain(struct guest *g);

/* Shorthands: they return the number, or the error of the backend. */
int guest_register(struct guest *g, u64 magic, u32 id, u64 *member);
int guest_unregister(struct guest *g, u64 member);
int guest_connect(struct guest *g, u64 member, u64 peer, u8 shift, u32 *conn);
int guest_accept(struct guest *g, u64 member, u32 conn, u8 shift);
int guest_hangup(struct guest *g, u64 member, u32 conn, u32 *left);

#endif /* GUEST_H */
