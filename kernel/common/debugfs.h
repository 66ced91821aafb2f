/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A module's folder in /sys/kernel/debug. Only root may read its files, since
 * they show what all guests or all processes do.
 */
#ifndef IVC_DEBUGFS_H
#define IVC_DEBUGFS_H

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

struct ivc_debugfs_file {
	const char *name;
	const struct file_operations *fops;
};

/* @file is an array that ends with an entry without a name. */
static inline struct dentry *
ivc_debugfs_create(const char *module, const struct ivc_debugfs_file *file)
{
	struct dentry *dir = debugfs_create_dir(module, NULL);

	for (; file->name; file++)
		debugfs_create_file(file->name, 0400, dir, NULL, file->fops);
	return dir;
}

#endif /* IVC_DEBUGFS_H */
