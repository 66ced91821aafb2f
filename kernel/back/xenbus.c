// SPDX-License-Identifier: GPL-2.0
/*
 * One xenbus device per guest. docs/reference/protocol.md 1.3 has the states of
 * both sides. What the backend does when the state of the frontend changes:
 *
 *                 frontend Initialised, Connected
 *     InitWait ------------------------------------> Connected
 *      ^    ^                                         |
 *      |    | frontend Initialising                   | frontend Closing
 *      |    +-------------- Closed <--- Closing <-----+ frontend Closed or gone
 *    probe                    |            ^
 *                             |            | frontend broke the protocol
 *                             v            |
 *                           unregister, if offline or the frontend is gone
 *
 * The xenstore watch that calls frontend_changed() may fire twice for one
 * change or skip states. So each step first checks the present state, and to
 * disconnect twice has no effect.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <xen/events.h>

#include "../common/table.h"
#include "back.h"

static irqreturn_t fe_event(int irq, void *data)
{
	struct ivc_fe *fe = data;

	queue_delayed_work(ivc_back.wq, &fe->work, 0);
	return IRQ_HANDLED;
}

/*
 * End all members and connections of @fe; the device may stay. Under the lock.
 */
static void fe_drop(struct ivc_fe *fe)
{
	while (!list_empty(&fe->members))
		ivcb_member_leave(list_first_entry(&fe->members,
						   struct ivc_member, in_fe));
	ivcb_conn_drop_fe(fe);
}

static const struct ivc_fe_ops fe_ops = {
	.request = ivcb_request,
	.drop = fe_drop,
};

static void unmap_pages(struct ivc_fe *fe)
{
	if (fe->table)
		xenbus_unmap_ring_vfree(fe->dev, fe->table);
	if (fe->ctl)
		xenbus_unmap_ring_vfree(fe->dev, fe->ctl);
}

/* Map the page whose grant reference is in node @name. */
static int map_page(struct ivc_fe *fe, const char *name, void *va)
{
	struct xenbus_device *dev = fe->dev;
	grant_ref_t ref;
	int err;

	err = xenbus_gather(XBT_NIL, dev->otherend, name, "%u", &ref, NULL);
	if (err) {
		xenbus_dev_fatal(dev, err, "reading %s/%s", dev->otherend,
				 name);
		return err;
	}
	/*
	 * One page at a time: if one of several cannot be mapped, Linux 6.1
	 * does not unmap those after it.
	 */
	err = xenbus_map_ring_valloc(dev, &ref, 1, va);
	/* xenbus_map_ring_valloc() does not report all of its errors. */
	if (err)
		xenbus_dev_fatal(dev, err, "mapping %s", name);
	return err;
}

static int fe_version_ok(struct xenbus_device *dev)
{
	unsigned int version = 0;

	if (xenbus_scanf(XBT_NIL, dev->otherend, "version", "%u", &version) ==
		    1 &&
	    version == IVC_PROTOCOL_VERSION)
		return 0;
	xenbus_dev_fatal(dev, -EPROTONOSUPPORT,
			 "frontend speaks version %u, backend speaks %u",
			 version, IVC_PROTOCOL_VERSION);
	return -EPROTONOSUPPORT;
}

static void fe_free(struct ivc_fe *fe)
{
	unmap_pages(fe);
	ivc_table_end(&fe->pairs);
	kfree(fe);
}

