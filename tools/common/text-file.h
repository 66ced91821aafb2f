/* SPDX-License-Identifier: MIT */
/* A file of text, read as a whole. */
#ifndef TOOLS_COMMON_TEXT_FILE_H
#define TOOLS_COMMON_TEXT_FILE_H

#include <stddef.h>

/*
 * The content of @path ("-": standard input) with a NUL behind it, for free().
 * 0 or -errno: -EFBIG if there are more than @max bytes, so that a device
 * without an end costs no more memory than that. @len may be NULL.
 */
int text_file_read(const char *path, size_t max, char **text, size_t *len);

#endif
