/* SPDX-License-Identifier: MIT */
/* Reading a whole text file. */
#ifndef TOOLS_COMMON_TEXT_FILE_H
#define TOOLS_COMMON_TEXT_FILE_H

#include <stddef.h>

/*
 * Read @path ("-": standard input) into *@text, with a NUL at the end, to be
 * freed. 0 or -errno: -EFBIG above @max bytes, so that an endless device cannot
 * take all memory. @len may be NULL.
 */
int text_file_read(const char *path, size_t max, char **text, size_t *len);

#endif
