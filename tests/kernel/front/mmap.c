// SPDX-License-Identifier: GPL-2.0
/*
 * The regions of a channel in a process: the effect of mremap(), fork() and a
 * second mmap(), in a PV and in a PVH guest.
 */
#include <signal.h>
#include <sys/mman.h>
#include <ivc/protocol/abi.h>

#include "job.h"
#include "peer.h"

#define SHIFT 14
#define SIZE (PAGE_SIZE + (1u << SHIFT))

struct pair {
	struct job job;
	struct guest *other;
	struct peer *peer;
	int fd;
	void *at;
};

/* A process of domain 1, with a channel to a guest that the test plays. */
static void pair_begin(struct pair *p, bool pv)
{
	u64 member;

	job_begin(&p->job, pv);
	p->other = guest_new(p->job.dom0, 2);
	guest_open(p->other);
	STUB_CHECK(!guest_register(p->other, JOB_MAGIC, 2, &member));
	p->peer = peer_new(p->other, member, 1, SHIFT);
	job_enter(&p->job);
	p->fd = job_connect(p->job.ctx, member, 1u << SHIFT);
	peer_accept(p->peer);
	job_enter(&p->job);
	STUB_WAIT_FOR(job_info(p->fd).state == IVC_ABI_OPEN);
	p->at = stub_mmap(SIZE, PROT_READ, MAP_SHARED, p->fd, IVC_MAP_PEER);
	STUB_CHECK(!IS_ERR(p->at));
}

static void pair_end(struct pair *p)
{
	peer_close(p->peer, -EPIPE);
	peer_free(p->peer);
	job_end(&p->job);
	guest_close(p->other);
	guest_free(p->other);
	job_exit(&p->job);
}

/* Each page has what the peer has written. */
static void see_all(struct pair *p)
{
	u32 i;

	for (i = 1; i < p->peer->nr; i++) {
		unsigned char *from = page_address(p->peer->page[i]);
		unsigned char *to =
			(unsigned char *)p->at + PAGE_SIZE * (i - 1);

		STUB_CHECK(!stub_touch(to, false));
		from[100] = (unsigned char)(0x40 + i);
		STUB_CHECK(to[100] == 0x40 + i);
		STUB_CHECK(stub_touch(to, true) == SIGSEGV);
	}
}

static void moved(bool pv)
{
	struct pair p;
	u64 handles;
	int i;

	pair_begin(&p, pv);
	see_all(&p);
	handles = stub_count(p.job.dom).handles;
	for (i = 0; i < 3; i++) {
		STUB_CHECK(IS_ERR(stub_mremap(p.at, SIZE, SIZE,
					      MREMAP_MAYMOVE | MREMAP_FIXED,
					      NULL)));
		/* The region is still at its address, whole. */
		see_all(&p);
		STUB_CHECK(stub_count(p.job.dom).handles == handles);
		job_audit();
	}
	STUB_CHECK(!stub_munmap(p.at, SIZE));
	job_audit();
	/* And the region can be mapped again. */
	p.at = stub_mmap(SIZE, PROT_READ, MAP_SHARED, p.fd, IVC_MAP_PEER);
	STUB_CHECK(!IS_ERR(p.at));
	see_all(&p);
	pair_end(&p);
}

static void moved_pv(void)
{
	moved(true);
}

static void moved_pvh(void)
{
	moved(false);
}

/* A region cannot be split, be extended, or be inherited. */
static void kept_whole(void)
{
	struct stub_proc *child;
	struct pair p;

	pair_begin(&p, true);
	see_all(&p);
	STUB_CHECK(stub_munmap(p.at, PAGE_SIZE) == -EINVAL);
	STUB_CHECK(stub_mprotect(p.at, PAGE_SIZE, PROT_NONE) == -EINVAL);
	STUB_CHECK(stub_mprotect(p.at, SIZE, PROT_READ | PROT_WRITE) ==
		   -EACCES);
	STUB_CHECK(IS_ERR(stub_mremap(p.at, SIZE, PAGE_SIZE, 0, NULL)));
	STUB_CHECK(IS_ERR(
		stub_mremap(p.at, SIZE, 2 * SIZE, MREMAP_MAYMOVE, NULL)));
	STUB_CHECK(stub_madvise(p.at, SIZE, MADV_DOFORK) == -EINVAL);
	child = stub_fork();
	see_all(&p);
	job_audit();
	stub_proc_exit(child);
	job_enter(&p.job);
	/*
	 * Without access and with it again: the entries are removed and made
	 * again.
	 */
	STUB_CHECK(!stub_mprotect(p.at, SIZE, PROT_NONE));
	STUB_CHECK(stub_touch(p.at, false) == SIGSEGV);
	job_audit();
	STUB_CHECK(!stub_mprotect(p.at, SIZE, PROT_READ));
	see_all(&p);
	pair_end(&p);
}

/* Each region is mapped once, because mappings cost handles of the guest. */
static void once(void)
{
	static const struct {
		loff_t at;
		size_t size;
		int prot;
	} regions[] = {
		{ IVC_MAP_KCTL, PAGE_SIZE, PROT_READ },
		{ IVC_MAP_OWN, SIZE, PROT_READ | PROT_WRITE },
		{ IVC_MAP_PEER, SIZE, PROT_READ },
	};
	struct pair p;
	void *at;
	u32 i;

	pair_begin(&p, true);
	STUB_CHECK(!stub_munmap(p.at, SIZE));
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		at = stub_mmap(regions[i].size, regions[i].prot, MAP_SHARED,
			       p.fd, regions[i].at);
		STUB_CHECK(!IS_ERR(at));
		STUB_CHECK(stub_mmap(regions[i].size, regions[i].prot,
				     MAP_SHARED, p.fd,
				     regions[i].at) == ERR_PTR(-EBUSY));
		STUB_CHECK(IS_ERR(
			stub_mremap(at, regions[i].size, regions[i].size,
				    MREMAP_MAYMOVE | MREMAP_FIXED, NULL)));
		STUB_CHECK(stub_mmap(regions[i].size, regions[i].prot,
				     MAP_SHARED, p.fd,
				     regions[i].at) == ERR_PTR(-EBUSY));
		STUB_CHECK(!stub_munmap(at, regions[i].size));
		at = stub_mmap(regions[i].size, regions[i].prot, MAP_SHARED,
			       p.fd, regions[i].at);
		STUB_CHECK(!IS_ERR(at));
		job_audit();
	}
	/* A mapping that has failed does not count. */
	STUB_CHECK(stub_mmap(SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd,
			     IVC_MAP_PEER) == ERR_PTR(-EACCES));
	pair_end(&p);
}

/* The copy of unread data is at the region's address, wherever it was moved. */
static void moved_and_ended(void)
{
	struct pair p;

	pair_begin(&p, true);
	see_all(&p);
	stub_mremap(p.at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, NULL);
	peer_close(p.peer, -EPIPE);
	job_enter(&p.job);
	STUB_WAIT_FOR(job_info(p.fd).state == IVC_ABI_CLOSED);
	STUB_CHECK(!stub_touch(p.at, false));
	stub_mremap(p.at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, NULL);
	STUB_CHECK(!stub_touch((char *)p.at + SIZE - 1, false));
	STUB_CHECK(!stub_munmap(p.at, SIZE));
	pair_end(&p);
}

const struct stub_test stub_tests[] = {
	{ "moved-pv", moved_pv },
	{ "moved-pvh", moved_pvh },
	{ "kept-whole", kept_whole },
	{ "once", once },
	{ "moved-and-ended", moved_and_ended },
	{},
};
