// SPDX-License-Identifier: GPL-2.0
/* ivc-back: module init and exit. */
#include <linux/module.h>
#include <xen/xen.h>
#include <ivc/version.h>

#include "../table.h"
#include "back.h"

struct ivc_back ivc_back = {
	.lock = __MUTEX_INITIALIZER(ivc_back.lock),
	.fes = LIST_HEAD_INIT(ivc_back.fes),
	.groups = LIST_HEAD_INIT(ivc_back.groups),
	.late = LIST_HEAD_INIT(ivc_back.late),
};

static int __init ivc_back_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;

	xa_init(&ivc_back.members);
	xa_init_flags(&ivc_back.conns, XA_FLAGS_ALLOC1);
	ivc_back.wq = alloc_workqueue("ivc-back", WQ_UNBOUND, 0);
	if (!ivc_back.wq)
		return -ENOMEM;

	ivcb_debugfs_init();
	err = ivcb_xenbus_init();
	if (err)
		goto err_debugfs;
	return 0;

err_debugfs:
	ivcb_debugfs_exit();
	ivcb_notify_exit();
	destroy_workqueue(ivc_back.wq);
	return err;
}
module_init(ivc_back_init);

static void __exit ivc_back_exit(void)
{
	/* Ends every device, and with it all members and connections. */
	ivcb_xenbus_exit();
	ivcb_debugfs_exit();
	ivcb_notify_exit();
	destroy_workqueue(ivc_back.wq);
	ivc_table_end(&ivc_back.members);
	ivc_table_end(&ivc_back.conns);
}
module_exit(ivc_back_exit);

MODULE_DESCRIPTION("IVC backend: groups and connections of guests' processes");
MODULE_VERSION(IVC_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen-backend:ivc");
