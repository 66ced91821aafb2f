// SPDX-License-Identifier: GPL-2.0
/*
 * Devices in xenstore, and what brings a driver and a device together: as
 * drivers/xen/xenbus/xenbus_probe.c and xenbus_client.c of 6.1, for devices
 * that a test asks for and not for those that come up in xenstore.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "inner.h"

static pthread_mutex_t lists = PTHREAD_MUTEX_INITIALIZER;

static struct stub_dom *dom_of(const struct xenbus_device *dev)
{
	return dev->stub_dom;
}

/* -------------------------------------------------------------- devices */

static void device_free(struct kref *ref)
{
	struct device *d = container_of(ref, struct device, ref);

	free(container_of(d, struct xenbus_device, dev));
}

struct device *get_device(struct device *d)
{
	kref_get(&d->ref);
	return d;
}

void put_device(struct device *d)
{
	kref_put(&d->ref, device_free);
}

static void otherend_changed(struct xenbus_watch *w, const char *path,
			     const char *token)
{
	struct xenbus_device *dev =
		container_of(w, struct xenbus_device, otherend_watch);
	struct xenbus_driver *drv = dev->driver;

	(void)token;
	if (!dev->otherend ||
	    strncmp(dev->otherend, path, strlen(dev->otherend)))
		return;
	if (!drv || !drv->otherend_changed)
		return;
	/* It may unregister itself. */
	get_device(&dev->dev);
	drv->otherend_changed(dev, xenbus_read_driver_state(dev->otherend));
	put_device(&dev->dev);
}

static int talk_to_otherend(struct xenbus_device *dev)
{
	const char *what = dev->stub_backend ? "frontend" : "backend";
	char *path = xenbus_read(XBT_NIL, dev->nodename, what, NULL);

	dev->otherend = NULL;
	if (IS_ERR(path))
		return (int)PTR_ERR(path);
	strscpy(dev->otherend_path, path, sizeof(dev->otherend_path));
	kfree(path);
	dev->otherend_id =
		(int)xenbus_read_unsigned(dev->nodename,
					  dev->stub_backend ? "frontend-id"
							    : "backend-id",
					  0);
	dev->otherend = dev->otherend_path;
	dev->state = xenbus_read_driver_state(dev->nodename);
	return 0;
}

static void watch_otherend(struct xenbus_device *dev)
{
	snprintf(dev->watch_path, sizeof(dev->watch_path), "%s/state",
		 dev->otherend);
	dev->otherend_watch.node = dev->watch_path;
	dev->otherend_watch.callback = otherend_changed;
	register_xenbus_watch(&dev->otherend_watch);
}

static void unwatch_otherend(struct xenbus_device *dev)
{
	if (!dev->otherend_watch.node)
		return;
	unregister_xenbus_watch(&dev->otherend_watch);
	dev->otherend_watch.node = NULL;
}

static int bind_driver(struct xenbus_device *dev, struct xenbus_driver *drv)
{
	int err = talk_to_otherend(dev);

	if (err)
		return err;
	dev->driver = drv;
	err = drv->probe(dev, drv->ids);
	if (err) {
		dev->driver = NULL;
		return err;
	}
	watch_otherend(dev);
	return 0;
}

static void unbind_driver(struct xenbus_device *dev)
{
	struct xenbus_driver *drv = dev->driver;

	if (!drv)
		return;
	unwatch_otherend(dev);
	if (drv->remove)
		drv->remove(dev);
	dev->driver = NULL;
	dev->otherend = NULL;
	if (!drv->allow_rebind ||
	    xenbus_read_driver_state(dev->nodename) == XenbusStateClosing)
		xenbus_switch_state(dev, XenbusStateClosed);
}

static struct xenbus_driver *driver_for(struct stub_dom *d, bool backend)
{
	struct xenbus_driver *drv, *found = NULL;

	stub_lock(&lists);
	list_for_each_entry (drv, &d->drivers, stub_node)
		if (drv->stub_backend == backend)
			found = drv;
	stub_unlock(&lists);
	return found;
}

void device_unregister(struct device *dev)
{
	struct xenbus_device *x = container_of(dev, struct xenbus_device, dev);

	BUG_ON(!dev->registered);
	dev->registered = false;
	unbind_driver(x);
	stub_lock(&lists);
	list_del(&x->stub_node);
	stub_unlock(&lists);
	put_device(dev);
}