static void fe_disconnect(struct xenbus_device *dev)
{
	struct ivc_fe *fe = dev_get_drvdata(&dev->dev);

	if (!fe)
		return;
	dev_set_drvdata(&dev->dev, NULL);

	/*
	 * In this order: other frontends stop queueing the work item, its
	 * interrupt stops, and a run in progress ends. After that nothing can
	 * give the frontend another member or connection.
	 */
	mutex_lock(&ivc_back.lock);
	fe->state = FE_ENDED;
	mutex_unlock(&ivc_back.lock);
	disable_irq(fe->irq);
	cancel_delayed_work_sync(&fe->work);
	/* Remove it from all lists; then its pages can be unmapped. */
	mutex_lock(&ivc_back.lock);
	fe_drop(fe);
	list_del(&fe->node);
	ivcb_audit();
	mutex_unlock(&ivc_back.lock);
	/* The last EOI may be missing: the irq is unbound anyway. */
	unbind_from_irqhandler(fe->irq, fe);
	/* A guest can cause this message in a loop: rate-limited. */
	dev_info_ratelimited(&dev->dev, "guest %u disconnected\n", fe->domid);
	fe_free(fe);
}

/* Allocate the frontend. Its work item does nothing before fe_start(). */
static int fe_connect(struct xenbus_device *dev)
{
	evtchn_port_t port;
	struct ivc_fe *fe;
	int err;

	err = fe_version_ok(dev);
	if (err)
		return err;
	fe = kzalloc(sizeof(*fe), GFP_KERNEL);
	if (!fe) {
		xenbus_dev_fatal(dev, -ENOMEM, "connecting");
		return -ENOMEM;
	}
	fe->ops = &fe_ops;
	fe->dev = dev;
	fe->domid = dev->otherend_id;
	fe->state = FE_STARTING;
	INIT_LIST_HEAD(&fe->members);
	INIT_LIST_HEAD(&fe->ends);
	INIT_LIST_HEAD(&fe->owed);
	xa_init(&fe->pairs);
	INIT_DELAYED_WORK(&fe->work, ivcb_ctlring_work);
	ivcb_policy_read(fe);

	err = map_page(fe, "ring-ref", &fe->ctl)
		      ?: map_page(fe, "table-ref", &fe->table);
	if (err)
		goto err_unmap;
	if (xenbus_scanf(XBT_NIL, dev->otherend, "event-channel", "%u",
			 &port) != 1) {
		err = -EINVAL;
		xenbus_dev_fatal(dev, err, "reading %s/event-channel",
				 dev->otherend);
		goto err_unmap;
	}
	/*
	 * The first interrupt may come at once. Its work item takes the lock,
	 * so it finds fe->irq, which it needs to notify and to send the EOI.
	 */
	mutex_lock(&ivc_back.lock);
	err = bind_interdomain_evtchn_to_irqhandler_lateeoi(dev, port, fe_event,
							    0, "ivc-back", fe);
	if (err >= 0) {
		fe->irq = err;
		list_add_tail(&fe->node, &ivc_back.fes);
	}
	mutex_unlock(&ivc_back.lock);
	if (err < 0) {
		xenbus_dev_fatal(dev, err, "binding event channel %u", port);
		goto err_unmap;
	}
	dev_set_drvdata(&dev->dev, fe);
	dev_info_ratelimited(&dev->dev, "guest %u connected, realm %s\n",
			     fe->domid, fe->realm);
	return 0;

err_unmap:
	fe_free(fe);
	return err;
}

/*
 * Called after the device is Connected, because the work item may find at once
 * that the ring is broken, and then switch to Closing.
 */
static void fe_start(struct xenbus_device *dev)
{
	struct ivc_fe *fe = dev_get_drvdata(&dev->dev);

	mutex_lock(&ivc_back.lock);
	fe->state = FE_OPEN;
	mutex_unlock(&ivc_back.lock);
	/* Requests may be waiting from before the event channel was bound. */
	queue_delayed_work(ivc_back.wq, &fe->work, 0);
}

static int back_probe(struct xenbus_device *dev,
		      const struct xenbus_device_id *id)
{
	int err;

	err = xenbus_printf(XBT_NIL, dev->nodename, "versions", "%u",
			    IVC_PROTOCOL_VERSION);
	if (!err)
		err = xenbus_printf(XBT_NIL, dev->nodename, "features", "%s",
				    "");
	if (!err)
		err = xenbus_switch_state(dev, XenbusStateInitWait);
	if (err)
		xenbus_dev_fatal(dev, err, "writing %s", dev->nodename);
	return err;
}

