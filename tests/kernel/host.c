// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include <ivc/protocol/barrier.h>

#include "host.h"

static irqreturn_t on_ring(int irq, void *data)
{
	(void)data;
	xen_irq_lateeoi((unsigned int)irq, 0);
	return IRQ_HANDLED;
}

static void set(struct host *h, const char *node, u32 value)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", h->back_dir, node);
	stub_write(path, "%u", value);
}

struct host *host_new(void)
{
	struct host *h = calloc(1, sizeof(*h));

	STUB_CHECK(h);
	h->dom0 = stub_dom_new(0, true);
	h->dom = stub_dom_new(1, false);
	h->irq = -1;
	stub_path(h->front_dir, sizeof(h->front_dir), h->dom0, h->dom, false);
	stub_path(h->back_dir, sizeof(h->back_dir), h->dom0, h->dom, true);
	stub_enter(h->dom);
	STUB_CHECK(!stub_front_init());
	stub_attach_front(h->dom0, h->dom);
	set(h, "versions", IVC_PROTOCOL_VERSION);
	return h;
}

static u32 get(struct host *h, const char *node)
{
	return xenbus_read_unsigned(h->front_dir, node, 0);
}

void host_state(struct host *h, enum xenbus_state state)
{
	stub_enter(h->dom0);
	set(h, "state", state);
}

enum xenbus_state host_front_state(struct host *h)
{
	return xenbus_read_driver_state(h->front_dir);
}

void *host_map(struct host *h, grant_ref_t ref, struct seen *s)
{
	struct gnttab_map_grant_ref op;
	u32 flags = GNTMAP_host_map;

	/* Only the control ring may be written to. */
	if (stub_current() != h->dom0)
		flags |= GNTMAP_readonly;
	STUB_CHECK(!gnttab_alloc_pages(1, &s->page));
	gnttab_set_map_op(&op, (unsigned long)page_address(s->page), flags, ref,
			  stub_domid(h->dom));
	STUB_CHECK(!gnttab_map_refs(&op, NULL, &s->page, 1) && !op.status);
	s->handle = op.handle;
	return page_address(s->page);
}

void host_unmap(struct seen *s)
{
	struct gnttab_unmap_grant_ref op;

	gnttab_set_unmap_op(&op, (unsigned long)page_address(s->page),
			    GNTMAP_host_map, s->handle);
	STUB_CHECK(!gnttab_unmap_refs(&op, NULL, &s->page, 1));
	gnttab_free_pages(1, &s->page);
}

void host_connect(struct host *h)
{
	struct evtchn_bind_interdomain b = { .remote_dom = stub_domid(h->dom) };

	stub_enter(h->dom0);
	host_state(h, XenbusStateInitWait);
	STUB_WAIT_FOR(host_front_state(h) == XenbusStateInitialised);
	h->ctl = host_map(h, get(h, "ring-ref"), &h->seen[0]);
	h->table = host_map(h, get(h, "table-ref"), &h->seen[1]);
	b.remote_port = get(h, "event-channel");
	STUB_CHECK(!HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &b));
	h->irq = bind_evtchn_to_irqhandler_lateeoi(b.local_port, on_ring, 0,
						   "host", h);
	STUB_CHECK(h->irq >= 0);
	h->req_cons = 0;
	h->ev_prod = 0;
	host_state(h, XenbusStateConnected);
	STUB_WAIT_FOR(host_front_state(h) == XenbusStateConnected);
}

void host_close(struct host *h)
{
	host_state(h, XenbusStateClosing);
	STUB_WAIT_FOR(host_front_state(h) == XenbusStateClosed);
}

void host_let_go(struct host *h)
{
	stub_enter(h->dom0);
	if (h->irq < 0)
		return;
	unbind_from_irqhandler((unsigned int)h->irq, h);
	h->irq = -1;
	host_unmap(&h->seen[0]);
	host_unmap(&h->seen[1]);
	h->ctl = NULL;
	h->table = NULL;
}

void host_free(struct host *h)
{
	host_let_go(h);
	stub_enter(h->dom);
	stub_front_exit();
	free(h);
}

