// SPDX-License-Identifier: GPL-2.0
/*
 * A channel and a context end with the process that they belong to, not before,
 * and even if another process has inherited the descriptor.
 */
#include <ivc/protocol/abi.h>

#include "job.h"

struct pair {
	struct job job;		/* the process that connects */
	struct stub_proc *peer; /* the process that accepts */
	int ctx, fd;		/* the peer's descriptors */
	u64 member;
	int mine; /* the first process's channel */
};

static void pair_begin(struct pair *p)
{
	job_begin(&p->job, false);
	p->peer = stub_proc_new(16);
	stub_proc_enter(p->peer);
	p->ctx = job_register(2, &p->member);
	job_enter(&p->job);
	p->mine = job_connect(p->job.ctx, p->member, PAGE_SIZE);
	STUB_CHECK(p->mine >= 0);
	stub_proc_enter(p->peer);
	p->fd = job_accept(p->ctx);
	STUB_CHECK(p->fd >= 0);
	job_enter(&p->job);
	STUB_WAIT_FOR(job_info(p->mine).state == IVC_ABI_OPEN);
}

static u32 others(int ctx)
{
	struct ivc_abi_hosts hosts = { .count = 0 };

	STUB_CHECK(!stub_ioctl(ctx, IVC_IOC_HOSTS, &hosts));
	return hosts.total;
}

/* The peer learns of the end, and the process id of the first is free again. */
static void pair_ended(struct pair *p, int status)
{
	struct stub_proc *again;
	u64 member;

	stub_proc_enter(p->peer);
	STUB_WAIT_FOR(job_info(p->fd).state == IVC_ABI_CLOSED);
	STUB_CHECK(job_info(p->fd).status == status);
	STUB_WAIT_FOR(!others(p->ctx));
	again = stub_proc_new(4);
	stub_proc_enter(again);
	job_register(1, &member);
	stub_proc_exit(again);
}

static void pair_open(struct pair *p)
{
	stub_proc_enter(p->peer);
	/*
	 * A reply from the backend comes after all events that were sent
	 * before.
	 */
	STUB_CHECK(others(p->ctx) == 1);
	STUB_CHECK(job_info(p->fd).state == IVC_ABI_OPEN);
}

static void pair_end(struct pair *p, struct stub_proc *child)
{
	if (child)
		stub_proc_exit(child);
	stub_proc_exit(p->peer);
	stub_enter(p->job.dom);
	if (p->job.proc) {
		job_end(&p->job);
	} else {
		stub_proc_enter(NULL);
		stub_enter(p->job.dom);
		stub_front_exit();
	}
	job_exit(&p->job);
}

static void parent_exits(void)
{
	struct stub_proc *child;
	struct pair p;

	pair_begin(&p);
	child = stub_fork();
	stub_proc_exit(p.job.proc);
	p.job.proc = NULL;
	pair_ended(&p, -ECONNRESET);
	/* The child's descriptors are useless. */
	stub_proc_enter(child);
	STUB_CHECK(job_info(p.mine).state == IVC_ABI_CLOSED);
	STUB_CHECK(stub_ioctl(p.job.ctx, IVC_IOC_HOSTS,
			      &(struct ivc_abi_hosts){ 0 }) == -ENOTCONN);
	pair_end(&p, child);
}

static void parent_execs(void)
{
	struct stub_proc *child;
	struct pair p;

	pair_begin(&p);
	child = stub_fork();
	stub_exec();
	pair_ended(&p, -ECONNRESET);
	pair_end(&p, child);
}

static void parent_closes(void)
{
	struct stub_proc *child;
	struct pair p;

	pair_begin(&p);
	child = stub_fork();
	STUB_CHECK(!stub_ioctl(p.mine, IVC_IOC_CLOSE, NULL));
	STUB_CHECK(!stub_close(p.mine));
	STUB_CHECK(!stub_close(p.job.ctx));
	pair_ended(&p, -EPIPE);
	pair_end(&p, child);
}

/* A child that ends its inherited descriptors does not affect its parent. */
static void child_ends(void)
{
	struct stub_proc *child;
	struct pair p;

	pair_begin(&p);
	child = stub_fork();
	stub_proc_enter(child);
	STUB_CHECK(stub_ioctl(p.mine, IVC_IOC_CLOSE, NULL) == -EPERM);
	STUB_CHECK(!stub_close(p.mine));
	pair_open(&p);
	stub_proc_exit(child);
	pair_open(&p);
	job_enter(&p.job);
	child = stub_fork();
	stub_proc_enter(child);
	stub_exec();
	pair_open(&p);
	pair_end(&p, child);
}

/* A descriptor that dup() copied counts until the last copy is closed. */
static void duplicated(void)
{
	struct stub_proc *child;
	struct pair p;
	int copy;

	pair_begin(&p);
	copy = stub_dup(p.mine);
	STUB_CHECK(copy >= 0);
	child = stub_fork();
	STUB_CHECK(!stub_close(p.mine));
	pair_open(&p);
	job_enter(&p.job);
	STUB_CHECK(!stub_close(copy));
	STUB_CHECK(!stub_close(p.job.ctx));
	pair_ended(&p, -ECONNRESET);
	pair_end(&p, child);
}

struct crowd {
	struct job *job;
	int ctx;
	unsigned int met;
	bool done;
};

static void *accepts(void *arg)
{
	struct crowd *c = arg;
	struct ivc_abi_accept acc;
	long ret;

	job_enter(c->job);
	while (!READ_ONCE(c->done)) {
		if (!stub_poll(c->ctx, POLLIN, 1))
			continue;
		acc = (struct ivc_abi_accept){ 0 };
		ret = stub_ioctl(c->ctx, IVC_IOC_ACCEPT, &acc);
		STUB_CHECK(ret == -EMFILE || ret == -ECONNABORTED ||
			   ret == -EAGAIN);
		if (ret == -EMFILE)
			WRITE_ONCE(c->met, c->met + 1);
	}
	return NULL;
}

/*
 * Neither end of a local pair gets a descriptor. The ends refer to each other,
 * and must be freed nevertheless. The sanitizer reports an end that is not.
 */
static void no_descriptor(void)
{
	unsigned int i, n = stub_times(3000);
	struct crowd c = { .done = false };
	struct job job;
	u64 member, pages;
	pthread_t t;

	job_begin(&job, false);
	c.job = &job;
	c.ctx = job_register(2, &member);
	while (stub_dup(c.ctx) >= 0)
		;
	pages = stub_pages();
	stub_jitter(50);
	t = stub_thread(job.dom, accepts, &c);
	for (i = 0; i < n && READ_ONCE(c.met) < 20; i++)
		STUB_CHECK(job_connect(job.ctx, member, PAGE_SIZE) == -EMFILE);
	WRITE_ONCE(c.done, true);
	stub_join(t);
	stub_jitter(0);
	/* Some pairs must have connected, or the test has shown nothing. */
	STUB_CHECK(c.met);
	STUB_WAIT_FOR(stub_pages() == pages);
	job_end(&job);
	job_exit(&job);
}

const struct stub_test stub_tests[] = {
	{ "parent-exits", parent_exits },
	{ "parent-execs", parent_execs },
	{ "parent-closes", parent_closes },
	{ "child-ends", child_ends },
	{ "duplicated", duplicated },
	{ "no-descriptor", no_descriptor },
	{},
};
