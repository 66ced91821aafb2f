// SPDX-License-Identifier: GPL-2.0
/*
 * Requests whose waiter has given up, whose answer comes late, or whose answer
 * breaks the protocol; and the end of the control ring that has them.
 */
#include <ivc/protocol/barrier.h>

#include "host.h"

#define NONE ((struct ivc_msg){})

/* ----------------------------------------------------- late and unwanted */

/* The first of two REGISTERs is answered after its caller has given up. */
static void late_register(void)
{
	struct ivc_abi_register first = { .magic = 1, .id = 1 };
	struct ivc_abi_register second = { .magic = 2, .id = 1 };
	struct ivc_msg req, reply = {};
	struct host *h = host_new();
	bool answered = false;
	struct caller c;

	host_connect(h);
	caller_new(&c, h);
	caller_call(&c, IVC_IOC_REGISTER, &first);
	req = host_request(h, IVC_MSG_REGISTER);
	STUB_CHECK(caller_wait(&c) == -ETIMEDOUT);

	caller_call(&c, IVC_IOC_REGISTER, &second);
	/* Long enough for a second REGISTER, if the process did not wait. */
	msleep(50);
	reply.reged.member = 11;
	host_reply(h, &req, 0, reply);
	while (!answered) {
		STUB_WAIT_FOR(host_take(h, &req));
		if (req.op == IVC_MSG_UNREGISTER) {
			STUB_CHECK(req.member == 11);
			host_reply(h, &req, 0, NONE);
			continue;
		}
		STUB_CHECK(req.op == IVC_MSG_REGISTER && req.reg.magic == 2);
		reply.reged.member = 22;
		host_reply(h, &req, 0, reply);
		answered = true;
	}
	STUB_CHECK(!caller_wait(&c));
	STUB_CHECK(second.member == 22);
	caller_exit(&c);
	req = host_request(h, IVC_MSG_UNREGISTER);
	STUB_CHECK(req.member == 22);
	host_close(h);
	host_free(h);
}

/* A killed process takes back a request that is not in the ring. */
static void given_up(void)
{
	struct ivc_abi_register reg[IVC_CTL_REQS + 1] = {};
	struct caller c[IVC_CTL_REQS + 1];
	struct host *h = host_new();
	struct ivc_msg req;
	u32 i;

	host_connect(h);
	for (i = 0; i <= IVC_CTL_REQS; i++) {
		reg[i].magic = i + 1;
		caller_new(&c[i], h);
		caller_call(&c[i], IVC_IOC_REGISTER, &reg[i]);
		if (i == IVC_CTL_REQS)
			break;
		req = host_request(h, IVC_MSG_REGISTER);
		STUB_CHECK(req.reg.magic == i + 1);
	}
	/* The last request waits for a slot. */
	caller_exit(&c[i]);
	STUB_CHECK(c[i].ret == -EINTR);
	host_reply(h, &req, -ENOMEM, NONE);
	STUB_CHECK(caller_wait(&c[i - 1]) == -ENOMEM);
	host_quiet(h);
	host_close(h);
	for (i = 0; i < IVC_CTL_REQS; i++)
		caller_exit(&c[i]);
	host_free(h);
}

/* The backend has the table until it answers, even if processes give up. */
static void table_is_lent(void)
{
	struct ivc_abi_hosts hosts[3] = {};
	struct ivc_abi_host list = {};
	struct host *h = host_new();
	struct ivc_msg req, reply = {};
	struct caller c[3];
	int i;

	host_connect(h);
	for (i = 0; i < 3; i++) {
		caller_new(&c[i], h);
		caller_register(&c[i], (u32)i, (u64)i + 1);
		hosts[i].buf = (unsigned long)&list;
		hosts[i].count = 1;
	}
	caller_call(&c[0], IVC_IOC_HOSTS, &hosts[0]);
	req = host_request(h, IVC_MSG_HOSTS);
	caller_call(&c[1], IVC_IOC_HOSTS, &hosts[1]);
	caller_call(&c[2], IVC_IOC_HOSTS, &hosts[2]);
	stub_proc_kill(c[0].proc);
	STUB_CHECK(caller_wait(&c[0]) == -EINTR);
	stub_proc_kill(c[1].proc);
	STUB_CHECK(caller_wait(&c[1]) == -EINTR);
	/* No second HOSTS was sent. */
	host_quiet(h);
	host_reply(h, &req, 0, reply);
	req = host_request(h, IVC_MSG_HOSTS);
	STUB_CHECK(req.member == 3);
	h->table[0] = (struct ivc_host){ .member = 9, .id = 4, .domid = 5 };
	reply.hosted.count = 1;
	host_reply(h, &req, 0, reply);
	STUB_CHECK(!caller_wait(&c[2]));
	STUB_CHECK(hosts[2].total == 1 && list.member == 9 && list.id == 4);
	host_close(h);
	for (i = 0; i < 3; i++)
		caller_exit(&c[i]);
	host_free(h);
}

/* ------------------------------------------------------ what replies say */

