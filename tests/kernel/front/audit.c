// SPDX-License-Identifier: GPL-2.0
/*
 * Processes of a guest act at random, with each other and with a peer in
 * another guest. At each moment the frontend's resources are charged, and in
 * the end none is left.
 */
#include <sys/mman.h>
#include <ivc/protocol/abi.h>

#include "job.h"
#include "peer.h"

#define PROCS 3
#define FDS 12
#define CHANS 6

struct proc {
	struct stub_proc *p;
	int ctx; /* -1: none */
	u64 member;
	int chan[CHANS]; /* -1: none */
	void *at[CHANS]; /* PEER of it, or NULL */
};

static struct proc procs[PROCS];
static u32 next_id = 100; /* atomic */

static void forget(struct proc *p)
{
	u32 i;

	p->ctx = -1;
	for (i = 0; i < CHANS; i++) {
		p->chan[i] = -1;
		p->at[i] = NULL;
	}
}

static void begin(struct proc *p, struct job *j)
{
	stub_proc_enter(NULL);
	stub_enter(j->dom);
	p->p = stub_proc_new(FDS);
	forget(p);
}

static void keep(struct proc *p, int fd)
{
	u32 i;

	for (i = 0; i < CHANS; i++) {
		if (p->chan[i] < 0 && fd >= 0) {
			p->chan[i] = fd;
			return;
		}
	}
	stub_close(fd);
}

static void do_register(struct proc *p)
{
	struct ivc_abi_register reg = {
		.magic = JOB_MAGIC,
		.id = __atomic_add_fetch(&next_id, 1, __ATOMIC_RELAXED)
	};

	if (p->ctx >= 0)
		return;
	p->ctx = stub_open("ivc");
	if (p->ctx >= 0 && !stub_ioctl(p->ctx, IVC_IOC_REGISTER, &reg))
		p->member = reg.member;
}

static void do_connect(struct proc *p)
{
	struct ivc_abi_host host[8] = { 0 };
	struct ivc_abi_hosts hosts = { .buf = (u64)(unsigned long)host,
				       .count = 8 };

	if (p->ctx < 0 || stub_ioctl(p->ctx, IVC_IOC_HOSTS, &hosts) ||
	    !hosts.count)
		return;
	keep(p, job_connect(p->ctx, host[stub_random(hosts.count)].member,
			    PAGE_SIZE << stub_random(3)));
}

static void do_accept(struct proc *p)
{
	struct ivc_abi_accept acc = { 0 };

	if (p->ctx >= 0 && !stub_ioctl(p->ctx, IVC_IOC_ACCEPT, &acc))
		keep(p, acc.fd);
}

static void do_close(struct proc *p, u32 i)
{
	if (p->chan[i] < 0)
		return;
	if (stub_random(2))
		stub_ioctl(p->chan[i], IVC_IOC_CLOSE, NULL);
	if (p->at[i] && stub_random(4))
		stub_munmap(p->at[i], PAGE_SIZE + job_info(p->chan[i]).rx_size);
	stub_close(p->chan[i]);
	p->chan[i] = -1;
	p->at[i] = NULL;
}

static void do_map(struct proc *p, u32 i)
{
	size_t size;
	void *at;

	if (p->chan[i] < 0)
		return;
	size = PAGE_SIZE + job_info(p->chan[i]).rx_size;
	if (!p->at[i]) {
		at = stub_mmap(size, PROT_READ, MAP_SHARED, p->chan[i],
			       IVC_MAP_PEER);
		p->at[i] = IS_ERR(at) ? NULL : at;
	}
	if (!p->at[i])
		return;
	stub_touch((char *)p->at[i] + stub_random((u32)size), false);
	if (!stub_random(4))
		STUB_CHECK(IS_ERR(stub_mremap(p->at[i], size, size,
					      MREMAP_MAYMOVE | MREMAP_FIXED,
					      NULL)));
}

