// SPDX-License-Identifier: GPL-2.0
/* A guest with the real frontend at the real backend: a process registers. */
#include <ivc/protocol/abi.h>

#include "stub.h"

static bool attached(int fd)
{
	struct ivc_abi_version v;

	STUB_CHECK(!stub_ioctl(fd, IVC_IOC_VERSION, &v));
	return v.attached;
}

static void alone(void)
{
	struct stub_dom *dom0 = stub_dom_new(0, true);
	struct stub_dom *guest = stub_dom_new(1, false);
	struct ivc_abi_register reg = { .magic = 1, .id = 2 };
	struct ivc_abi_hosts hosts = { .count = 0 };
	struct stub_proc *p;
	int fd;

	stub_enter(dom0);
	STUB_CHECK(!stub_back_init());
	stub_enter(guest);
	STUB_CHECK(!stub_front_init());
	stub_attach(dom0, guest);
	p = stub_proc_new(16);
	stub_proc_enter(p);
	fd = stub_open("ivc");
	STUB_CHECK(fd >= 0);
	STUB_WAIT_FOR(attached(fd));
	STUB_CHECK(!stub_ioctl(fd, IVC_IOC_REGISTER, &reg) && reg.member);
	STUB_CHECK(!stub_ioctl(fd, IVC_IOC_HOSTS, &hosts) && !hosts.total);
	stub_proc_exit(p);
	stub_front_exit();
	stub_enter(dom0);
	stub_back_exit();
}

const struct stub_test stub_tests[] = {
	{ "alone", alone },
	{},
};
