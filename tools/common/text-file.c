/* SPDX-License-Identifier: MIT */
/* Reading a whole text file: see text-file.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text-file.h"

#define FIRST_ROOM 65536u

static int read_stream(FILE *f, size_t max, char **text, size_t *len)
{
	size_t room = 0, n;

	do {
		if (*len + 1 >= room) {
			char *more;

			room = room ? 2 * room : FIRST_ROOM;
			more = realloc(*text, room);
			if (!more)
				return -ENOMEM;
			*text = more;
		}
		n = fread(*text + *len, 1, room - *len - 1, f);
		*len += n;
		if (*len > max)
			return -EFBIG;
	} while (n);
	(*text)[*len] = '\0';
	return ferror(f) ? -errno : 0;
}

int text_file_read(const char *path, size_t max, char **text, size_t *len)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t length = 0;
	int ret;

	*text = NULL;
	if (!f)
		return -errno;
	ret = read_stream(f, max, text, &length);
	if (f != stdin)
		fclose(f);
	if (ret) {
		free(*text);
		*text = NULL;
	} else if (len) {
		*len = length;
	}
	return ret;
}
