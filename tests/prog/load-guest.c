/* SPDX-License-Identifier: GPL-2.0 */
/* Channels that other processes have opened: see load.h. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"

#define GUESTS_MAX 1024

struct guest {
	ivc_channel *ch;
	uint64_t seed, came;
	size_t greeted; /* bytes of the seed */
	uint8_t back[4096];
	size_t len, at; /* to be echoed, and echoed so far */
};

static struct guest *guests[GUESTS_MAX];
static unsigned int top; /* no slot in use from here on */

static void guest_free(struct guest **slot)
{
	ivc_close((*slot)->ch);
	free(*slot);
	*slot = NULL;
}

static void guest_end(struct guest **slot, int err)
{
	struct guest *g = *slot;

	load_must_be_end("a channel of another", err);
	/* A peer that closes has received all answers. */
	if (err == -EPIPE && (g->at != g->len || ivc_undelivered(g->ch)))
		fail("%zu of %zu bytes and %zd more were not waited for",
		     g->len - g->at, g->len, ivc_undelivered(g->ch));
	load.served++;
	guest_free(slot);
}

static int guest_take(struct guest *g)
{
	ssize_t n;

	if (g->greeted < sizeof(g->seed)) {
		n = ivc_read(g->ch, (uint8_t *)&g->seed + g->greeted,
			     sizeof(g->seed) - g->greeted);
		if (n > 0)
			g->greeted += (size_t)n;
		return (int)n;
	}
	n = ivc_read(g->ch, g->back, sizeof(g->back));
	if (n <= 0)
		return (int)n;
	if (pattern_check(g->seed, g->came, g->back, (size_t)n) != (size_t)n)
		fail("a wrong byte came");
	g->came += (uint64_t)n;
	g->len = (size_t)n;
	g->at = 0;
	return (int)n;
}

static bool guest_step(struct guest **slot)
{
	struct guest *g = *slot;
	ssize_t n;

	if (g->at == g->len) {
		n = guest_take(g);
		if (n < 0)
			guest_end(slot, (int)n);
		if (n <= 0 || g->at == g->len)
			return n != 0;
	}
	n = ivc_write(g->ch, g->back + g->at, g->len - g->at);
	if (n < 0) {
		guest_end(slot, (int)n);
		return true;
	}
	g->at += (size_t)n;
	return n > 0;
}

static bool accept_one(ivc_context *ctx, const struct options *opt)
{
	struct ivc_channel_options co = { .tx_size = opt->tx_size };
	ivc_channel *ch;
	unsigned int i;
	int ret = ivc_accept_opt(ctx, &co, &ch);

	if (ret) {
		/* The offer may have been withdrawn just now. */
		load_must_be_end("accept", ret);
		return false;
	}
	for (i = 0; i < GUESTS_MAX; i++) {
		if (guests[i])
			continue;
		guests[i] = calloc(1, sizeof(**guests));
		if (!guests[i])
			fail("out of memory");
		guests[i]->ch = ch;
		top = i < top ? top : i + 1;
		return true;
	}
	fail("more than %d channels", GUESTS_MAX);
}

bool guests_step(ivc_context *ctx, const struct options *opt)
{
	bool moved = false;
	unsigned int i;

	for (i = 0; i < 16 && accept_one(ctx, opt); i++)
		moved = true;
	for (i = 0; i < top; i++)
		if (guests[i])
			moved |= guest_step(&guests[i]);
	return moved;
}

void guests_close(void)
{
	unsigned int i;

	for (i = 0; i < top; i++)
		if (guests[i])
			guest_free(&guests[i]);
}

int guests_arm(struct pollfd *fds, int room)
{
	unsigned int i;
	int n = 0;

	for (i = 0; i < top && n < room; i++) {
		struct guest *g = guests[i];

		if (!g)
			continue;
		if (ivc_arm(g->ch,
			    g->at < g->len ? IVC_WRITABLE : IVC_READABLE))
			return -1;
		fds[n].fd = ivc_channel_fd(g->ch);
		fds[n++].events = POLLIN;
	}
	return n;
}
