// SPDX-License-Identifier: GPL-2.0
/* ivc-back: the module and its parts. */
#include <ivc/version.h>

#include "../common/module.h"
#include "../common/table.h"
#include "back.h"

struct ivc_back ivc_back = {
	.lock = __MUTEX_INITIALIZER(ivc_back.lock),
	.fes = LIST_HEAD_INIT(ivc_back.fes),
	.groups = LIST_HEAD_INIT(ivc_back.groups),
	.late = LIST_HEAD_INIT(ivc_back.late),
};

static int back_init(void)
{
	xa_init(&ivc_back.members);
	xa_init_flags(&ivc_back.conns, XA_FLAGS_ALLOC1);
	ivc_back.wq = alloc_workqueue("ivc-back", WQ_UNBOUND, 0);
	return ivc_back.wq ? 0 : -ENOMEM;
}

static void back_exit(void)
{
	destroy_workqueue(ivc_back.wq);
	ivc_table_end(&ivc_back.members);
	ivc_table_end(&ivc_back.conns);
}

static const struct ivc_part parts[] = {
	{ back_init, back_exit },
	{ NULL, ivcb_notify_exit },
	{ ivcb_debugfs_init, ivcb_debugfs_exit },
	/* Its end disconnects every device, and with it all members go. */
	{ ivcb_xenbus_init, ivcb_xenbus_exit },
};
ivc_module(parts);

MODULE_DESCRIPTION("IVC backend: groups and connections of guests' processes");
MODULE_VERSION(IVC_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen-backend:ivc");
