// SPDX-License-Identifier: GPL-2.0
/*
 * Channels that end while they are being made. Grants and ports that others may
 * still use stay, and each process is told the truth.
 */
#include <ivc/protocol/barrier.h>
#include <linux/sched.h>

#include "host.h"
#include "peer.h"

#define NONE ((struct ivc_msg){})
#define CONN 7u
#define PEER 2u /* the other guest, and its member */
#define SHIFT 14

/* --------------------------------------------------- holding a process */

/* Hold the process at its @pass + 1st point where it could be interrupted. */
static struct {
	struct mm_struct *mm;
	int pass;
	bool stopped;
} hold;

static void stop_here(void)
{
	if (!READ_ONCE(hold.mm) || current->mm != READ_ONCE(hold.mm) ||
	    hold.pass-- > 0)
		return;
	WRITE_ONCE(hold.stopped, true);
	while (READ_ONCE(hold.mm))
		usleep_range(50, 100);
	WRITE_ONCE(hold.stopped, false);
}

static void hold_process(struct caller *c, int pass)
{
	hold.pass = pass;
	stub_proc_enter(c->proc);
	WRITE_ONCE(hold.mm, current->mm);
	stub_proc_enter(NULL);
	stub_at_pause(stop_here);
}

static void let_go(void)
{
	WRITE_ONCE(hold.mm, NULL);
	stub_at_pause(NULL);
}

/* ---------------------------------------------------------- both guests */

struct scene {
	struct host *host;
	struct guest other; /* only its domain is used */
	struct caller proc;
	u64 grants, ports; /* held without a channel */
};

static void begin(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->host = host_new();
	s->other.dom = stub_dom_new(PEER, false);
	host_connect(s->host);
	caller_new(&s->proc, s->host);
	caller_register(&s->proc, 1, 1);
	s->grants = stub_count(s->host->dom).grants;
	s->ports = stub_count(s->host->dom).ports;
}

static void end(struct scene *s)
{
	host_close(s->host);
	host_free(s->host);
}

static bool nothing_held(struct scene *s)
{
	struct stub_count c = stub_count(s->host->dom);

	return c.grants == s->grants && c.ports == s->ports;
}

/* The CONNECT that the backend gets. */
static struct ivc_msg connect_of(struct caller *c, struct ivc_abi_connect *con,
				 u32 size)
{
	struct ivc_msg req, reply = {};

	*con = (struct ivc_abi_connect){ .member = PEER, .tx_size = size };
	caller_call(c, IVC_IOC_CONNECT, con);
	req = host_request(c->host, IVC_MSG_LOOKUP);
	reply.looked.member = PEER;
	reply.looked.domid = PEER;
	host_reply(c->host, &req, 0, reply);
	return host_request(c->host, IVC_MSG_CONNECT);
}

static void gone(struct host *h, u64 member)
{
	struct ivc_msg ev = { .op = IVC_MSG_EV_GONE, .member = member };

	ev.close.conn = CONN;
	ev.close.reason = -ECONNRESET;
	host_put(h, &ev);
}

/* Get the next request, and reply with success. */
static struct ivc_msg done(struct host *h, u16 op, struct ivc_msg reply)
{
	struct ivc_msg req = host_request(h, op);

	host_reply(h, &req, 0, reply);
	return req;
}

/* CLOSE, by the first end of the two. */
static void closes(struct host *h)
{
	struct ivc_msg reply = {};

	reply.close.conn = CONN;
	STUB_CHECK(done(h, IVC_MSG_CLOSE, reply).close.conn == CONN);
}

/* ------------------------------------------------------------- offering */