int device_reprobe(struct device *dev)
{
	struct xenbus_device *x = container_of(dev, struct xenbus_device, dev);
	struct xenbus_driver *drv;

	unbind_driver(x);
	drv = driver_for(dom_of(x), x->stub_backend);
	return drv ? bind_driver(x, drv) : 0;
}

struct new_device {
	struct stub_dom *dom;
	bool backend;
	char path[64];
};

static void add_device(void *arg)
{
	struct new_device *n = arg;
	struct xenbus_device *dev = calloc(1, sizeof(*dev));
	struct xenbus_driver *drv;

	BUG_ON(!dev);
	kref_init(&dev->dev.ref);
	dev->dev.registered = true;
	dev->devicetype = "ivc";
	strscpy(dev->nodename, n->path, sizeof(dev->nodename));
	dev->stub_dom = n->dom;
	dev->stub_backend = n->backend;
	stub_lock(&lists);
	list_add_tail(&dev->stub_node, &n->dom->devices);
	stub_unlock(&lists);
	drv = driver_for(n->dom, n->backend);
	if (drv)
		bind_driver(dev, drv);
	free(n);
}

static void new_device(struct stub_dom *d, bool backend, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void new_device(struct stub_dom *d, bool backend, const char *fmt, ...)
{
	struct new_device *n = calloc(1, sizeof(*n));
	va_list args;

	BUG_ON(!n);
	n->dom = d;
	n->backend = backend;
	va_start(args, fmt);
	vsnprintf(n->path, sizeof(n->path), fmt, args);
	va_end(args);
	stub_call(d, add_device, n, true);
}

/* -------------------------------------------------------------- drivers */

static struct xenbus_device *unbound(struct stub_dom *d, bool backend)
{
	struct xenbus_device *dev;

	list_for_each_entry (dev, &d->devices, stub_node)
		if (dev->stub_backend == backend && !dev->driver)
			return dev;
	return NULL;
}

static int register_driver(struct xenbus_driver *drv, bool backend)
{
	struct stub_dom *d = stub_current();
	struct xenbus_device *dev;

	if (!stub_may_alloc(GFP_KERNEL))
		return -ENOMEM;
	drv->stub_dom = d;
	drv->stub_backend = backend;
	stub_lock(&lists);
	list_add_tail(&drv->stub_node, &d->drivers);
	dev = unbound(d, backend);
	stub_unlock(&lists);
	while (dev && !bind_driver(dev, drv)) {
		stub_lock(&lists);
		dev = unbound(d, backend);
		stub_unlock(&lists);
	}
	return 0;
}

int xenbus_register_frontend(struct xenbus_driver *drv)
{
	return register_driver(drv, false);
}

int xenbus_register_backend(struct xenbus_driver *drv)
{
	return register_driver(drv, true);
}

void xenbus_unregister_driver(struct xenbus_driver *drv)
{
	struct stub_dom *d = drv->stub_dom;
	struct xenbus_device *dev, *found;

	stub_lock(&lists);
	list_del(&drv->stub_node);
	stub_unlock(&lists);
	do {
		found = NULL;
		stub_lock(&lists);
		list_for_each_entry (dev, &d->devices, stub_node)
			if (dev->driver == drv)
				found = dev;
		if (found)
			get_device(&found->dev);
		stub_unlock(&lists);
		if (found) {
			unbind_driver(found);
			put_device(&found->dev);
		}
	} while (found);
}

/* --------------------------------------------------------------- states */

enum xenbus_state xenbus_read_driver_state(const char *path)
{
	return xenbus_read_unsigned(path, "state", XenbusStateUnknown);
}

/* Without a state node nothing is written, but the device has the state. */
int xenbus_switch_state(struct xenbus_device *dev, enum xenbus_state state)
{
	struct xenbus_transaction t;
	int current_state;

	if (state == READ_ONCE(dev->state))
		return 0;
	xenbus_transaction_start(&t);
	if (xenbus_scanf(t, dev->nodename, "state", "%d", &current_state) == 1)
		xenbus_printf(t, dev->nodename, "state", "%d", state);
	xenbus_transaction_end(t, 0);
	WRITE_ONCE(dev->state, state);
	return 0;
}

static void write_error(struct xenbus_device *dev, int err, const char *fmt,
			va_list args)
{
	char text[128];

	vsnprintf(text, sizeof(text), fmt, args);
	stub_log("%s: %d %s\n", dev->nodename, -err, text);
	xenbus_printf(XBT_NIL, dev->nodename, "error", "%d %s", -err, text);
}

void xenbus_dev_error(struct xenbus_device *dev, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_error(dev, err, fmt, args);
	va_end(args);
}

void xenbus_dev_fatal(struct xenbus_device *dev, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_error(dev, err, fmt, args);
	va_end(args);
	xenbus_switch_state(dev, XenbusStateClosing);
}

int xenbus_frontend_closed(struct xenbus_device *dev)
{
	return xenbus_switch_state(dev, XenbusStateClosed);
}

int xenbus_dev_is_online(struct xenbus_device *dev)
{
	return !!xenbus_read_unsigned(dev->nodename, "online", 0);
}

/* --------------------------------------------------------- the toolstack */

void stub_path(char *to, size_t size, const struct stub_dom *back,
	       const struct stub_dom *front, bool backend)
{
	if (backend)
		snprintf(to, size, "/local/domain/%u/backend/ivc/%u/0",
			 back->id, front->id);
	else
		snprintf(to, size, "/local/domain/%u/device/ivc/0", front->id);
}

static void write_nodes(struct stub_dom *back, struct stub_dom *front)
{
	char f[64], b[64], path[96];

	stub_path(f, sizeof(f), back, front, false);
	stub_path(b, sizeof(b), back, front, true);
	snprintf(path, sizeof(path), "%s/backend", f);
	stub_write(path, "%s", b);
	snprintf(path, sizeof(path), "%s/backend-id", f);
	stub_write(path, "%u", back->id);
	snprintf(path, sizeof(path), "%s/state", f);
	stub_write(path, "1");
	snprintf(path, sizeof(path), "%s/frontend", b);
	stub_write(path, "%s", f);
	snprintf(path, sizeof(path), "%s/frontend-id", b);
	stub_write(path, "%u", front->id);
	snprintf(path, sizeof(path), "%s/online", b);
	stub_write(path, "1");
	snprintf(path, sizeof(path), "%s/state", b);
	stub_write(path, "1");
}

void stub_attach_back(struct stub_dom *back, struct stub_dom *front)
{
	write_nodes(back, front);
	new_device(back, true, "backend/ivc/%u/0", front->id);
}

void stub_attach_front(struct stub_dom *back, struct stub_dom *front)
{
	write_nodes(back, front);
	new_device(front, false, "device/ivc/0");
}

void stub_attach(struct stub_dom *back, struct stub_dom *front)
{
	stub_attach_back(back, front);
	new_device(front, false, "device/ivc/0");
}

/* ---------------------------------------------------- suspend and resume */

static void suspend(void *arg)
{
	struct stub_dom *d = arg;
	struct xenbus_device *dev;

	list_for_each_entry (dev, &d->devices, stub_node)
		if (!dev->stub_backend && dev->driver && dev->driver->suspend)
			dev->driver->suspend(dev);
}

/* As xenbus_dev_resume(): the other end is looked up anew. */
static void resume(void *arg)
{
	struct stub_dom *d = arg;
	struct xenbus_device *dev;

	list_for_each_entry (dev, &d->devices, stub_node) {
		if (dev->stub_backend || !dev->driver)
			continue;
		unwatch_otherend(dev);
		if (talk_to_otherend(dev))
			continue;
		dev->state = XenbusStateInitialising;
		if (dev->driver->resume)
			dev->driver->resume(dev);
		watch_otherend(dev);
	}
}

void stub_suspend(struct stub_dom *d)
{
	stub_freeze(d);
	stub_call(d, suspend, d, true);
}

void stub_resume(struct stub_dom *d)
{
	stub_call(d, resume, d, true);
	stub_freeze(NULL);
}

void stub_cancel_suspend(struct stub_dom *d)
{
	(void)d;
	stub_freeze(NULL);
}
