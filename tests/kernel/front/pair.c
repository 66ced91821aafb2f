// SPDX-License-Identifier: GPL-2.0
/*
 * A local pair. Its two ends tell each other of their end, and events of the
 * backend come in between.
 */
#include <sys/mman.h>
#include <ivc/protocol/barrier.h>
#include <ivc/protocol/ring.h>

#include "host.h"

#define NONE ((struct ivc_msg){})
#define CONN 7u

struct pair {
	struct host *host;
	struct caller offerer, accepter;
	struct ivc_abi_connect con;
	struct ivc_abi_accept acc;
};

static void answer(struct host *h, u16 op, struct ivc_msg reply)
{
	struct ivc_msg req = host_request(h, op);

	host_reply(h, &req, 0, reply);
}

/* Connect up to the reply to ACCEPT, without EV_ACCEPTED. */
static void begin(struct pair *p)
{
	struct ivc_msg reply = {}, ev = { .op = IVC_MSG_EV_OFFER, .member = 2 };

	memset(p, 0, sizeof(*p));
	p->host = host_new();
	host_connect(p->host);
	caller_new(&p->offerer, p->host);
	caller_register(&p->offerer, 1, 1);
	caller_new(&p->accepter, p->host);
	caller_register(&p->accepter, 2, 2);

	p->con = (struct ivc_abi_connect){ .member = 2,
					   .tx_size = PAGE_SIZE,
					   .rx_size = PAGE_SIZE };
	caller_call(&p->offerer, IVC_IOC_CONNECT, &p->con);
	reply.looked.member = 2;
	reply.looked.domid = 1;
	reply.looked.local = 1;
	answer(p->host, IVC_MSG_LOOKUP, reply);
	reply = NONE;
	reply.offer.conn = CONN;
	answer(p->host, IVC_MSG_CONNECT, reply);
	STUB_CHECK(!caller_wait(&p->offerer));

	ev.flags = IVC_OFFER_LOCAL;
	ev.offer.peer = 1;
	ev.offer.conn = CONN;
	ev.offer.domid = 1;
	ev.offer.tx_shift = PAGE_SHIFT;
	ev.offer.rx_shift = PAGE_SHIFT;
	host_put(p->host, &ev);
	host_quiet(p->host);
	caller_call(&p->accepter, IVC_IOC_ACCEPT, &p->acc);
	answer(p->host, IVC_MSG_ACCEPT, NONE);
	STUB_CHECK(!caller_wait(&p->accepter));
}

static void end(struct pair *p)
{
	caller_exit(&p->offerer);
	host_close(p->host);
	host_free(p->host);
}

/* The accepter writes a record and closes. */
static void write_and_close(struct pair *p)
{
	struct ivc_msg reply = {};
	u64 *own;

	stub_proc_enter(p->accepter.proc);
	own = stub_mmap(2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			p->acc.fd, IVC_MAP_OWN);
	STUB_CHECK(!IS_ERR(own));
	own[PAGE_SIZE / sizeof(*own)] = 0x1234;
	STUB_CHECK(!stub_ioctl(p->acc.fd, IVC_IOC_CLOSE, NULL));
	stub_proc_enter(NULL);
	reply.close.conn = CONN;
	answer(p->host, IVC_MSG_CLOSE, reply);
	/* The work item of the offerer's end has run. */
	msleep(20);
}

/* The written data is there, although EV_ACCEPTED comes last. */
static void closed_before_accepted(void)
{
	struct ivc_msg ev = { .op = IVC_MSG_EV_ACCEPTED, .member = 1 };
	struct ivc_abi_info info;
	struct pair p;
	u64 *peer;

	begin(&p);
	write_and_close(&p);
	ev.accept.conn = CONN;
	ev.accept.tx_shift = PAGE_SHIFT;
	host_put(p.host, &ev);
	ev = (struct ivc_msg){ .op = IVC_MSG_EV_GONE, .member = 1 };
	ev.close.conn = CONN;
	ev.close.reason = -EPIPE;
	host_put(p.host, &ev);
	answer(p.host, IVC_MSG_CLOSE, NONE);
	host_quiet(p.host);

	stub_proc_enter(p.offerer.proc);
	STUB_CHECK(!stub_ioctl(p.con.fd, IVC_IOC_INFO, &info));
	STUB_CHECK(info.state == IVC_ABI_CLOSED && info.status == -EPIPE);
	STUB_CHECK(info.rx_size == PAGE_SIZE);
	peer = stub_mmap(2 * PAGE_SIZE, PROT_READ, MAP_SHARED, p.con.fd,
			 IVC_MAP_PEER);
	STUB_CHECK(!IS_ERR(peer));
	STUB_CHECK(peer[PAGE_SIZE / sizeof(*peer)] == 0x1234);
	stub_proc_enter(NULL);
	caller_exit(&p.accepter);
	end(&p);
}

/* EV_GONE without EV_ACCEPTED ends the offer nevertheless. */
static void gone_instead(void)
{
	struct ivc_msg ev = { .op = IVC_MSG_EV_GONE, .member = 1 };
	struct ivc_abi_info info;
	struct pair p;

	begin(&p);
	write_and_close(&p);
	ev.close.conn = CONN;
	ev.close.reason = -ECONNREFUSED;
	host_put(p.host, &ev);
	answer(p.host, IVC_MSG_CLOSE, NONE);
	host_quiet(p.host);
	stub_proc_enter(p.offerer.proc);
	STUB_CHECK(!stub_ioctl(p.con.fd, IVC_IOC_INFO, &info));
	STUB_CHECK(info.state == IVC_ABI_CLOSED && !info.rx_size);
	stub_proc_enter(NULL);
	caller_exit(&p.accepter);
	end(&p);
}