/* A process is killed while the backend has its CONNECT. Another connects. */
static void killed_connect(void)
{
	struct ivc_abi_connect con[2];
	struct ivc_msg first, second, reply = {};
	struct caller other;
	struct scene s;
	u64 held;

	begin(&s);
	caller_new(&other, s.host);
	caller_register(&other, 3, 3);
	first = connect_of(&s.proc, &con[0], 1u << SHIFT);
	held = stub_count(s.host->dom).grants;
	caller_exit(&s.proc);
	STUB_CHECK(s.proc.ret == -EINTR);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	host_quiet(s.host);
	STUB_CHECK(stub_count(s.host->dom).grants == held);
	second = connect_of(&other, &con[1], 1u << SHIFT);
	STUB_CHECK(first.offer.dir_gref != second.offer.dir_gref);
	STUB_CHECK(first.offer.port != second.offer.port);

	/* The late answer makes a connection, which is closed at once. */
	reply.offer.conn = CONN;
	host_reply(s.host, &first, 0, reply);
	closes(s.host);
	host_quiet(s.host);
	STUB_CHECK(stub_count(s.host->dom).grants ==
		   s.grants + 2 * (held - s.grants));
	gone(s.host, 1);
	STUB_WAIT_FOR(stub_count(s.host->dom).grants == held);
	/* The second CONNECT is refused, so no domain has its numbers. */
	host_reply(s.host, &second, -EDQUOT, NONE);
	STUB_CHECK(caller_wait(&other) == -EDQUOT);
	STUB_WAIT_FOR(nothing_held(&s));
	caller_exit(&other);
	end(&s);
}

/* The late answer is a refusal, or never comes, because the backend is gone. */
static void killed_for_nothing(void)
{
	struct ivc_abi_connect con;
	struct ivc_msg req;
	struct scene s;
	int i;

	begin(&s);
	for (i = 0; i < 2; i++) {
		req = connect_of(&s.proc, &con, 1u << SHIFT);
		caller_exit(&s.proc);
		done(s.host, IVC_MSG_UNREGISTER, NONE);
		STUB_CHECK(!nothing_held(&s));
		if (!i) {
			host_reply(s.host, &req, -EBUSY, NONE);
			STUB_WAIT_FOR(nothing_held(&s));
			host_quiet(s.host);
			caller_new(&s.proc, s.host);
			caller_register(&s.proc, 1, 1);
		}
	}
	host_close(s.host);
	host_let_go(s.host);
	STUB_WAIT_FOR(!stub_count(s.host->dom).grants);
	STUB_CHECK(!stub_count(s.host->dom).ports);
	host_free(s.host);
}

/* A suspend that is cancelled ends an offer that was not accepted yet. */
static void offer_leaves(void)
{
	struct ivc_abi_connect con;
	struct ivc_msg req, reply = {};
	struct scene s;
	u64 grants;

	begin(&s);
	req = connect_of(&s.proc, &con, 1u << SHIFT);
	reply.offer.conn = CONN;
	host_reply(s.host, &req, 0, reply);
	STUB_CHECK(!caller_wait(&s.proc));
	grants = stub_count(s.host->dom).grants;
	stub_suspend(s.host->dom);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	closes(s.host);
	host_quiet(s.host);
	stub_cancel_suspend(s.host->dom);
	reply = (struct ivc_msg){};
	reply.reged.member = 9;
	done(s.host, IVC_MSG_REGISTER, reply);
	host_quiet(s.host);
	STUB_CHECK(stub_count(s.host->dom).grants == grants);
	STUB_CHECK(stub_count(s.host->dom).ports == s.ports + 1);
	gone(s.host, 1);
	STUB_WAIT_FOR(nothing_held(&s));
	caller_exit(&s.proc);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	end(&s);
}

/*
 * The guest arrives on another host, where no domain has its numbers: with a
 * CONNECT that was not answered, or with an offer that was not accepted.
 */
static void arrives(bool answered)
{
	struct ivc_abi_connect con;
	struct ivc_msg req, reply = {};
	struct scene s;

	begin(&s);
	req = connect_of(&s.proc, &con, 1u << SHIFT);
	if (answered) {
		reply.offer.conn = CONN;
		host_reply(s.host, &req, 0, reply);
		STUB_CHECK(!caller_wait(&s.proc));
	}
	stub_suspend(s.host->dom);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	STUB_CHECK(!nothing_held(&s));
	stub_resume(s.host->dom);
	host_let_go(s.host);
	host_connect(s.host);
	if (!answered)
		STUB_CHECK(caller_wait(&s.proc) == -ENODEV);
	reply = (struct ivc_msg){};
	reply.reged.member = 9;
	done(s.host, IVC_MSG_REGISTER, reply);
	STUB_WAIT_FOR(nothing_held(&s));
	host_quiet(s.host);
	caller_exit(&s.proc);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	host_quiet(s.host);
	end(&s);
}

