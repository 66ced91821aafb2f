// SPDX-License-Identifier: GPL-2.0
/*
 * Member numbers beyond 32 bits: no member is refused or taken for another, and
 * each request that names a member names the right one.
 */
#include "job.h"
#include "../../../kernel/back/back.h"

static u64 hosts(int ctx, struct ivc_abi_host *host, u32 max)
{
	struct ivc_abi_hosts h = { .buf = (u64)(unsigned long)host,
				   .count = max };

	STUB_CHECK(!stub_ioctl(ctx, IVC_IOC_HOSTS, &h));
	return h.total;
}

static void beyond(void)
{
	struct ivc_abi_host host[8];
	struct ivc_abi_connect con = { 0 };
	struct ivc_abi_accept acc = { 0 };
	int ctx[4], fd;
	struct job j;
	u64 member[4];
	u32 i;

	job_begin(&j, false);
	mutex_lock(&ivc_back.lock);
	STUB_CHECK(ivc_back.next_member == j.member);
	ivc_back.next_member = U32_MAX - 2ull;
	mutex_unlock(&ivc_back.lock);
	for (i = 0; i < 4; i++) {
		ctx[i] = job_register(10 + i, &member[i]);
		STUB_CHECK(member[i] == U32_MAX - 1ull + i);
	}
	/* In ascending order, also if the list is read page by page. */
	STUB_CHECK(hosts(j.ctx, host, 8) == 4);
	for (i = 0; i < 4; i++) {
		STUB_CHECK(host[i].member == member[i]);
		STUB_CHECK(host[i].id == 10 + i);
	}
	/* The lower 32 bits are those of the first member, or of none. */
	STUB_CHECK((u32)(member[2] + j.member) == j.member);
	con.member = member[2] + j.member;
	STUB_CHECK(con.member == member[3]);
	con.member += 1ull << 32;
	STUB_CHECK(stub_ioctl(j.ctx, IVC_IOC_CONNECT, &con) == -ENOENT);
	con.member = (u32)member[3];
	STUB_CHECK(con.member == j.member);
	STUB_CHECK(stub_ioctl(ctx[0], IVC_IOC_CONNECT, &con) == 0);
	STUB_CHECK(stub_poll(j.ctx, POLLIN, 20000) & POLLIN);
	STUB_CHECK(!stub_close(con.fd));
	/*
	 * Connect from a member beyond 32 bits to another. Each knows the
	 * other.
	 */
	fd = job_connect(ctx[2], member[3], PAGE_SIZE);
	STUB_CHECK(fd >= 0);
	STUB_CHECK(stub_poll(ctx[3], POLLIN, 20000) & POLLIN);
	STUB_CHECK(!stub_ioctl(ctx[3], IVC_IOC_ACCEPT, &acc));
	STUB_CHECK(acc.peer.member == member[2] && acc.peer.id == 12);
	STUB_WAIT_FOR(job_info(fd).state == IVC_ABI_OPEN);
	STUB_CHECK(job_info(fd).peer.member == member[3]);
	/* A close names the member, too. */
	STUB_CHECK(!stub_close(fd));
	STUB_WAIT_FOR(job_info(acc.fd).state == IVC_ABI_CLOSED);
	STUB_CHECK(!stub_close(ctx[2]));
	STUB_WAIT_FOR(hosts(j.ctx, host, 8) == 3);
	STUB_CHECK(host[2].member == member[3]);
	job_end(&j);
	job_exit(&j);
}

const struct stub_test stub_tests[] = {
	{ "beyond", beyond },
	{},
};