static void back_remove(struct xenbus_device *dev)
{
	fe_disconnect(dev);
}

/* Remove a directory if it is empty; another writer may just be filling it. */
static void remove_empty(const char *dir)
{
	struct xenbus_transaction xbt;
	unsigned int n = 0;
	char **list;

	do {
		if (xenbus_transaction_start(&xbt))
			return;
		list = xenbus_directory(xbt, dir, "", &n);
		if (IS_ERR(list))
			n = 1;
		else
			kfree(list);
		if (!n)
			xenbus_rm(xbt, dir, "");
	} while (xenbus_transaction_end(xbt, n) == -EAGAIN);
}

/*
 * Remove the device's nodes: xl removes only those of the devices that it
 * knows. Once the whole domain has gone, no program can use the nodes again.
 */
static void sweep(struct xenbus_device *dev)
{
	char path[48];

	snprintf(path, sizeof(path), "/local/domain/%d", dev->otherend_id);
	if (xenbus_exists(XBT_NIL, path, ""))
		return;
	xenbus_rm(XBT_NIL, dev->nodename, "");
	/* The directories above, of the guest and of all IVC devices. */
	snprintf(path, sizeof(path), "backend/ivc/%d", dev->otherend_id);
	remove_empty(path);
	remove_empty("backend/ivc");
}

static void frontend_changed(struct xenbus_device *dev,
			     enum xenbus_state frontend_state)
{
	/*
	 * While connected, the work item may change dev->state: not tested
	 * then.
	 */
	bool connected = dev_get_drvdata(&dev->dev);

	switch (frontend_state) {
	case XenbusStateInitialising:
		if (connected)
			break;
		if (READ_ONCE(dev->state) == XenbusStateClosed)
			xenbus_switch_state(dev, XenbusStateInitWait);
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (connected || READ_ONCE(dev->state) != XenbusStateInitWait ||
		    fe_connect(dev))
			break;
		xenbus_switch_state(dev, XenbusStateConnected);
		fe_start(dev);
		break;
	case XenbusStateClosing:
		fe_disconnect(dev);
		if (READ_ONCE(dev->state) != XenbusStateClosed)
			xenbus_switch_state(dev, XenbusStateClosing);
		break;
	case XenbusStateClosed:
		/*
		 * A state from before this module was loaded: it will start
		 * over.
		 */
		if (READ_ONCE(dev->state) == XenbusStateInitWait &&
		    xenbus_dev_is_online(dev))
			break;
		fe_disconnect(dev);
		xenbus_switch_state(dev, XenbusStateClosed);
		if (xenbus_dev_is_online(dev))
			break;
		device_unregister(&dev->dev);
		break;
	case XenbusStateUnknown:
		/*
		 * Its directory is gone: the domain has gone, or was detached.
		 */
		fe_disconnect(dev);
		xenbus_switch_state(dev, XenbusStateClosed);
		sweep(dev);
		device_unregister(&dev->dev);
		break;
	default:
		fe_disconnect(dev);
		xenbus_dev_fatal(dev, -EINVAL, "frontend in state %d",
				 frontend_state);
		break;
	}
}

static const struct xenbus_device_id back_ids[] = { { "ivc" }, { "" } };
MODULE_DEVICE_TABLE(xenbus, back_ids);

static struct xenbus_driver back_driver = {
	.ids = back_ids,
	.probe = back_probe,
	.remove = back_remove,
	.otherend_changed = frontend_changed,
};

int ivcb_xenbus_init(void)
{
	return xenbus_register_backend(&back_driver);
}

void ivcb_xenbus_exit(void)
{
	xenbus_unregister_driver(&back_driver);
}
