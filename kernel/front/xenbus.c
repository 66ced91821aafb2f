// SPDX-License-Identifier: GPL-2.0
/*
 * The device. There is one per guest; contexts and channels do not belong to it
 * but to the module, so that they outlive a detach. States as in
 * docs/protocol.md 1.3; what the frontend does when the backend moves:
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

/* Idempotent: the ring goes, contexts wait, channels end. */
static void disconnect(void)
{
	if (ivc_front.dev)
		dev_info(&ivc_front.dev->dev, "disconnected\n");
	WRITE_ONCE(ivc_front.dev, NULL);
	ivc_ctl_disconnect();
	ivc_ctx_detach_all();
	ivc_chan_lose_all(false);
}

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
				 "backend speaks versions %s, I speak %u",
				 versions, IVC_PROTOCOL_VERSION);
	kfree(versions);
	return ok;
}

/* The backend waits for us. */
static void start(struct xenbus_device *dev)
{
	if (dev->state != XenbusStateInitialising &&
	    dev->state != XenbusStateClosed)
		return;
	disconnect();
	if (!version_ok(dev)) {
		xenbus_switch_state(dev, XenbusStateClosed);
		return;
	}
	if (!ivc_ctl_connect(dev))
		xenbus_switch_state(dev, XenbusStateInitialised);
}

static void connected(struct xenbus_device *dev)
{
	if (dev->state != XenbusStateInitialised)
		return;
	xenbus_switch_state(dev, XenbusStateConnected);
	WRITE_ONCE(ivc_front.dev, dev);
	dev_info(&dev->dev, "connected to backend in domain %d\n",
		 dev->otherend_id);
	ivc_ctx_attach_all();
}

static void backend_changed(struct xenbus_device *dev, enum xenbus_state state)
{
	switch (state) {
	case XenbusStateInitWait:
		start(dev);
		break;
	case XenbusStateConnected:
		connected(dev);
		break;
	case XenbusStateClosed:
		if (dev->state == XenbusStateClosed)
			break;
		fallthrough;
	case XenbusStateClosing:
		disconnect();
		xenbus_frontend_closed(dev);
		break;
	default:
		break;
	}
}

static int front_probe(struct xenbus_device *dev,
		       const struct xenbus_device_id *id)
{
	/* A second device has nothing to offer that the first has not. */
	if (strcmp(dev->nodename, "device/ivc/0")) {
		xenbus_dev_error(dev, -EEXIST, "only device/ivc/0 is used");
		return -EEXIST;
	}
	/* Left over from a module that was here before us. */
	if (dev->state != XenbusStateInitialising)
		return xenbus_switch_state(dev, XenbusStateInitialising);
	return 0;
}

static void front_remove(struct xenbus_device *dev)
{
	disconnect();
}

/*
 * Live migration is not in yet: what is shared with this host's guests must not
 * be taken along, so channels end here, and contexts register again there.
 */
static int front_suspend(struct xenbus_device *dev)
{
	ivc_chan_lose_all(true);
	return 0;
}

static int front_resume(struct xenbus_device *dev)
{
	disconnect();
	return xenbus_switch_state(dev, XenbusStateInitialising);
}

static const struct xenbus_device_id front_ids[] = { { "ivc" }, { "" } };
MODULE_DEVICE_TABLE(xenbus, front_ids);

static struct xenbus_driver front_driver = {
	.ids = front_ids,
	.not_essential = true,
	.probe = front_probe,
	.remove = front_remove,
	.suspend = front_suspend,
	.resume = front_resume,
	.otherend_changed = backend_changed,
};

int ivc_xenbus_init(void)
{
	return xenbus_register_frontend(&front_driver);
}

void ivc_xenbus_exit(void)
{
	xenbus_unregister_driver(&front_driver);
}
