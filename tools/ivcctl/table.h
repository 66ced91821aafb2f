/* SPDX-License-Identifier: MIT */
/*
 * The drivers' tables in debugfs: a first line "# column column ...", then
 * rows of as many words. Columns are found by name, so that a driver may have
 * more of them than we know.
 */
#ifndef IVCCTL_TABLE_H
#define IVCCTL_TABLE_H

#include <stddef.h>

#define TABLE_COLUMNS 32

struct table {
	char *text; /* cut into words in place */
	unsigned int columns, rows;
	char *names[TABLE_COLUMNS];
	char **cells; /* rows * columns */
};

/* 0 or -errno: -ENOENT no driver, -EPROTO not such a table. */
int table_read(struct table *t, const char *debugfs, const char *name);
void table_free(struct table *t);

/* The word there, or NULL if there is no such column. */
const char *table_cell(const struct table *t, unsigned int row,
		       const char *column);
/* -1: no such column, or no number. */
long long table_number(const struct table *t, unsigned int row,
		       const char *column);
/* The row whose @column is the number @value, or -1. */
int table_find(const struct table *t, const char *column, long long value);

/* As it is, aligned; or as JSON, an array of objects. */
void table_print(const struct table *t);
void table_json(const struct table *t);

/* A word as a JSON value: a number, or a string. */
void json_value(const char *word);

/* Complain that a table could not be read, with what to do. */
void table_explain(const char *debugfs, int err);

#endif