static void connect_arrives(void)
{
	arrives(false);
}

static void offer_arrives(void)
{
	arrives(true);
}

/* Numbers of one backend are not sent to the next. */
static void next_backend(void)
{
	struct ivc_abi_connect con = { .member = PEER };
	struct ivc_msg req, reply = {};
	struct scene s;

	begin(&s);
	caller_call(&s.proc, IVC_IOC_CONNECT, &con);
	req = host_request(s.host, IVC_MSG_LOOKUP);
	/* Stop the process after the answer, when it allocates its ring. */
	hold_process(&s.proc, 0);
	reply.looked.member = PEER;
	reply.looked.domid = PEER;
	host_reply(s.host, &req, 0, reply);
	STUB_WAIT_FOR(READ_ONCE(hold.stopped));
	host_close(s.host);
	host_let_go(s.host);
	host_connect(s.host);
	reply = (struct ivc_msg){};
	reply.reged.member = 1;
	done(s.host, IVC_MSG_REGISTER, reply);
	host_quiet(s.host);
	let_go();
	STUB_CHECK(caller_wait(&s.proc) == -ENODEV);
	host_quiet(s.host);
	caller_exit(&s.proc);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	end(&s);
}

/* ------------------------------------------------------------ accepting */

static irqreturn_t deaf(int irq, void *data)
{
	(void)data;
	xen_irq_lateeoi((unsigned int)irq, 0);
	return IRQ_HANDLED;
}

/* An end in the other guest that makes an offer, and its doorbell. */
struct offerer {
	struct peer *peer;
	u32 port;
	int irq;
};

static void offer(struct scene *s, struct offerer *o, u32 conn)
{
	struct ivc_msg ev = { .op = IVC_MSG_EV_OFFER, .member = 1 };
	struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF,
					      .remote_dom = 1 };

	o->peer = peer_new(&s->other, PEER, 1, SHIFT);
	peer_kctl(o->peer)->state = IVC_WIRE_OPENING;
	STUB_CHECK(
		!HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc));
	o->port = alloc.port;
	o->irq = bind_evtchn_to_irqhandler_lateeoi(o->port, deaf, 0, "offerer",
						   o);
	STUB_CHECK(o->irq >= 0);
	ev.offer.peer = PEER;
	ev.offer.conn = conn;
	ev.offer.dir_gref = (u32)o->peer->dir_ref;
	ev.offer.port = o->port;
	ev.offer.domid = PEER;
	ev.offer.tx_shift = SHIFT;
	ev.offer.rx_shift = SHIFT;
	host_put(s->host, &ev);
	host_quiet(s->host);
}

static void set_state(struct scene *s, struct offerer *o, u32 state, int reason)
{
	stub_enter(s->other.dom);
	ivc_store(&peer_kctl(o->peer)->reason, reason);
	ivc_store_rel(&peer_kctl(o->peer)->state, state);
	notify_remote_via_irq(o->irq);
}

static void offer_end(struct scene *s, struct offerer *o)
{
	stub_enter(s->other.dom);
	unbind_from_irqhandler((unsigned int)o->irq, o);
	peer_free(o->peer);
}

/*
 * ACCEPT is unanswered when the guest is suspended, or its process is killed.
 */
static void accept_in_flight(bool kill)
{
	struct ivc_abi_accept acc = {};
	struct ivc_msg req, reply = {};
	struct offerer o;
	struct scene s;
	u64 grants;

	begin(&s);
	offer(&s, &o, CONN);
	caller_call(&s.proc, IVC_IOC_ACCEPT, &acc);
	req = host_request(s.host, IVC_MSG_ACCEPT);
	grants = stub_count(s.host->dom).grants;
	if (kill) {
		caller_exit(&s.proc);
		STUB_CHECK(s.proc.ret == -EINTR);
		closes(s.host);
		done(s.host, IVC_MSG_UNREGISTER, NONE);
	} else {
		stub_suspend(s.host->dom);
		done(s.host, IVC_MSG_UNREGISTER, NONE);
		closes(s.host);
		stub_cancel_suspend(s.host->dom);
		reply.reged.member = 9;
		done(s.host, IVC_MSG_REGISTER, reply);
	}
	host_quiet(s.host);
	STUB_CHECK(stub_count(s.host->dom).grants == grants);
	host_reply(s.host, &req, 0, NONE);
	host_quiet(s.host);
	/* The offerer is told the numbers, and has mapped nothing yet. */
	STUB_CHECK(stub_count(s.host->dom).grants == grants);
	gone(s.host, 1);
	STUB_WAIT_FOR(nothing_held(&s));
	if (!kill) {
		caller_wait(&s.proc);
		caller_exit(&s.proc);
		done(s.host, IVC_MSG_UNREGISTER, NONE);
	}
	offer_end(&s, &o);
	end(&s);
}

