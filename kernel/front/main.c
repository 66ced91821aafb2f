// SPDX-License-Identifier: GPL-2.0
/* ivc-front: the module and its parts. */
#include <ivc/version.h>

#include "../common/module.h"
#include "../common/table.h"
#include "front.h"

struct ivc_front ivc_front = {
	.lock = __SPIN_LOCK_UNLOCKED(ivc_front.lock),
	.ctxs = LIST_HEAD_INIT(ivc_front.ctxs),
	.chans = LIST_HEAD_INIT(ivc_front.chans),
	.all = LIST_HEAD_INIT(ivc_front.all),
	.moved = __WAIT_QUEUE_HEAD_INITIALIZER(ivc_front.moved),
};

static int front_init(void)
{
	xa_init(&ivc_front.conns);
	ivc_front.wq = alloc_workqueue("ivc-front", WQ_UNBOUND, 0);
	return ivc_front.wq ? 0 : -ENOMEM;
}

static void front_exit(void)
{
	destroy_workqueue(ivc_front.wq);
	ivc_table_end(&ivc_front.conns);
}

static const struct ivc_part parts[] = {
	{ front_init, front_exit },
	{ NULL, ivcf_backend_page_exit },
	{ ivcf_debugfs_init, ivcf_debugfs_exit },
	{ NULL, ivcf_abandon_all },
	{ ivcf_xenbus_init, ivcf_xenbus_exit },
	/*
	 * Last, because a process may open the device at once. The open file
	 * holds the module, but a module whose init fails is freed
	 * nevertheless. Unloading begins here with no descriptor open, because
	 * each holds the module.
	 */
	{ ivcf_context_fd_init, ivcf_context_fd_exit },
};
ivc_module(parts);

MODULE_DESCRIPTION("IVC frontend: shared-memory channels between guests");
MODULE_VERSION(IVC_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen:ivc");
MODULE_ALIAS("devname:ivc");
