/* SPDX-License-Identifier: MIT */
/* Reading and printing the drivers' tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/json-string.h"
#include "../common/text-file.h"
#include "ivcctl.h"
#include "table.h"

#define TEXT_MAX (64u << 20)
#define BLANK " \t"

static int read_names(struct table *t, char *line)
{
	char *save, *word;

	if (*line != '#')
		return -EPROTO;
	for (word = strtok_r(line + 1, BLANK, &save); word;
	     word = strtok_r(NULL, BLANK, &save)) {
		if (t->columns == TABLE_COLUMNS)
			return -EPROTO;
		t->names[t->columns++] = word;
	}
	return t->columns ? 0 : -EPROTO;
}

/* A short row is left out: the read may have ended in the middle of it. */
static int read_row(struct table *t, char *line)
{
	char **more, **row, *save, *word;
	unsigned int n = 0;

	more = realloc(t->cells,
		       (size_t)(t->rows + 1) * t->columns * sizeof(*more));
	if (!more)
		return -ENOMEM;
	t->cells = more;
	row = more + (size_t)t->rows * t->columns;
	for (word = strtok_r(line, BLANK, &save); word && n < t->columns;
	     word = strtok_r(NULL, BLANK, &save))
		row[n++] = word;
	if (n == t->columns)
		t->rows++;
	return 0;
}

int table_read(struct table *t, const char *debugfs, const char *name)
{
	char path[512], *save, *line;
	int ret;

	*t = (struct table){ 0 };
	snprintf(path, sizeof(path), "%s/ivc-back/%s", debugfs, name);
	ret = text_file_read(path, TEXT_MAX, &t->text, NULL);
	if (ret)
		goto err_free;
	line = strtok_r(t->text, "\n", &save);
	ret = line ? read_names(t, line) : -EPROTO;
	while (!ret && (line = strtok_r(NULL, "\n", &save)))
		ret = read_row(t, line);
	if (!ret)
		return 0;
err_free:
	table_free(t);
	return ret;
}

void table_free(struct table *t)
{
	free(t->cells);
	free(t->text);
	*t = (struct table){ 0 };
}

static int column_of(const struct table *t, const char *name)
{
	for (unsigned int i = 0; i < t->columns; i++)
		if (!strcmp(t->names[i], name))
			return i;
	return -1;
}

const char *table_cell(const struct table *t, unsigned int row,
		       const char *column)
{
	int c = column_of(t, column);

	return c < 0 || row >= t->rows ? NULL : t->cells[row * t->columns + c];
}

long long table_number(const struct table *t, unsigned int row,
		       const char *column)
{
	const char *cell = table_cell(t, row, column);
	char *end;
	long long v;

	if (!cell)
		return -1;
	v = strtoll(cell, &end, 10);
	return end == cell || *end ? -1 : v;
}

int table_find(const struct table *t, const char *column, long long value)
{
	for (unsigned int i = 0; i < t->rows; i++)
		if (table_number(t, i, column) == value)
			return i;
	return -1;
}

void table_print(const struct table *t)
{
	for (unsigned int c = 0; c < t->columns; c++)
		printf("%s%12s", c ? " " : "", t->names[c]);
	putchar('\n');
	for (unsigned int r = 0; r < t->rows; r++) {
		for (unsigned int c = 0; c < t->columns; c++)
			printf("%s%12s", c ? " " : "",
			       t->cells[r * t->columns + c]);
		putchar('\n');
	}
}

void json_value(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	/* Leading zeroes are no number in JSON. */
	if (digits && !word[digits] && (word[0] != '0' || digits == 1)) {
		fputs(word, stdout);
		return;
	}
	json_string(stdout, word);
}

void table_json(const struct table *t)
{
	fputs("[", stdout);
	for (unsigned int r = 0; r < t->rows; r++) {
		printf("%s\n  {", r ? "," : "");
		for (unsigned int c = 0; c < t->columns; c++) {
			printf("%s\"%s\": ", c ? ", " : "", t->names[c]);
			json_value(t->cells[r * t->columns + c]);
		}
		putchar('}');
	}
	puts("\n]");
}

void table_explain(const char *debugfs, int err)
{
	if (err == -EACCES)
		complain("%s is for root: try sudo", debugfs);
	else if (err == -ENOENT && access(debugfs, F_OK))
		complain("there is no %s", debugfs);
	else if (err == -ENOENT)
		complain("no counters: ivc-back is not loaded here (modprobe "
			 "ivc-back), or debugfs is not\n  mounted (mount -t "
			 "debugfs debugfs %s)",
			 debugfs);
	else if (err == -EPROTO)
		complain("the tables in %s/ivc-back are not understood; is "
			 "this "
			 "ivcctl older than the driver?",
			 debugfs);
	else
		complain("%s/ivc-back cannot be read: %s", debugfs,
			 strerror(-err));
}
