/* SPDX-License-Identifier: MIT */
/* Going into the background. */
#ifndef IVCCTL_DAEMON_H
#define IVCCTL_DAEMON_H

/*
 * Fork: the caller goes on in the child, and the parent waits until
 * daemon_ready() and exits with its status. 0 in the child, or -errno.
 */
int daemon_begin(void);
void daemon_ready(int status);

/*
 * Write the PID to @path and lock the file while the process lives. -EEXIST:
 * another daemon has it locked. -EINVAL: @path is no PID file; it is left as it
 * is.
 */
int pid_file_take(const char *path);
void pid_file_drop(const char *path);

#endif
