/* SPDX-License-Identifier: MIT */
/* CRC-32 as of Ethernet and zlib, eight bytes at a time. */
#include <endian.h>
#include <string.h>

#include "roam.h"

#define POLYNOMIAL 0xedb88320u

static uint32_t table[8][256];

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? POLYNOMIAL ^ (c >> 1) : c >> 1;
		table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			table[k][i] = table[0][table[k - 1][i] & 255] ^
				      (table[k - 1][i] >> 8);
}

uint32_t crc32_of(uint32_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint64_t w;

	if (!table[0][1])
		make_table();
	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&w, p, 8);
		w = le64toh(w) ^ crc;
		crc = table[7][w & 255] ^ table[6][w >> 8 & 255] ^
		      table[5][w >> 16 & 255] ^ table[4][w >> 24 & 255] ^
		      table[3][w >> 32 & 255] ^ table[2][w >> 40 & 255] ^
		      table[1][w >> 48 & 255] ^ table[0][w >> 56];
	}
	while (len--)
		crc = table[0][(crc ^ *p++) & 255] ^ (crc >> 8);
	return ~crc;
}
