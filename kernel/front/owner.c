// SPDX-License-Identifier: GPL-2.0
/*
 * The process that a descriptor belongs to.
 *
 * A context belongs to the process that has registered it, a channel to the
 * process that was given its descriptor. Both end with that process, even if
 * another process holds the file, because a child inherits descriptors without
 * asking for them.
 *
 * A process is known by its table of descriptors. Threads share the table, a
 * child of fork() has a copy, and exec() keeps the table but closes our
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
 * A descriptor of @file in the table @id is being closed. Was it the last one
 * of @owner, of several that dup() made? The table @id exists for as long as
 * our caller closes a descriptor in it.
 */
bool ivcf_owner_leaves(fl_owner_t owner, struct file *file, fl_owner_t id)
{
	/* The last reference: release() follows, and does the same. */
	if (id != owner || file_count(file) == 1)
		return false;
	return !iterate_fd(id, 0, is_file, file);
}
