/* SPDX-License-Identifier: GPL-2.0 */
/* What process.c wants of file.c. */
#ifndef STUB_FILE_H
#define STUB_FILE_H

#include <linux/fs.h>

struct inode *stub_inode_new(void);
struct file *stub_file_new(struct inode *inode,
			   const struct file_operations *f);
struct file *stub_misc_open(const char *name);

#endif
