/* SPDX-License-Identifier: GPL-2.0 */
/* Resources of a process that can leak. */
#ifndef LOCAL_COUNT_H
#define LOCAL_COUNT_H

/*
 * The entries of a directory, "." and ".." included: of /proc/PID/fd or
 * /proc/PID/task.
 */
int count_entries(const char *path);

/* The mappings of channels in this process. */
int count_maps(void);

#endif