/* Reply with success to each request, until @fd of @c has ended. */
static void until_closed(struct host *h, struct caller *c, int fd,
			 struct ivc_abi_info *info)
{
	struct ivc_msg req;

	do {
		if (h->ctl && host_take(h, &req))
			host_reply(h, &req, 0, NONE);
		stub_proc_enter(c->proc);
		STUB_CHECK(!stub_ioctl(fd, IVC_IOC_INFO, info));
		stub_proc_enter(NULL);
	} while (info->state != IVC_ABI_CLOSED);
}

/*
 * The accepter has written. The guest is suspended or loses its backend before
 * EV_ACCEPTED. The data is never read, and the accepter is told so.
 */
static void never_read(bool leaves)
{
	struct ivc_abi_delivery delivery = { .from = 0 };
	struct ivc_abi_info info;
	struct pair p;
	u64 *own;

	begin(&p);
	stub_proc_enter(p.accepter.proc);
	own = stub_mmap(2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			p.acc.fd, IVC_MAP_OWN);
	STUB_CHECK(!IS_ERR(own));
	ivc_store_rel(&own[PAGE_SIZE / sizeof(*own)], ivc_ring_hdr(0, 8));
	stub_proc_enter(NULL);
	if (leaves) {
		stub_suspend(p.host->dom);
		stub_cancel_suspend(p.host->dom);
	} else {
		host_close(p.host);
		host_let_go(p.host);
	}
	until_closed(p.host, &p.offerer, p.con.fd, &info);
	STUB_CHECK(!info.rx_size);
	until_closed(p.host, &p.accepter, p.acc.fd, &info);
	stub_proc_enter(p.accepter.proc);
	STUB_CHECK(!stub_ioctl(p.acc.fd, IVC_IOC_DELIVERY, &delivery));
	STUB_CHECK(delivery.written == 8 && delivery.undelivered == 8);
	stub_proc_enter(NULL);
	caller_exit(&p.accepter);
	caller_exit(&p.offerer);
	if (leaves)
		host_close(p.host);
	host_free(p.host);
}

static void never_read_left(void)
{
	never_read(true);
}

static void never_read_detached(void)
{
	never_read(false);
}

/* ------------------------------------------------------- the guest moves */

static u32 state_of(struct caller *c, int fd)
{
	struct ivc_abi_info info;

	stub_proc_enter(c->proc);
	STUB_CHECK(!stub_ioctl(fd, IVC_IOC_INFO, &info));
	stub_proc_enter(NULL);
	return info.state;
}

/* Both contexts register again. */
static void return_all(struct host *h)
{
	struct ivc_msg req, reply = {};
	int i;

	for (i = 0; i < 2; i++) {
		req = host_request(h, IVC_MSG_REGISTER);
		reply.reged.member = 10 + req.reg.id;
		host_reply(h, &req, 0, reply);
	}
	host_quiet(h);
}

/* The toolstack detaches the device before it moves the guest. */
static void leave_first(struct host *h)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/leaving", h->back_dir);
	stub_write(path, "1");
	host_close(h);
	stub_rm(path);
}

static void suspend(struct host *h)
{
	stub_suspend(h->dom);
	answer(h, IVC_MSG_UNREGISTER, NONE);
	answer(h, IVC_MSG_UNREGISTER, NONE);
}

static void suspend_resume(struct host *h)
{
	suspend(h);
	stub_resume(h->dom);
}

static void node(struct host *h, const char *name, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", h->front_dir, name);
	stub_write(path, "%s", value);
}

/* Where the guest arrives its nodes are written later. */
static void resume_without_nodes(struct host *h)
{
	suspend(h);
	stub_rm(h->front_dir);
	host_state(h, XenbusStateInitialising);
	stub_resume(h->dom);
	stub_enter(h->dom0);
	node(h, "state", "1");
	node(h, "backend-id", "0");
	node(h, "backend", h->back_dir);
	stub_store_flush(h->dom);
}

/* A pair is open and stays open when its guest is moved. */
static void moves(void (*move)(struct host *h))
{
	struct ivc_msg ev = { .op = IVC_MSG_EV_ACCEPTED, .member = 1 };
	struct pair p;

	begin(&p);
	ev.accept.conn = CONN;
	ev.accept.tx_shift = PAGE_SHIFT;
	host_put(p.host, &ev);
	STUB_WAIT_FOR(state_of(&p.offerer, p.con.fd) == IVC_ABI_OPEN);
	move(p.host);
	host_let_go(p.host);
	host_connect(p.host);
	return_all(p.host);
	STUB_CHECK(state_of(&p.offerer, p.con.fd) == IVC_ABI_OPEN);
	STUB_CHECK(state_of(&p.accepter, p.acc.fd) == IVC_ABI_OPEN);
	/* Without a backend that connects again, both ends end. */
	host_close(p.host);
	STUB_CHECK(state_of(&p.offerer, p.con.fd) == IVC_ABI_CLOSED);
	STUB_CHECK(state_of(&p.accepter, p.acc.fd) == IVC_ABI_CLOSED);
	caller_exit(&p.accepter);
	caller_exit(&p.offerer);
	host_free(p.host);
}

static void suspended(void)
{
	moves(suspend_resume);
}

static void left(void)
{
	moves(leave_first);
}

static void later_nodes(void)
{
	moves(resume_without_nodes);
}

const struct stub_test stub_tests[] = {
	{ "closed-before-accepted", closed_before_accepted },
	{ "gone-instead", gone_instead },
	{ "never-read-left", never_read_left },
	{ "never-read-detached", never_read_detached },
	{ "suspended", suspended },
	{ "left", left },
	{ "later-nodes", later_nodes },
	{},
};
