/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of descriptors: stub/process.c. */
#ifndef STUB_LINUX_FDTABLE_H
#define STUB_LINUX_FDTABLE_H

#include <linux/fs.h>
#include <linux/sched.h>

/* Until @fn returns anything but 0; it must not sleep. */
int iterate_fd(struct files_struct *files, unsigned int from,
	       int (*fn)(const void *p, struct file *file, unsigned int fd),
	       const void *p);

#endif
