// SPDX-License-Identifier: GPL-2.0
/*
 * A page that is granted to the backend.
 *
 * A device that is detached by force disappears in the guest and in Dom0 at the
 * same time, so the backend may still map the page when the frontend is
 * finished with it. gnttab_end_foreign_access() would free such a page later,
 * but has to allocate memory for that, and loses the page if it gets none. So
 * this file has a list of such pages, made of memory that was allocated with
 * each page, and tries again.
 */
#include <linux/slab.h>
#include <xen/grant_table.h>

#include "front.h"

#define AGAIN (HZ / 4)

static LIST_HEAD(ended);
static DEFINE_MUTEX(ended_lock);

static void ended_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(again, ended_work);

struct ivc_backend_page *ivcf_backend_page_grant(struct xenbus_device *dev)
{
	struct ivc_backend_page *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int err;

	if (!p)
		return ERR_PTR(-ENOMEM);
	err = xenbus_setup_ring(dev, GFP_KERNEL, &p->at, 1, &p->ref);
	if (err) {
		kfree(p);
		return ERR_PTR(err);
	}
	return p;
}

/* False if the backend still maps the page. */
static bool take_back(struct ivc_backend_page *p)
{
	if (!gnttab_try_end_foreign_access(p->ref))
		return false;
	p->ref = INVALID_GRANT_REF;
	xenbus_teardown_ring(&p->at, 1, &p->ref);
	kfree(p);
	return true;
}

/* Under ended_lock. */
static void try_ended(void)
{
	struct ivc_backend_page *p, *next;

	list_for_each_entry_safe (p, next, &ended, node) {
		list_del(&p->node);
		if (!take_back(p))
			list_add(&p->node, &ended);
	}
}

static void try_later(void)
{
	if (!list_empty(&ended))
		queue_delayed_work(ivc_front.wq, &again, AGAIN);
}

static void ended_work(struct work_struct *work)
{
	mutex_lock(&ended_lock);
	try_ended();
	try_later();
	mutex_unlock(&ended_lock);
}

void ivcf_backend_page_end(struct ivc_backend_page *p)
{
	if (!p || take_back(p))
		return;
	mutex_lock(&ended_lock);
	list_add(&p->node, &ended);
	try_later();
	mutex_unlock(&ended_lock);
}

/* The module is unloaded: Linux frees the pages that are still mapped. */
void ivcf_backend_page_exit(void)
{
	struct ivc_backend_page *p, *next;

	cancel_delayed_work_sync(&again);
	try_ended();
	list_for_each_entry_safe (p, next, &ended, node) {
		list_del(&p->node);
		xenbus_teardown_ring(&p->at, 1, &p->ref);
		kfree(p);
	}
}