static void killed_accept(void)
{
	accept_in_flight(true);
}

static void accept_leaves(void)
{
	accept_in_flight(false);
}

/*
 * The offer is withdrawn, or the device detached, just before the process maps
 * the pages.
 */
static void accept_ends(bool device)
{
	struct ivc_abi_accept acc = {};
	struct offerer o;
	struct scene s;

	begin(&s);
	offer(&s, &o, CONN);
	/*
	 * Copying the argument, allocating channel and ring (9 times), adding
	 * the number: the process stops at the lock under which it maps.
	 */
	hold_process(&s.proc, 12);
	caller_call(&s.proc, IVC_IOC_ACCEPT, &acc);
	STUB_WAIT_FOR(READ_ONCE(hold.stopped));
	if (device) {
		host_close(s.host);
	} else {
		gone(s.host, 1);
		done(s.host, IVC_MSG_CLOSE, NONE);
		host_quiet(s.host);
	}
	let_go();
	STUB_CHECK(caller_wait(&s.proc) == (device ? -ENODEV : -ECONNABORTED));
	caller_exit(&s.proc);
	if (!device) {
		done(s.host, IVC_MSG_UNREGISTER, NONE);
		STUB_WAIT_FOR(nothing_held(&s));
		host_close(s.host);
	}
	offer_end(&s, &o);
	host_free(s.host);
}

static void withdrawn(void)
{
	accept_ends(false);
}

static void detached(void)
{
	accept_ends(true);
}

/*
 * The peer's guest is suspended between the mapping and the answer to ACCEPT.
 */
static void leaving_early(void)
{
	struct ivc_abi_accept acc = {};
	const struct ivc_kctl *kctl;
	const struct ivc_dir *dir;
	struct seen seen[2];
	struct offerer o;
	struct ivc_msg req;
	struct scene s;
	u64 eois;

	begin(&s);
	offer(&s, &o, CONN);
	caller_call(&s.proc, IVC_IOC_ACCEPT, &acc);
	req = host_request(s.host, IVC_MSG_ACCEPT);
	stub_enter(s.other.dom);
	dir = host_map(s.host, req.accept.dir_gref, &seen[0]);
	kctl = host_map(s.host, dir->ref[0], &seen[1]);
	eois = stub_count(s.host->dom).eois;
	set_state(&s, &o, IVC_WIRE_LEAVING, -EREMCHG);
	STUB_WAIT_FOR(stub_count(s.host->dom).eois > eois);
	/* The work item that the event has queued finds an end that is NEW. */
	msleep(20);
	STUB_CHECK(ivc_load(&kctl->state) < IVC_WIRE_LEAVING);
	host_reply(s.host, &req, 0, NONE);
	STUB_WAIT_FOR(ivc_load_acq(&kctl->state) >= IVC_WIRE_LEAVING);
	STUB_CHECK(!caller_wait(&s.proc));
	set_state(&s, &o, IVC_WIRE_DETACHED, -EREMCHG);
	closes(s.host);
	stub_enter(s.other.dom);
	host_unmap(&seen[1]);
	host_unmap(&seen[0]);
	caller_exit(&s.proc);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	offer_end(&s, &o);
	end(&s);
}

