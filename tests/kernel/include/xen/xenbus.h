/* SPDX-License-Identifier: GPL-2.0 */
/* xenstore and the devices in it: stub/store.c and stub/xenbus.c. */
#ifndef STUB_XEN_XENBUS_H
#define STUB_XEN_XENBUS_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/wait.h>
#include <xen/events.h>

enum xenbus_state {
	XenbusStateUnknown = 0,
	XenbusStateInitialising = 1,
	XenbusStateInitWait = 2,
	XenbusStateInitialised = 3,
	XenbusStateConnected = 4,
	XenbusStateClosing = 5,
	XenbusStateClosed = 6,
	XenbusStateReconfiguring = 7,
	XenbusStateReconfigured = 8,
};

struct xenbus_transaction {
	u32 id;
};

#define XBT_NIL ((struct xenbus_transaction){ 0 })

struct xenbus_watch {
	struct list_head list;
	const char *node;
	void (*callback)(struct xenbus_watch *watch, const char *path,
			 const char *token);
	void *stub_dom;
};

struct device {
	struct kref ref;
	void *driver_data;
	bool registered;
};

struct xenbus_driver;

struct xenbus_device {
	const char *devicetype;
	char nodename[64];
	char *otherend; /* NULL: none is known */
	int otherend_id;
	enum xenbus_state state;
	struct device dev;
	char otherend_path[64];
	char watch_path[80];
	struct xenbus_watch otherend_watch;
	struct xenbus_driver *driver; /* bound to it */
	void *stub_dom;
	bool stub_backend;
	struct list_head stub_node;
};

struct xenbus_device_id {
	char devicetype[32];
};

struct xenbus_driver {
	const char *name;
	const struct xenbus_device_id *ids;
	bool allow_rebind;
	bool not_essential;
	int (*probe)(struct xenbus_device *dev,
		     const struct xenbus_device_id *id);
	void (*otherend_changed)(struct xenbus_device *dev,
				 enum xenbus_state state);
	void (*remove)(struct xenbus_device *dev);
	int (*suspend)(struct xenbus_device *dev);
	int (*resume)(struct xenbus_device *dev);
	void *stub_dom;
	bool stub_backend;
	struct list_head stub_node;
};

static inline void *dev_get_drvdata(const struct device *dev)
{
	return dev->driver_data;
}

static inline void dev_set_drvdata(struct device *dev, void *data)
{
	dev->driver_data = data;
}

struct device *get_device(struct device *dev);
void put_device(struct device *dev);
void device_unregister(struct device *dev);
int device_reprobe(struct device *dev);

#define dev_info(dev, ...) ((void)(dev), stub_log(__VA_ARGS__))
#define dev_warn(dev, ...) ((void)(dev), stub_log(__VA_ARGS__))
#define dev_err(dev, ...) ((void)(dev), stub_log(__VA_ARGS__))
#define dev_info_ratelimited(dev, ...) dev_info(dev, __VA_ARGS__)
#define dev_warn_ratelimited(dev, ...) dev_warn(dev, __VA_ARGS__)

int xenbus_register_frontend(struct xenbus_driver *drv);
int xenbus_register_backend(struct xenbus_driver *drv);
void xenbus_unregister_driver(struct xenbus_driver *drv);

int xenbus_switch_state(struct xenbus_device *dev, enum xenbus_state state);
void xenbus_dev_error(struct xenbus_device *dev, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void xenbus_dev_fatal(struct xenbus_device *dev, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int xenbus_frontend_closed(struct xenbus_device *dev);
int xenbus_dev_is_online(struct xenbus_device *dev);
enum xenbus_state xenbus_read_driver_state(const char *path);

int xenbus_transaction_start(struct xenbus_transaction *t);
int xenbus_transaction_end(struct xenbus_transaction t, int abort);
void *xenbus_read(struct xenbus_transaction t, const char *dir,
		  const char *node, unsigned int *len);
int xenbus_write(struct xenbus_transaction t, const char *dir, const char *node,
		 const char *value);
int xenbus_exists(struct xenbus_transaction t, const char *dir,
		  const char *node);
int xenbus_rm(struct xenbus_transaction t, const char *dir, const char *node);
char **xenbus_directory(struct xenbus_transaction t, const char *dir,
			const char *node, unsigned int *num);
int xenbus_scanf(struct xenbus_transaction t, const char *dir, const char *node,
		 const char *fmt, ...) __attribute__((format(scanf, 4, 5)));
int xenbus_printf(struct xenbus_transaction t, const char *dir,
		  const char *node, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Name, format and place, again and again, and NULL. */
int xenbus_gather(struct xenbus_transaction t, const char *dir, ...);
unsigned int xenbus_read_unsigned(const char *dir, const char *node,
				  unsigned int otherwise);
int register_xenbus_watch(struct xenbus_watch *watch);
void unregister_xenbus_watch(struct xenbus_watch *watch);

int xenbus_map_ring_valloc(struct xenbus_device *dev, grant_ref_t *refs,
			   unsigned int nr, void *vaddr);
int xenbus_unmap_ring_vfree(struct xenbus_device *dev, void *vaddr);
int xenbus_setup_ring(struct xenbus_device *dev, gfp_t gfp, void *vaddr,
		      unsigned int nr, grant_ref_t *refs);
void xenbus_teardown_ring(void *vaddr, unsigned int nr, grant_ref_t *refs);
int xenbus_alloc_evtchn(struct xenbus_device *dev, evtchn_port_t *port);
int xenbus_free_evtchn(struct xenbus_device *dev, evtchn_port_t port);

#endif
