/* SPDX-License-Identifier: MIT */
/*
 * The drivers' tables in debugfs: a first line "# column column ...", then rows
 * with a word for each column. Columns are found by name, so that a newer
 * driver may have more of them.
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

/* 0 or -errno: -ENOENT no driver, -EPROTO no table. */
int table_read(struct table *t, const char *debugfs, const char *name);
void table_free(struct table *t);

/* The word in that cell, or NULL if there is no such column. */
const char *table_cell(const struct table *t, unsigned int row,
		       const char *column);
/* The number in that cell; -1: no such column, or no number. */
long long table_number(const struct table *t, unsigned int row,
		       const char *column);
/* The row whose @column is the number @value, or -1. */
int table_find(const struct table *t, const char *column, long long value);

/* Print the table with aligned columns, or as a JSON array of objects. */
void table_print(const struct table *t);
void table_json(const struct table *t);

/* Print a word as a JSON number if it is one, otherwise as a string. */
void json_value(const char *word);

/* Complain that a table could not be read, with the cure. */
void table_explain(const char *debugfs, int err);

#endif
