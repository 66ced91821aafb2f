/* SPDX-License-Identifier: MIT */
/*
 * Run under callgrind, which counts the instructions of a write and a read
 * between two marks. Both ends are in one process and take turns, so neither
 * ever waits and the count is the same in every run. Reported are the
 * instructions in libivc, including the return of credits, and the sum with
 * this program's loop and with libc.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "ivc-pair.h"

#define MESSAGES 4096 /* several rounds of the ring with each size */

static ivc_channel *to, *from;
static uint8_t out[1024], in[1024];

/* These functions return the bytes written and read together: twice @len. */
static size_t by_copy(size_t len)
{
	return (size_t)ivc_write(to, out, len) +
	       (size_t)ivc_read(from, in, len);
}

static size_t by_waiting(size_t len)
{
	return (size_t)ivc_write_all(to, out, len, -1, NULL) +
	       (size_t)ivc_read_all(from, in, len, -1, NULL);
}

/* Writes and reads one word in place; a real program would do the rest. */
static size_t in_place(size_t len)
{
	const void *there;
	void *room;
	size_t n = (size_t)ivc_reserve(to, len, len, &room);

	*(volatile uint64_t *)room = n;
	ivc_commit(to, len);
	n = (size_t)ivc_peek(from, &there);
	n += *(const volatile uint64_t *)there;
	ivc_release(from, len);
	return n;
}

/* Always inlined, so that @one is called directly. */
static inline __attribute__((always_inline)) int
count(const char *name, size_t (*one)(size_t len), size_t len)
{
	size_t moved = 0;
	char mark[64];

	for (int i = 0; i < MESSAGES; i++)
		moved += one(len);
	snprintf(mark, sizeof(mark), "%s %zu %d", name, len, MESSAGES);
	CALLGRIND_ZERO_STATS;
	CALLGRIND_TOGGLE_COLLECT;
	for (int i = 0; i < MESSAGES; i++)
		moved += one(len);
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_DUMP_STATS_AT(mark);
	return moved != 2 * MESSAGES * 2 * len;
}

int main(void)
{
	static const size_t sizes[] = { 8, 64, 1024 };
	struct ivc_channel_options opt = { .timeout_ms = IVC_PAIR_TIMEOUT_MS };
	uint64_t magic = 0x696e000000000000u | (uint32_t)getpid();
	ivc_context *one = ivc_pair_register(magic, false);
	ivc_context *other = ivc_pair_register(magic, true);
	ivc_peer peer;
	int bad = 0;

	if (!one || !other)
		goto wrong;
	errno = -ivc_find(one, 2, IVC_PAIR_TIMEOUT_MS, &peer);
	if (errno)
		goto wrong;
	/* Do not wait: both ends are in this process. */
	opt.timeout_ms = 0;
	errno = -ivc_connect_opt(one, peer, &opt, &to);
	if (errno)
		goto wrong;
	opt.timeout_ms = IVC_PAIR_TIMEOUT_MS;
	errno = -ivc_accept_opt(other, &opt, &from);
	if (!errno)
		errno = -ivc_connected(to, IVC_PAIR_TIMEOUT_MS);
	if (errno)
		goto wrong;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bad |= count("ivc", by_copy, sizes[i]);
		bad |= count("ivc-wait", by_waiting, sizes[i]);
		bad |= count("ivc-zc", in_place, sizes[i]);
	}
	if (bad)
		fprintf(stderr, "instructions: a message got lost\n");
	return bad;
wrong:
	perror("instructions");
	return 1;
}
