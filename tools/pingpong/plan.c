/* SPDX-License-Identifier: MIT */
/* Encoding and decoding the three records of the plan. */
#include <endian.h>
#include <string.h>

#include "plan.h"

#define HELLO_MAGIC 0x48505649u /* IVPH */
#define STEP_MAGIC 0x53505649u	/* IVPS */
#define REPLY_MAGIC 0x52505649u /* IVPR */

#define FLAG_VERIFY 1u
#define FLAG_ZERO_COPY 2u
#define FLAGS_KNOWN (FLAG_VERIFY | FLAG_ZERO_COPY)

/* Every record begins with magic, version and its own length. */
static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, 4);
	return p + 4;
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, 8);
	return p + 8;
}

static uint32_t get32(const uint8_t **p)
{
	uint32_t v;

	memcpy(&v, *p, 4);
	*p += 4;
	return le32toh(v);
}

static uint64_t get64(const uint8_t **p)
{
	uint64_t v;

	memcpy(&v, *p, 8);
	*p += 8;
	return le64toh(v);
}

static uint8_t *begin(uint8_t *p, uint32_t magic, size_t len)
{
	memset(p, 0, len);
	p = put32(p, magic);
	return put32(p, PLAN_VERSION | (uint32_t)len << 16);
}

static const char *begun(const uint8_t **p, uint32_t magic, size_t len,
			 uint32_t *version)
{
	uint32_t v;

	if (get32(p) != magic)
		return "it is not a record of ivc-pingpong";
	v = get32(p);
	*version = v & 0xffff;
	if (*version != PLAN_VERSION)
		return "it is of another version of ivc-pingpong";
	if (v >> 16 != len)
		return "its length is wrong";
	return NULL;
}

static const char *all_zero(const uint8_t *p, const uint8_t *end)
{
	while (p < end)
		if (*p++)
			return "its reserved bytes are not zero";
	return NULL;
}

void hello_encode(const struct hello *h, uint8_t buf[HELLO_BYTES])
{
	uint8_t *p = begin(buf, HELLO_MAGIC, HELLO_BYTES);

	p = put32(p, (h->verify ? FLAG_VERIFY : 0) |
			     (h->zero_copy ? FLAG_ZERO_COPY : 0));
	p = put32(p, h->wait);
	p = put64(p, (uint64_t)h->spin_ns);
	p = put64(p, h->seed);
	put32(p, h->timeout_s);
}

const char *hello_decode(struct hello *h, const uint8_t buf[HELLO_BYTES],
			 uint32_t *version)
{
	const uint8_t *p = buf;
	const char *wrong = begun(&p, HELLO_MAGIC, HELLO_BYTES, version);
	uint32_t flags, wait;

	if (wrong)
		return wrong;
	flags = get32(&p);
	wait = get32(&p);
	h->spin_ns = (int64_t)get64(&p);
	h->seed = get64(&p);
	h->timeout_s = get32(&p);
	if (flags & ~FLAGS_KNOWN)
		return "it asks for features unknown here";
	h->verify = flags & FLAG_VERIFY;
	h->zero_copy = flags & FLAG_ZERO_COPY;
	if (wait >= WAIT_MODES)
		return "its way to wait is unknown here";
	h->wait = wait;
	if (h->spin_ns < 0 || h->spin_ns > 1000000000)
		return "its time to spin is out of range";
	if (!h->timeout_s || h->timeout_s > TIMEOUT_MAX)
		return "its timeout is out of range";
	return all_zero(p, buf + HELLO_BYTES);
}

void step_encode(const struct step *s, uint8_t buf[STEP_BYTES])
{
	uint8_t *p = begin(buf, STEP_MAGIC, STEP_BYTES);

	p = put32(p, s->kind);
	p = put32(p, s->size);
	p = put32(p, s->window);
	p = put32(p, 0);
	put64(p, s->count);
}

const char *step_decode(struct step *s, const uint8_t buf[STEP_BYTES])
{
	const uint8_t *p = buf;
	uint32_t version, kind;
	const char *wrong = begun(&p, STEP_MAGIC, STEP_BYTES, &version);

	if (wrong)
		return wrong;
	kind = get32(&p);
	s->size = get32(&p);
	s->window = get32(&p);
	if (get32(&p))
		return "its reserved bytes are not zero";
	s->count = get64(&p);
	if (kind >= STEP_KINDS)
		return "its kind of test is unknown here";
	s->kind = kind;
	wrong = all_zero(p, buf + STEP_BYTES);
	if (wrong || s->kind == STEP_END)
		return wrong;
	if (!s->size || s->size > MESSAGE_MAX)
		return "its message size is out of range";
	if (!s->window || s->window > WINDOW_MAX)
		return "its window is out of range";
	if (!s->count || s->count > COUNT_MAX)
		return "its count is out of range";
	return NULL;
}

void reply_encode(const struct reply *r, uint8_t buf[REPLY_BYTES])
{
	uint8_t *p = begin(buf, REPLY_MAGIC, REPLY_BYTES);

	p = put32(p, r->status);
	p = put32(p, r->fault);
	p = put64(p, r->fault_seq);
	p = put64(p, r->messages);
	put64(p, r->bytes);
}

const char *reply_decode(struct reply *r, const uint8_t buf[REPLY_BYTES])
{
	const uint8_t *p = buf;
	const char *wrong = begun(&p, REPLY_MAGIC, REPLY_BYTES, &r->version);
	uint32_t fault;

	if (wrong)
		return wrong;
	r->status = get32(&p);
	fault = get32(&p);
	r->fault_seq = get64(&p);
	r->messages = get64(&p);
	r->bytes = get64(&p);
	if (r->status > 4095)
		return "its status is out of range";
	if (fault >= FAULT_KINDS)
		return "its fault is unknown here";
	r->fault = fault;
	return all_zero(p, buf + REPLY_BYTES);
}

const char *fault_name(enum fault fault)
{
	static const char *const names[] = {
		[FAULT_NONE] = "nothing",
		[FAULT_CHANGED] = "changed",
		[FAULT_LOST] = "preceded by a loss",
		[FAULT_DUPLICATE] = "an earlier one again (duplicated)",
		[FAULT_REORDERED] = "out of order",
		[FAULT_SURPLUS] = "bytes that nobody sent",
	};

	return names[fault];
}
