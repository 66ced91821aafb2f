// SPDX-License-Identifier: GPL-2.0
/*
 * The device. A guest has one. Contexts and channels belong to the module and
 * not to the device, so that they outlive a detach. The states are those of
 * docs/reference/protocol.md 1.3. What the frontend does when the backend
 * changes its state:
 *
 *                  backend InitWait            backend Connected
 *   Initialising -------------------> Initialised ------> Connected
 *        ^   (set up and publish the ring)   |                |
 *        |                                   | backend Closing|, Closed
 *        +-------- Closed <------------------+----------------+
 *          backend InitWait again
 */
#include <linux/module.h>

#include "front.h"

/*
 * Serialises connecting and disconnecting. Most of both is done by xenbus's
 * thread. But the event work finds a broken ring, and any process may unbind
 * the driver.
 */
static DEFINE_MUTEX(conn_lock);

/*
 * The backend is gone: the ring ends, contexts are detached, channels are
 * handed over. A second call does nothing. After a suspend only the ring is
 * left to end. Under conn_lock.
 */
static void drop_backend(int reason)
{
	if (ivc_front.dev)
		dev_info(&ivc_front.dev->dev, "disconnected\n");
	WRITE_ONCE(ivc_front.dev, NULL);
	ivcf_ctl_disconnect();
	ivcf_ctx_detach_all(reason, false);
	ivcf_hand_over_all(reason, false);
	ivcf_orphan_all();
}

static void disconnect(int reason)
{
	mutex_lock(&conn_lock);
	drop_backend(reason);
	mutex_unlock(&conn_lock);
}

/*
 * Act as if the backend had gone to Closing; unless a new backend has connected
 * meanwhile.
 */
static void broken(struct work_struct *work)
{
	mutex_lock(&conn_lock);
	if (ivcf_ctl_broken())
		drop_backend(-ENODEV);
	mutex_unlock(&conn_lock);
}
static DECLARE_WORK(broken_work, broken);

static void ring_broken(void)
{
	schedule_work(&broken_work);
}

/* EV_GONE names an offer that waits in its context, or a channel. */
static void gone(const struct ivc_msg *msg)
{
	if (!ivcf_ctx_withdraw(msg))
		ivcf_conn_gone(msg);
}

static const struct ivc_ctl_ops ctl_ops = {
	.offer = ivcf_ctx_offer,
	.accepted = ivcf_conn_accepted,
	.gone = gone,
	.hosts = ivcf_ctx_hosts,
	.broken = ring_broken,
};

static bool version_ok(struct xenbus_device *dev)
{
	char *versions = xenbus_read(XBT_NIL, dev->otherend, "versions", NULL);
	char *rest, *tok;
	bool ok = false;
	unsigned int v;

	if (IS_ERR(versions))
		return false;
	rest = versions;
	while ((tok = strsep(&rest, ",")))
		if (!kstrtouint(tok, 10, &v) && v == IVC_PROTOCOL_VERSION)
			ok = true;
	if (!ok)
		xenbus_dev_error(dev, -EPROTONOSUPPORT,
				 "the backend has protocol versions %s, this "
				 "driver needs %u",
				 versions, IVC_PROTOCOL_VERSION);
	kfree(versions);
	return ok;
}

/* The backend waits for our ring. Under conn_lock, as the next function. */
static void start(struct xenbus_device *dev)
{
	enum xenbus_state ours = READ_ONCE(dev->state);
	int err;

	if (ours != XenbusStateInitialising && ours != XenbusStateClosed)
		return;
	/*
	 * drop_backend() ran when the last backend went. Only a ring may be
	 * left that was set up and could not be published. Local pairs stay
	 * open: both their ends were moved together.
	 */
	ivcf_ctl_disconnect();
	if (!version_ok(dev)) {
		xenbus_switch_state(dev, XenbusStateClosed);
		return;
	}
	err = ivcf_ctl_connect(dev, &ctl_ops);
	if (err)
		xenbus_dev_error(dev, err, "setting up the control ring");
	else
		xenbus_switch_state(dev, XenbusStateInitialised);
}

static void connected(struct xenbus_device *dev)
{
	if (READ_ONCE(dev->state) != XenbusStateInitialised)
		return;
	xenbus_switch_state(dev, XenbusStateConnected);
	WRITE_ONCE(ivc_front.dev, dev);
	dev_info(&dev->dev, "connected to backend in domain %d\n",
		 dev->otherend_id);
	ivcf_ctx_attach_all();
}

/* Is the detach the first step of moving the guest? */
static int closing_reason(struct xenbus_device *dev)
{
	return xenbus_read_unsigned(dev->otherend, "leaving", 0) ? -EREMCHG
								 : -ENODEV;
}

static void backend_changed(struct xenbus_device *dev, enum xenbus_state state)
{
	switch (state) {
	case XenbusStateInitWait:
		mutex_lock(&conn_lock);
		start(dev);
		mutex_unlock(&conn_lock);
		break;
	case XenbusStateConnected:
		mutex_lock(&conn_lock);
		connected(dev);
		mutex_unlock(&conn_lock);
		break;
	case XenbusStateClosed:
		if (READ_ONCE(dev->state) == XenbusStateClosed)
			break;
		fallthrough;
	case XenbusStateClosing:
		disconnect(closing_reason(dev));
		xenbus_frontend_closed(dev);
		break;
	default:
		break;
	}
}

/* The device that is bound to this driver, for threads other than xenbus. */
static struct xenbus_device *bound;
static DEFINE_SPINLOCK(bound_lock);

static struct xenbus_device *bound_get(void)
{
	struct xenbus_device *dev;

	spin_lock(&bound_lock);
	dev = bound;
	if (dev)
		get_device(&dev->dev);
	spin_unlock(&bound_lock);
	return dev;
}

