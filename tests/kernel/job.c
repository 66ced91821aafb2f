// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "job.h"

static bool attached(int fd)
{
	struct ivc_abi_version v;

	STUB_CHECK(!stub_ioctl(fd, IVC_IOC_VERSION, &v));
	return v.attached;
}

int job_register(u32 id, u64 *member)
{
	struct ivc_abi_register reg = { .magic = JOB_MAGIC, .id = id };
	int fd = stub_open("ivc");

	STUB_CHECK(fd >= 0);
	STUB_WAIT_FOR(attached(fd));
	STUB_CHECK(!stub_ioctl(fd, IVC_IOC_REGISTER, &reg) && reg.member);
	*member = reg.member;
	return fd;
}

void job_begin(struct job *j, bool pv)
{
	j->dom0 = stub_dom_new(0, true);
	j->dom = stub_dom_new(1, pv);
	stub_enter(j->dom0);
	STUB_CHECK(!stub_back_init());
	stub_enter(j->dom);
	STUB_CHECK(!stub_front_init());
	stub_attach(j->dom0, j->dom);
	j->proc = stub_proc_new(64);
	job_enter(j);
	j->ctx = job_register(1, &j->member);
}

void job_enter(struct job *j)
{
	stub_proc_enter(j->proc);
}

void job_end(struct job *j)
{
	stub_enter(j->dom);
	stub_proc_exit(j->proc);
	j->proc = NULL;
	stub_proc_enter(NULL);
	stub_enter(j->dom);
	stub_front_exit();
}

void job_exit(struct job *j)
{
	stub_enter(j->dom0);
	stub_back_exit();
}

int job_connect(int ctx, u64 member, u32 size)
{
	struct ivc_abi_connect con = { .member = member,
				       .tx_size = size,
				       .rx_size = size };
	long ret = stub_ioctl(ctx, IVC_IOC_CONNECT, &con);

	return ret ? (int)ret : con.fd;
}

int job_accept(int ctx)
{
	struct ivc_abi_accept acc = { 0 };
	long ret;

	STUB_CHECK(stub_poll(ctx, POLLIN, -1) & POLLIN);
	ret = stub_ioctl(ctx, IVC_IOC_ACCEPT, &acc);
	return ret ? (int)ret : acc.fd;
}

struct ivc_abi_info job_info(int fd)
{
	struct ivc_abi_info info;

	STUB_CHECK(!stub_ioctl(fd, IVC_IOC_INFO, &info));
	return info;
}

/*
 * Compare held and charged. Returns a line that differs, to be freed; or NULL.
 */
static char *not_charged(void)
{
	char *text = stub_debugfs("ivc-front", "held"), *line, *save, what[32];
	unsigned long long charged, held;
	char *found = NULL;

	STUB_CHECK(text);
	for (line = strtok_r(text, "\n", &save); line && !found;
	     line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#')
			continue;
		STUB_CHECK(sscanf(line, "%31s %llu %llu", what, &charged,
				  &held) == 3);
		if (charged != held)
			found = strdup(line);
	}
	free(text);
	return found;
}

void job_audit(void)
{
	u64 end = ktime_get_ns() + 10 * NSEC_PER_SEC;
	char *line;

	while ((line = not_charged())) {
		if (ktime_get_ns() > end)
			stub_bug(line, __FILE__, __LINE__);
		free(line);
		usleep_range(50, 200);
	}
}
