/* SPDX-License-Identifier: MIT */
/* Text of others, for a terminal or a log. */
#ifndef TOOLS_COMMON_ESCAPE_H
#define TOOLS_COMMON_ESCAPE_H

#include <stddef.h>

/*
 * Copy @s to @out, of @size bytes, with each control character as \xNN: what a
 * guest or a file says must neither move the cursor nor look like a line of
 * ours. What does not fit is left out.
 */
void escape(char *out, size_t size, const char *s);

#endif
