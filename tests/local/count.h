/* SPDX-License-Identifier: GPL-2.0 */
/* How much a process has of what it may have left behind. */
#ifndef LOCAL_COUNT_H
#define LOCAL_COUNT_H

/* Entries of a directory: of /proc/PID/fd or /proc/PID/task. Two are . and ..
 */
int count_entries(const char *path);

/* Memory of channels that this process has mapped. */
int count_maps(void);

#endif
