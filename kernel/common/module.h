/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How ivc-front and ivc-back start and end.
 *
 * A module is a table of parts. Loading starts the parts from the first to the
 * last; unloading, or a part that fails to start, ends those that run, from the
 * last to the first. So a part may use all parts above it in the table.
 */
#ifndef IVC_MODULE_H
#define IVC_MODULE_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <xen/xen.h>

/* Either function may be NULL: the part then has nothing to start or to end. */
struct ivc_part {
	int (*init)(void); /* 0, or -errno with nothing left to end */
	void (*exit)(void);
};

static inline void ivc_parts_exit(const struct ivc_part *parts, size_t n)
{
	while (n--)
		if (parts[n].exit)
			parts[n].exit();
}

/* -ENODEV on a machine without Xen. */
static inline int ivc_parts_init(const struct ivc_part *parts, size_t n)
{
	size_t i;

	if (!xen_domain())
		return -ENODEV;
	for (i = 0; i < n; i++) {
		int err = parts[i].init ? parts[i].init() : 0;

		if (err) {
			ivc_parts_exit(parts, i);
			return err;
		}
	}
	return 0;
}

/* Loading and unloading of a module that consists of the array @parts. */
#define ivc_module(parts)                                                      \
	static int __init ivc_module_init(void)                                \
	{                                                                      \
		return ivc_parts_init(parts, ARRAY_SIZE(parts));               \
	}                                                                      \
	module_init(ivc_module_init);                                          \
	static void __exit ivc_module_exit(void)                               \
	{                                                                      \
		ivc_parts_exit(parts, ARRAY_SIZE(parts));                      \
	}                                                                      \
	module_exit(ivc_module_exit)

#endif /* IVC_MODULE_H */