/* A backend that replies EBUSY to UNREGISTER gets it again. */
static void busy(void)
{
	struct host *h = host_new();
	struct ivc_msg req;
	struct caller c;
	int i;

	host_connect(h);
	caller_new(&c, h);
	caller_register(&c, 1, 5);
	caller_exit(&c);
	for (i = 0; i < 40; i++) {
		req = host_request(h, IVC_MSG_UNREGISTER);
		STUB_CHECK(req.member == 5);
		host_reply(h, &req, -EBUSY, NONE);
	}
	req = host_request(h, IVC_MSG_UNREGISTER);
	host_reply(h, &req, 0, NONE);
	host_quiet(h);
	host_close(h);
	host_free(h);
}

/* Only its own kernel can tell a process that there is no backend. */
static void lies(void)
{
	static const int status[] = { -ENODEV, -EINTR, -ETIMEDOUT, -512, 1 };
	struct ivc_abi_register reg = { .magic = 1 };
	struct host *h = host_new();
	struct ivc_msg req;
	struct caller c;
	size_t i;

	host_connect(h);
	caller_new(&c, h);
	for (i = 0; i < ARRAY_SIZE(status); i++) {
		caller_call(&c, IVC_IOC_REGISTER, &reg);
		req = host_request(h, IVC_MSG_REGISTER);
		host_reply(h, &req, status[i], NONE);
		STUB_CHECK(caller_wait(&c) == -EPROTO);
	}
	/* A reply with member number 0. */
	caller_call(&c, IVC_IOC_REGISTER, &reg);
	req = host_request(h, IVC_MSG_REGISTER);
	host_reply(h, &req, 0, NONE);
	STUB_CHECK(caller_wait(&c) == -EPROTO);
	/* And a reply with a permitted error. */
	caller_call(&c, IVC_IOC_REGISTER, &reg);
	req = host_request(h, IVC_MSG_REGISTER);
	host_reply(h, &req, -EDQUOT, NONE);
	STUB_CHECK(caller_wait(&c) == -EDQUOT);
	caller_exit(&c);
	host_close(h);
	host_free(h);
}

/* ------------------------------------------------------------- teardown */

/* A ring that is always full of events. */
static struct ivc_ctl_page *endless;

static void more_events(void)
{
	ivc_store_rel(&endless->ev_prod,
		      ivc_load_acq(&endless->ev_cons) + IVC_CTL_EVENTS);
}

/* A backend that writes events without end cannot prevent its removal. */
static void events_without_end(void)
{
	struct ivc_msg event = { .op = IVC_MSG_EV_HOSTS };
	struct host *h = host_new();
	u32 i;

	host_connect(h);
	for (i = 0; i < IVC_CTL_EVENTS; i++)
		h->ctl->ev[i] = event;
	endless = h->ctl;
	stub_at_pause(more_events);
	more_events();
	host_notify(h);
	STUB_WAIT_FOR(ivc_load(&h->ctl->ev_cons) > 1000);
	host_close(h);
	stub_at_pause(NULL);
	host_free(h);
}

struct ringer {
	struct host *host;
	bool stop;
};

static irqreturn_t deaf(int irq, void *data)
{
	(void)irq;
	(void)data;
	return IRQ_HANDLED;
}

/* Bind to the guest's port as soon as it exists, and notify. */
static void *ring_early(void *arg)
{
	struct evtchn_bind_interdomain b = { .remote_dom = 1 };
	struct ringer *f = arg;
	struct evtchn_close close;
	int irq;

	while (!READ_ONCE(f->stop)) {
		b.remote_port = b.remote_port % 2 + 1;
		if (HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &b))
			continue;
		irq = bind_evtchn_to_irqhandler_lateeoi(b.local_port, deaf, 0,
							"early", f);
		/* The allocation that fails may be one of this thread. */
		if (irq < 0) {
			close.port = b.local_port;
			HYPERVISOR_event_channel_op(EVTCHNOP_close, &close);
			continue;
		}
		notify_remote_via_irq(irq);
		usleep_range(100, 1000);
		unbind_from_irqhandler((unsigned int)irq, f);
	}
	return NULL;
}

/*
 * Events that come while the ring is being set up, and while the set-up is
 * undone because the n-th allocation has failed.
 */
static void early_events(void)
{
	struct ringer f = { .host = host_new() };
	unsigned int i;
	pthread_t t;

	stub_jitter(1000);
	t = stub_thread(f.host->dom0, ring_early, &f);
	for (i = 0; i < stub_times(60); i++) {
		stub_fail(i % 15);
		host_state(f.host, XenbusStateInitWait);
		stub_store_flush(f.host->dom);
		stub_fail(0);
		STUB_CHECK(i % 15 ||
			   host_front_state(f.host) == XenbusStateInitialised);
		host_close(f.host);
		stub_store_flush(f.host->dom);
		STUB_CHECK(!stub_count(f.host->dom).grants);
	}
	WRITE_ONCE(f.stop, true);
	stub_join(t);
	stub_jitter(0);
	host_free(f.host);
}

const struct stub_test stub_tests[] = {
	{ "late_register", late_register },
	{ "given_up", given_up },
	{ "table_is_lent", table_is_lent },
	{ "busy", busy },
	{ "lies", lies },
	{ "events_without_end", events_without_end },
	{ "early_events", early_events },
	{},
};
