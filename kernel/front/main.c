// SPDX-License-Identifier: GPL-2.0
/* ivc-front: module init and exit. */
#include <linux/module.h>
#include <xen/xen.h>
#include <ivc/version.h>

#include "../table.h"
#include "front.h"

struct ivc_front ivc_front = {
	.lock = __SPIN_LOCK_UNLOCKED(ivc_front.lock),
	.ctxs = LIST_HEAD_INIT(ivc_front.ctxs),
	.chans = LIST_HEAD_INIT(ivc_front.chans),
	.all = LIST_HEAD_INIT(ivc_front.all),
	.moved = __WAIT_QUEUE_HEAD_INITIALIZER(ivc_front.moved),
};

static int __init ivc_front_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;

	xa_init(&ivc_front.conns);
	ivc_front.wq = alloc_workqueue("ivc-front", WQ_UNBOUND, 0);
	if (!ivc_front.wq)
		return -ENOMEM;
	ivcf_debugfs_init();
	err = ivcf_xenbus_init();
	if (err)
		goto err_debugfs;
	/*
	 * Last, because a process may open the device at once. The open file
	 * holds the module, but a module whose init fails is freed
	 * nevertheless.
	 */
	err = ivcf_context_fd_init();
	if (err)
		goto err_xenbus;
	return 0;

err_xenbus:
	ivcf_xenbus_exit();
err_debugfs:
	ivcf_debugfs_exit();
	ivcf_backend_page_exit();
	destroy_workqueue(ivc_front.wq);
	return err;
}
module_init(ivc_front_init);

static void __exit ivc_front_exit(void)
{
	/* No descriptor is open, because each holds the module. */
	ivcf_context_fd_exit();
	ivcf_xenbus_exit();
	ivcf_abandon_all();
	ivcf_debugfs_exit();
	ivcf_backend_page_exit();
	destroy_workqueue(ivc_front.wq);
	ivc_table_end(&ivc_front.conns);
}
module_exit(ivc_front_exit);

MODULE_DESCRIPTION("IVC frontend: shared-memory channels between guests");
MODULE_VERSION(IVC_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen:ivc");
MODULE_ALIAS("devname:ivc");
