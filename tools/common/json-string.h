/* SPDX-License-Identifier: MIT */
/* A string as JSON has it. */
#ifndef TOOLS_COMMON_JSON_STRING_H
#define TOOLS_COMMON_JSON_STRING_H

#include <stdio.h>

/*
 * Print @s with its quotes. JSON is UTF-8: a byte of @s that is none stands as
 * U+FFFD, the replacement character.
 */
void json_string(FILE *f, const char *s);

#endif
