/* SPDX-License-Identifier: MIT */
/* Escaping of untrusted text: see escape.h. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "escape.h"

/* A control character of ASCII or of Latin-1 (UTF-8: 0xc2 0x80 to 0x9f). */
static bool is_control(unsigned char c, unsigned char next)
{
	return c < 0x20 || c == 0x7f ||
	       (c == 0xc2 && next >= 0x80 && next < 0xa0);
}

void escape(char *out, size_t size, const char *s)
{
	size_t n = 0;

	for (; *s && n + sizeof("\\xNN") <= size; s++) {
		unsigned char c = (unsigned char)*s;

		if (is_control(c, (unsigned char)s[1]))
			n += (size_t)sprintf(out + n, "\\x%02x", c);
		else
			out[n++] = *s;
	}
	out[n] = '\0';
}
