/* SPDX-License-Identifier: MIT */
/* Escaping of untrusted text, for a terminal or a log. */
#ifndef TOOLS_COMMON_ESCAPE_H
#define TOOLS_COMMON_ESCAPE_H

#include <stddef.h>

/*
 * Copy @s to @out, of @size bytes, with each control character as \xNN. Text of
 * a guest or a file must neither move the cursor nor look like a line of its
 * own in the log. Text that does not fit is cut off.
 */
void escape(char *out, size_t size, const char *s);

#endif
