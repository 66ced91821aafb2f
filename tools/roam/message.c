/* SPDX-License-Identifier: MIT */
/*
 * A message: {u32 mark, u32 type, u64 number, u32 length, u32 crc}, followed by
 * bytes that are a function of the number. The CRC covers everything but
 * itself.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "roam.h"

#define MARK 0x4d414f52u /* "ROAM" */
#define CRC_AT 20u

struct head {
	uint32_t mark, type;
	uint64_t seq;
	uint32_t len, crc;
};

_Static_assert(sizeof(struct head) == MESSAGE_HEAD, "no holes");

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void fill(uint64_t seq, uint8_t *p, size_t len)
{
	uint64_t w = mix(seq + 1);

	for (; len >= sizeof(w); len -= sizeof(w), p += sizeof(w)) {
		memcpy(p, &w, sizeof(w));
		w = w * 0x9e3779b97f4a7c15u + 1;
	}
	memcpy(p, &w, len);
}

static uint32_t sum(const uint8_t *buf, uint32_t len)
{
	return crc32_of(crc32_of(0, buf, CRC_AT), buf + MESSAGE_HEAD,
			len - MESSAGE_HEAD);
}

void message_make(const struct message *m, uint8_t *buf)
{
	struct head h = { .mark = htole32(MARK),
			  .type = htole32(m->type),
			  .seq = htole64(m->seq),
			  .len = htole32(m->len) };

	memcpy(buf, &h, sizeof(h));
	fill(m->seq, buf + sizeof(h), m->len - sizeof(h));
	h.crc = htole32(sum(buf, m->len));
	memcpy(buf, &h, sizeof(h));
}

int message_parse(struct message *m, const uint8_t *buf, size_t len,
		  const char **why)
{
	struct head h;

	if (len < sizeof(h))
		return 0;
	memcpy(&h, buf, sizeof(h));
	m->type = le32toh(h.type);
	m->seq = le64toh(h.seq);
	m->len = le32toh(h.len);
	*why = "there is no message where one must begin";
	if (le32toh(h.mark) != MARK || m->len < sizeof(h) ||
	    m->len > MESSAGE_MAX)
		return -EBADMSG;
	if (len < m->len)
		return 0;
	*why = "its CRC-32 is wrong";
	if (le32toh(h.crc) != sum(buf, m->len))
		return -EBADMSG;
	return 1;
}

uint32_t message_size(uint64_t seq, uint32_t max)
{
	uint64_t r = mix(seq + 0x9e3779b97f4a7c15u);
	uint32_t limit = r % 10 < 7 ? 256 : r % 10 < 9 ? 4096 : max;

	if (limit > max)
		limit = max;
	return MESSAGE_HEAD +
	       (uint32_t)((r >> 32) % (limit - MESSAGE_HEAD + 1));
}