static void do_fork(struct proc *p)
{
	struct stub_proc *child = stub_fork();

	/* The child ends first, or outlives its parent by a moment. */
	if (stub_random(2)) {
		stub_proc_exit(child);
		stub_proc_enter(p->p);
		return;
	}
	stub_proc_exit(p->p);
	p->p = child;
	forget(p);
	stub_proc_enter(child);
	stub_exec();
}

static void step(struct proc *p)
{
	u32 i = stub_random(CHANS);

	stub_proc_enter(p->p);
	switch (stub_random(10)) {
	case 0:
		do_fork(p);
		break;
	case 1:
		if (p->ctx >= 0 && !stub_random(4)) {
			stub_close(p->ctx);
			p->ctx = -1;
		}
		break;
	case 2:
		do_register(p);
		break;
	case 3:
	case 4:
		do_connect(p);
		break;
	case 5:
	case 6:
		do_accept(p);
		break;
	case 7:
		do_close(p, i);
		break;
	default:
		do_map(p, i);
	}
}

#define STEPS 16 /* between two audits, of each process */

static void *steps(void *arg)
{
	u32 i;

	for (i = 0; i < STEPS; i++)
		step(arg);
	stub_proc_enter(NULL);
	return NULL;
}

/* The peer accepts offers, and releases their pages at a random time. */
static void other_steps(struct guest *g, u64 member, struct peer **peer)
{
	struct ivc_msg msg;
	u32 i;

	guest_drain(g);
	if (*peer && !stub_random(3)) {
		peer_close(*peer, -EPIPE);
		peer_free(*peer);
		*peer = NULL;
	}
	for (i = 0; i < g->nr_events; i++) {
		msg = g->event[i];
		if (msg.op == IVC_MSG_EV_OFFER && !*peer && stub_random(2)) {
			*peer = peer_new(g, member, 1, msg.offer.rx_shift);
			if (peer_take(*peer, &msg)) {
				peer_free(*peer);
				*peer = NULL;
			}
		} else if (msg.op == IVC_MSG_EV_OFFER ||
			   (msg.op == IVC_MSG_EV_GONE &&
			    (!*peer || (*peer)->conn != msg.close.conn))) {
			guest_hangup(g, member, msg.offer.conn, &(u32){ 0 });
		}
	}
	g->nr_events = 0;
}

static void random_requests(bool pv)
{
	u32 i, k, n = stub_times(60);
	struct peer *peer = NULL;
	pthread_t t[PROCS];
	struct guest *other;
	struct job j;
	u64 member, pages;

	job_begin(&j, pv);
	other = guest_new(j.dom0, 2);
	guest_open(other);
	STUB_CHECK(!guest_register(other, JOB_MAGIC, 2, &member));
	pages = stub_pages();
	for (i = 0; i < PROCS; i++)
		begin(&procs[i], &j);
	stub_jitter(20);
	for (i = 0; i < n; i++) {
		for (k = 0; k < PROCS; k++)
			t[k] = stub_thread(j.dom, steps, &procs[k]);
		for (k = 0; k < 4; k++)
			other_steps(other, member, &peer);
		for (k = 0; k < PROCS; k++)
			stub_join(t[k]);
		job_enter(&j);
		job_audit();
	}
	stub_jitter(0);
	for (i = 0; i < PROCS; i++)
		stub_proc_exit(procs[i].p);
	if (peer) {
		peer_close(peer, -EPIPE);
		peer_free(peer);
	}
	job_enter(&j);
	job_audit();
	job_end(&j);
	guest_close(other);
	guest_free(other);
	STUB_CHECK(stub_pages() < pages);
	STUB_CHECK(!stub_count(j.dom).grants);
	STUB_CHECK(!stub_count(j.dom).handles);
	job_exit(&j);
}

static void random_pv(void)
{
	random_requests(true);
}

static void random_pvh(void)
{
	random_requests(false);
}

const struct stub_test stub_tests[] = {
	{ "random-pv", random_pv },
	{ "random-pvh", random_pvh },
	{},
};
