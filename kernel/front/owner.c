// SPDX-License-Identifier: GPL-2.0
/*
 * Whose a descriptor is.
 *
 * A context belongs to the process that has registered it, a channel to the one
 * that was given its descriptor, and both end with that process, whoever else
 * holds the file: a child has inherited it without being asked. What stands for
 * the process is its table of descriptors. Its threads share that, a child of
 * fork() has a copy of its own, and exec() keeps it, but closes our
 * descriptors.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched.h>

#include "front.h"

fl_owner_t ivcf_owner(void)
{
	return current->files;
}

static int is_file(const void *file, struct file *f, unsigned int fd)
{
	return f == file;
}

/*
 * A descriptor of @file in the table @id is closed: has @owner now none any
 * more? One that was duplicated by dup() is left until its last. @id is the
 * table that our caller closes it in, so that it is there while we look.
 */
bool ivcf_owner_leaves(fl_owner_t owner, struct file *file, fl_owner_t id)
{
	/* The last reference: it is released next, which is enough. */
	if (id != owner || file_count(file) == 1)
		return false;
	return !iterate_fd(id, 0, is_file, file);
}