static void bound_set(struct xenbus_device *dev)
{
	spin_lock(&bound_lock);
	bound = dev;
	spin_unlock(&bound_lock);
}

static int front_probe(struct xenbus_device *dev,
		       const struct xenbus_device_id *id)
{
	/* A second device would give nothing that the first does not. */
	if (strcmp(dev->nodename, "device/ivc/0")) {
		xenbus_dev_error(dev, -EEXIST, "only device/ivc/0 is used");
		return -EEXIST;
	}
	bound_set(dev);
	/* A former load of the module has left the device in another state. */
	if (dev->state != XenbusStateInitialising)
		return xenbus_switch_state(dev, XenbusStateInitialising);
	return 0;
}

/* ----------------------------------------------------- suspend, resume */

/*
 *   suspend -----> suspended --- resumed: on another host, or here from a file
 *                      |
 *                      +--- thawed, not resumed: the suspend was cancelled, or
 *                           this host has no nodes for the guest
 *
 * The xenbus core calls .resume only if it finds the nodes, and calls nothing
 * for a suspend that was cancelled. So .suspend queues a work item on a
 * freezable queue. The work item runs when the guest is thawed, and finds out
 * what has happened.
 */
static bool resumed;

static void thawed(struct work_struct *work)
{
	struct xenbus_device *dev = bound_get();

	WRITE_ONCE(ivc_front.frozen, false);
	if (!dev)
		return;
	if (!resumed && dev->otherend) {
		dev_info(&dev->dev, "the suspend was cancelled\n");
		mutex_lock(&conn_lock);
		if (ivc_front.dev)
			ivcf_ctx_attach_all();
		mutex_unlock(&conn_lock);
	}
	put_device(&dev->dev);
}
static DECLARE_WORK(thaw_work, thawed);

static int front_suspend(struct xenbus_device *dev)
{
	ktime_t start = ktime_get();
	struct ivc_alloc before;

	resumed = false;
	WRITE_ONCE(ivc_front.frozen, true);
	before = ivcf_alloc_begin(NULL);
	mutex_lock(&conn_lock);
	ivcf_ctx_detach_all(-EREMCHG, true);
	ivcf_hand_over_all(-EREMCHG, true);
	mutex_unlock(&conn_lock);
	ivcf_alloc_end(before);
	queue_work(system_freezable_wq, &thaw_work);
	dev_info(&dev->dev, "suspended, channels handed over in %lld us\n",
		 ktime_us_delta(ktime_get(), start));
	return 0;
}

static int front_resume(struct xenbus_device *dev)
{
	struct ivc_alloc before = ivcf_alloc_begin(NULL);

	resumed = true;
	disconnect(-EREMCHG);
	ivcf_alloc_end(before);
	return xenbus_switch_state(dev, XenbusStateInitialising);
}

/*
 * A guest that was suspended without a device may arrive where its nodes have
 * been written already. The core does not search for such a device, and no
 * watch fires. Writing the state again makes the watch fire.
 */
static void touch_nodes(void)
{
	static const char node[] = "device/ivc/0";

	if (xenbus_read_driver_state(node) == XenbusStateInitialising)
		xenbus_printf(XBT_NIL, node, "state", "%d",
			      XenbusStateInitialising);
}

/*
 * Where the guest arrives its nodes may not be written yet. The core then loses
 * the backend but keeps the device. When the nodes appear, the core finds that
 * it has the device already, and does nothing. So this watch probes the device
 * again.
 */
static void nodes_changed(struct xenbus_watch *watch, const char *path,
			  const char *token)
{
	struct xenbus_device *dev = bound_get();

	if (!dev) {
		/*
		 * Only when the watch is registered: touch_nodes() makes it
		 * fire again.
		 */
		if (!strcmp(path, watch->node))
			touch_nodes();
		return;
	}
	if (!dev->otherend) {
		disconnect(-EREMCHG);
		if (xenbus_exists(XBT_NIL, dev->nodename, "backend") &&
		    device_reprobe(&dev->dev))
			dev_warn(&dev->dev, "cannot attach again\n");
	}
	put_device(&dev->dev);
}

static struct xenbus_watch nodes_watch = {
	.node = "device/ivc",
	.callback = nodes_changed,
};

static void front_remove(struct xenbus_device *dev)
{
	bound_set(NULL);
	/*
	 * A device whose backend nodes are gone was moved, and is probed again.
	 */
	disconnect(dev->otherend ? -ENODEV : -EREMCHG);
	/*
	 * The core would do so, too, but also for a device that is to be probed
	 * again, whose new backend must not see Closed.
	 */
	if (dev->otherend)
		xenbus_switch_state(dev, XenbusStateClosed);
}

static const struct xenbus_device_id front_ids[] = { { "ivc" }, { "" } };
MODULE_DEVICE_TABLE(xenbus, front_ids);

static struct xenbus_driver front_driver = {
	.ids = front_ids,
	.not_essential = true,
	.allow_rebind = true,
	.probe = front_probe,
	.remove = front_remove,
	.suspend = front_suspend,
	.resume = front_resume,
	.otherend_changed = backend_changed,
};

/* Until it is unbound, a device can be suspended, and its ring be broken. */
static void unregister_driver(void)
{
	xenbus_unregister_driver(&front_driver);
	cancel_work_sync(&thaw_work);
	cancel_work_sync(&broken_work);
}

int ivcf_xenbus_init(void)
{
	int err;

	err = xenbus_register_frontend(&front_driver);
	if (err)
		return err;
	err = register_xenbus_watch(&nodes_watch);
	if (err)
		unregister_driver();
	return err;
}

void ivcf_xenbus_exit(void)
{
	unregister_xenbus_watch(&nodes_watch);
	unregister_driver();
}
