/* SPDX-License-Identifier: MIT */
/* Going into the background. */
#ifndef IVCCTL_DAEMON_H
#define IVCCTL_DAEMON_H

/*
 * The caller becomes a process of its own; the one that was started stays
 * until daemon_ready() and ends with that status. 0, in the daemon; -errno.
 */
int daemon_begin(void);
void daemon_ready(int status);

/*
 * -EEXIST: such a daemon runs. -EINVAL: @path is something else than a PID
 * file, and untouched. The file is kept locked while the process lives.
 */
int pid_file_take(const char *path);
void pid_file_drop(const char *path);

#endif
