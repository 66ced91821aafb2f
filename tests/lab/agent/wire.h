/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A xenstore client for single-threaded programs that wait in poll().
 *
 * libxenstore needs its reader thread for watches, and Debian builds the
 * static library without threads: a watch event that comes in between a
 * request and its reply then makes the request fail with EINVAL.
 *
 * Calls return NULL, -1 or false and set errno when they fail.  What they
 * return is the caller's to free, and has a NUL byte after its end.
 */
#ifndef LAB_WIRE_H
#define LAB_WIRE_H

#include <stdbool.h>

/* Through xenstored's socket (Dom0) or else the kernel's device (guests). */
int wire_open(void);
int wire_fd(void);

char *wire_read(const char *path, unsigned int *len);
bool wire_write(const char *path, const void *data, unsigned int len);
bool wire_mkdir(const char *path);
bool wire_rm(const char *path);
bool wire_watch(const char *path, const char *token);
bool wire_introduced(unsigned int domid);

/* The names below path, each ended by NUL, *len bytes in all. */
char *wire_directory(const char *path, unsigned int *len);

/*
 * The path of the oldest event, or NULL: errno is EAGAIN when there is none.
 * A path is as it was given to wire_watch(), or below that.  Call it until it
 * returns NULL before waiting for wire_fd() to become readable.
 */
char *wire_event(void);

#endif
