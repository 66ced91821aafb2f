/* SPDX-License-Identifier: MIT */
/*
 * Reading the part of JSON that --compare needs. A document becomes a tree,
 * which is freed as a whole. Depth and size are bounded, so that any file is
 * safe.
 */
#ifndef PINGPONG_JSON_H
#define PINGPONG_JSON_H

#include <stddef.h>

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json {
	enum json_type type;
	char *name;	    /* of a member of an object */
	char *string;	    /* JSON_STRING */
	double number;	    /* JSON_NUMBER, JSON_BOOL */
	struct json *child; /* first element or member */
	struct json *next;
};

/* NULL with *line: the line of the error, or 0 without memory. */
struct json *json_parse(const char *text, size_t len, int *line);
void json_free(struct json *j);

/* The member called @name, or NULL; its text, or NULL; its number, or @none. */
const struct json *json_get(const struct json *j, const char *name);
const char *json_text(const struct json *j, const char *name);
double json_number(const struct json *j, const char *name, double none);

#endif
