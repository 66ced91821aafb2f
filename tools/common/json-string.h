/* SPDX-License-Identifier: MIT */
/* Strings in JSON. */
#ifndef TOOLS_COMMON_JSON_STRING_H
#define TOOLS_COMMON_JSON_STRING_H

#include <stdio.h>

/*
 * Print @s in quotes. JSON is UTF-8: a byte of @s that is not part of a UTF-8
 * character becomes U+FFFD, the replacement character.
 */
void json_string(FILE *f, const char *s);

#endif