/* ------------------------------------------------------------- the ring */

bool host_take(struct host *h, struct ivc_msg *req)
{
	stub_enter(h->dom0);
	if (ivc_load_acq(&h->ctl->req_prod) == h->req_cons)
		return false;
	memcpy(req, &h->ctl->req[h->req_cons % IVC_CTL_REQS], sizeof(*req));
	ivc_store_rel(&h->ctl->req_cons, ++h->req_cons);
	return true;
}

struct ivc_msg host_request(struct host *h, u16 op)
{
	struct ivc_msg req;

	STUB_WAIT_FOR(host_take(h, &req));
	STUB_CHECK(req.op == op);
	return req;
}

void host_notify(struct host *h)
{
	stub_enter(h->dom0);
	notify_remote_via_irq(h->irq);
}

static u32 untaken(struct host *h)
{
	return h->ev_prod - ivc_load_acq(&h->ctl->ev_cons);
}

void host_put(struct host *h, const struct ivc_msg *msg)
{
	stub_enter(h->dom0);
	STUB_WAIT_FOR(untaken(h) < IVC_CTL_EVENTS);
	memcpy(&h->ctl->ev[h->ev_prod % IVC_CTL_EVENTS], msg, sizeof(*msg));
	ivc_store_rel(&h->ctl->ev_prod, ++h->ev_prod);
	host_notify(h);
}

void host_reply(struct host *h, const struct ivc_msg *req, int status,
		struct ivc_msg reply)
{
	reply.op = IVC_MSG_REPLY;
	reply.cookie = req->cookie;
	reply.status = status;
	host_put(h, &reply);
}

/*
 * An event of nobody's is handled behind the others, and a second one behind
 * what the first one's handler may have begun.
 */
void host_quiet(struct host *h)
{
	struct ivc_msg nothing = { .op = IVC_MSG_EV_HOSTS };

	host_put(h, &nothing);
	STUB_WAIT_FOR(!untaken(h));
	host_put(h, &nothing);
	STUB_WAIT_FOR(!untaken(h));
	STUB_CHECK(ivc_load_acq(&h->ctl->req_prod) == h->req_cons);
}

/* ------------------------------------------------ processes of the guest */

void caller_new(struct caller *c, struct host *h)
{
	memset(c, 0, sizeof(*c));
	stub_enter(h->dom);
	c->host = h;
	c->proc = stub_proc_new(16);
	stub_proc_enter(c->proc);
	c->fd = stub_open("ivc");
	STUB_CHECK(c->fd >= 0);
	stub_proc_enter(NULL);
}

static void *call(void *arg)
{
	struct caller *c = arg;

	stub_proc_enter(c->proc);
	c->ret = stub_ioctl(c->fd, c->cmd, c->arg);
	stub_proc_enter(NULL);
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void caller_call(struct caller *c, unsigned int cmd, void *arg)
{
	c->cmd = cmd;
	c->arg = arg;
	c->done = false;
	c->thread = stub_thread(c->host->dom, call, c);
}

long caller_wait(struct caller *c)
{
	STUB_WAIT_FOR(__atomic_load_n(&c->done, __ATOMIC_ACQUIRE));
	stub_join(c->thread);
	c->cmd = 0;
	return c->ret;
}

void caller_register(struct caller *c, u32 id, u64 member)
{
	struct ivc_abi_register reg = { .magic = HOST_MAGIC, .id = id };
	struct ivc_msg req, reply = {};

	caller_call(c, IVC_IOC_REGISTER, &reg);
	req = host_request(c->host, IVC_MSG_REGISTER);
	reply.reged.member = member;
	reply.reged.domid = stub_domid(c->host->dom);
	host_reply(c->host, &req, 0, reply);
	STUB_CHECK(!caller_wait(c) && reg.member == member);
}

void caller_exit(struct caller *c)
{
	if (c->cmd) {
		stub_proc_kill(c->proc);
		caller_wait(c);
	}
	stub_enter(c->host->dom);
	stub_proc_exit(c->proc);
}