/* A connection without a number. */
static void conn_zero(void)
{
	struct ivc_abi_accept acc = {};
	struct ivc_msg req, ev = { .op = IVC_MSG_EV_GONE, .member = 1 };
	struct offerer o;
	struct scene s;

	begin(&s);
	offer(&s, &o, 0);
	caller_call(&s.proc, IVC_IOC_ACCEPT, &acc);
	while (!READ_ONCE(s.proc.done))
		if (host_take(s.host, &req))
			host_reply(s.host, &req, -ENOENT, NONE);
	STUB_CHECK(caller_wait(&s.proc) == -ECONNABORTED);
	while (host_take(s.host, &req))
		host_reply(s.host, &req, -ENOENT, NONE);
	host_quiet(s.host);
	/* No channel is found by number 0. */
	host_put(s.host, &ev);
	host_quiet(s.host);
	caller_exit(&s.proc);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	offer_end(&s, &o);
	end(&s);
}

/* ------------------------------------------------------------ who pays */

/* An offer that waits, and a copy of unread data, are charged. */
static void charged(void)
{
	struct ivc_abi_accept acc = {};
	struct offerer o;
	struct scene s;
	u64 before;

	begin(&s);
	before = stub_charges(s.proc.proc);
	offer(&s, &o, CONN);
	STUB_CHECK(stub_charges(s.proc.proc) == before + 1);
	caller_call(&s.proc, IVC_IOC_ACCEPT, &acc);
	done(s.host, IVC_MSG_ACCEPT, NONE);
	STUB_CHECK(!caller_wait(&s.proc));
	before = stub_charges(s.proc.proc);
	set_state(&s, &o, IVC_WIRE_CLOSED, -EPIPE);
	closes(s.host);
	/* The peer's control page, and one of its ring. */
	STUB_CHECK(stub_charges(s.proc.proc) >= before + 2);
	gone(s.host, 1);
	caller_exit(&s.proc);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	offer_end(&s, &o);
	end(&s);
}

/* ---------------------------------------------------- what is no news */

static u64 spurious(struct scene *s, int fd)
{
	struct ivc_abi_info info;

	stub_proc_enter(s->proc.proc);
	STUB_CHECK(!stub_ioctl(fd, IVC_IOC_INFO, &info));
	stub_proc_enter(NULL);
	return info.spurious;
}

/* A doorbell without a request for it is counted, and queues no work. */
static void asked_for_nothing(void)
{
	struct ivc_abi_accept acc = {};
	u64 grants, before, end_ns;
	struct offerer o;
	struct scene s;

	begin(&s);
	offer(&s, &o, CONN);
	caller_call(&s.proc, IVC_IOC_ACCEPT, &acc);
	done(s.host, IVC_MSG_ACCEPT, NONE);
	STUB_CHECK(!caller_wait(&s.proc));
	/* The peer has read the directory, which has one page, and rings. */
	grants = stub_count(s.host->dom).grants;
	set_state(&s, &o, IVC_WIRE_OPEN, 0);
	STUB_WAIT_FOR(stub_count(s.host->dom).grants == grants - 1);
	host_quiet(s.host);
	before = spurious(&s, acc.fd);
	end_ns = ktime_get_ns() + 20 * NSEC_PER_SEC;
	while (spurious(&s, acc.fd) < before + 3) {
		STUB_CHECK(ktime_get_ns() < end_ns);
		stub_enter(s.other.dom);
		notify_remote_via_irq(o.irq);
		msleep(1);
	}
	set_state(&s, &o, IVC_WIRE_CLOSED, -EPIPE);
	closes(s.host);
	gone(s.host, 1);
	caller_exit(&s.proc);
	done(s.host, IVC_MSG_UNREGISTER, NONE);
	offer_end(&s, &o);
	end(&s);
}

const struct stub_test stub_tests[] = {
	{ "killed_connect", killed_connect },
	{ "killed_for_nothing", killed_for_nothing },
	{ "offer_leaves", offer_leaves },
	{ "connect_arrives", connect_arrives },
	{ "offer_arrives", offer_arrives },
	{ "next_backend", next_backend },
	{ "killed_accept", killed_accept },
	{ "accept_leaves", accept_leaves },
	{ "withdrawn", withdrawn },
	{ "detached", detached },
	{ "leaving_early", leaving_early },
	{ "conn_zero", conn_zero },
	{ "charged", charged },
	{ "asked_for_nothing", asked_for_nothing },
	{},
};
