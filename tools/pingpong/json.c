/* SPDX-License-Identifier: MIT */
/* A recursive reader of JSON. */
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define DEPTH_MAX 16

struct reader {
	const char *p, *end;
	int line;
};

static struct json *read_value(struct reader *r, int depth);

static void blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' ||
				 *r->p == '\r' || *r->p == '\n')) {
		if (*r->p == '\n')
			r->line++;
		r->p++;
	}
}

static int take(struct reader *r, char c)
{
	blanks(r);
	if (r->p == r->end || *r->p != c)
		return 0;
	r->p++;
	return 1;
}

static int take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n))
		return 0;
	r->p += n;
	return 1;
}

/* Escapes that json_string() never writes become '?'; labels need no others. */
static char *read_string(struct reader *r)
{
	const char *start;
	char *s, *out;

	if (!take(r, '"'))
		return NULL;
	start = r->p;
	while (r->p < r->end && *r->p != '"') {
		if (*r->p == '\\')
			r->p++;
		if (r->p < r->end)
			r->p++;
	}
	if (r->p >= r->end)
		return NULL;
	s = out = calloc(1, r->p - start + 1);
	if (!s)
		return NULL;
	while (start < r->p) {
		if (*start != '\\') {
			/* The terminal must not get control characters. */
			*out++ = (unsigned char)*start < ' ' ? '?' : *start;
			start++;
			continue;
		}
		start++;
		if (*start == '"' || *start == '\\' || *start == '/') {
			*out++ = *start++;
		} else {
			start += *start == 'u' && r->p - start > 4 ? 5 : 1;
			*out++ = '?';
		}
	}
	*out = '\0';
	r->p++;
	return s;
}

static int read_number(struct reader *r, double *v)
{
	char buf[64], *end;
	size_t n = 0;

	while (r->p < r->end && n < sizeof(buf) - 1 &&
	       strchr("+-.0123456789eE", *r->p) && *r->p)
		buf[n++] = *r->p++;
	buf[n] = '\0';
	*v = strtod(buf, &end);
	return n && !*end;
}

static int read_children(struct reader *r, struct json *j, char close,
			 int depth)
{
	struct json **tail = &j->child;

	if (take(r, close))
		return 1;
	do {
		char *name = NULL;

		if (j->type == JSON_OBJECT) {
			name = read_string(r);
			if (!name)
				return 0;
			if (!take(r, ':')) {
				free(name);
				return 0;
			}
		}
		*tail = read_value(r, depth + 1);
		if (!*tail) {
			free(name);
			return 0;
		}
		(*tail)->name = name;
		tail = &(*tail)->next;
	} while (take(r, ','));
	return take(r, close);
}

static int fill_value(struct reader *r, struct json *j, int depth)
{
	if (take(r, '{')) {
		j->type = JSON_OBJECT;
		return read_children(r, j, '}', depth);
	}
	if (take(r, '[')) {
		j->type = JSON_ARRAY;
		return read_children(r, j, ']', depth);
	}
	if (r->p < r->end && *r->p == '"') {
		j->type = JSON_STRING;
		j->string = read_string(r);
		return j->string != NULL;
	}
	if (take_word(r, "true")) {
		j->type = JSON_BOOL;
		j->number = 1;
		return 1;
	}
	if (take_word(r, "false")) {
		j->type = JSON_BOOL;
		return 1;
	}
	if (take_word(r, "null"))
		return 1;
	j->type = JSON_NUMBER;
	return read_number(r, &j->number);
}

static struct json *read_value(struct reader *r, int depth)
{
	struct json *j;

	blanks(r);
	if (depth > DEPTH_MAX)
		return NULL;
	j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	if (fill_value(r, j, depth))
		return j;
	json_free(j);
	return NULL;
}

struct json *json_parse(const char *text, size_t len, int *line)
{
	struct reader r = { .p = text, .end = text + len, .line = 1 };
	struct json *j = read_value(&r, 0);

	blanks(&r);
	if (j && r.p != r.end) {
		json_free(j);
		j = NULL;
	}
	*line = r.line;
	return j;
}

void json_free(struct json *j)
{
	while (j) {
		struct json *next = j->next;

		json_free(j->child);
		free(j->name);
		free(j->string);
		free(j);
		j = next;
	}
}

const struct json *json_get(const struct json *j, const char *name)
{
	const struct json *c = j && j->type == JSON_OBJECT ? j->child : NULL;

	while (c && strcmp(c->name, name))
		c = c->next;
	return c;
}

const char *json_text(const struct json *j, const char *name)
{
	const struct json *c = json_get(j, name);

	return c && c->type == JSON_STRING ? c->string : NULL;
}

double json_number(const struct json *j, const char *name, double none)
{
	const struct json *c = json_get(j, name);

	return c && c->type == JSON_NUMBER ? c->number : none;
}
