/* SPDX-License-Identifier: GPL-2.0 */
/* See remote-peer.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "remote-peer.h"

/* Bytes that have passed each way on a channel, for the pattern. */
struct end {
	ivc_channel *ch;
	uint64_t sent, received;
};

static struct {
	const struct options *opt;
	ivc_context *ctx[REMOTE_SLOTS];
	struct end end[REMOTE_SLOTS];
} remote;

#define WAIT_MS 30000

static int64_t do_register(uint32_t slot, uint32_t id)
{
	ivc_context *ctx = ivc_register(remote.opt->magic, id);

	if (!ctx)
		return -errno;
	remote.ctx[slot] = ctx;
	return 0;
}

static int64_t do_accept(const struct remote_cmd *c)
{
	struct ivc_channel_options co = { .timeout_ms = (int)c->arg };
	struct end *e = &remote.end[c->ch];

	e->sent = 0;
	e->received = 0;
	return ivc_accept_opt(remote.ctx[c->ctx], &co, &e->ch);
}

static int64_t do_connect(const struct remote_cmd *c)
{
	struct ivc_channel_options co = { .timeout_ms = (int)c->arg2 };
	struct end *e = &remote.end[c->ch];
	ivc_peer peer;
	int ret;

	e->sent = 0;
	e->received = 0;
	ret = ivc_find(remote.ctx[c->ctx], (uint32_t)c->arg, WAIT_MS, &peer);
	if (ret)
		return ret;
	return ivc_connect_opt(remote.ctx[c->ctx], peer, &co, &e->ch);
}

static int64_t do_write(struct end *e, uint64_t len)
{
	uint8_t buf[4096];

	while (len) {
		size_t n = len < sizeof(buf) ? (size_t)len : sizeof(buf);
		ssize_t ret;

		pattern_fill(REMOTE_SEED, e->sent, buf, n);
		ret = ivc_write_all(e->ch, buf, n, WAIT_MS, NULL);
		if (ret < 0)
			return ret;
		e->sent += n;
		len -= n;
	}
	return 0;
}

static int64_t do_fill(struct end *e, uint64_t *value)
{
	uint8_t buf[1000];
	ssize_t n;

	*value = 0;
	do {
		pattern_fill(REMOTE_SEED, e->sent, buf, sizeof(buf));
		n = ivc_write(e->ch, buf, sizeof(buf));
		if (n < 0)
			return n;
		e->sent += (uint64_t)n;
		*value += (uint64_t)n;
	} while (n);
	return 0;
}

static int64_t do_read(struct end *e, uint64_t len)
{
	uint8_t buf[4096];

	while (len) {
		size_t n = len < sizeof(buf) ? (size_t)len : sizeof(buf);
		ssize_t ret = ivc_read_all(e->ch, buf, n, WAIT_MS, NULL);

		if (ret < 0)
			return ret;
		if (pattern_check(REMOTE_SEED, e->received, buf, n) != n)
			fail("remote peer: wrong bytes after %llu",
			     (unsigned long long)e->received);
		e->received += n;
		len -= n;
	}
	return 0;
}

/* Returns the error that ended the channel. */
static int64_t do_end(struct end *e, uint64_t *value)
{
	uint64_t before = e->received;
	int64_t ret;

	do
		ret = do_read(e, 1);
	while (!ret);
	*value = e->received - before;
	return ret;
}

static int64_t do_close(struct end *e)
{
	int ret = ivc_close(e->ch);

	e->ch = NULL;
	return ret;
}

static bool sane(const struct remote_cmd *c)
{
	bool needs_ctx = c->op == REMOTE_ACCEPT || c->op == REMOTE_CONNECT;
	bool needs_ch = c->op >= REMOTE_WRITE && c->op <= REMOTE_CLOSE;

	return c->op < REMOTE_OPS && c->ctx < REMOTE_SLOTS &&
	       c->ch < REMOTE_SLOTS && (!needs_ctx || remote.ctx[c->ctx]) &&
	       (!needs_ch || remote.end[c->ch].ch);
}

static struct remote_reply obey(const struct remote_cmd *c)
{
	struct end *e = &remote.end[c->ch];
	struct remote_reply r = { 0 };

	switch (c->op) {
	case REMOTE_REGISTER:
		r.ret = do_register(c->ctx, (uint32_t)c->arg);
		break;
	case REMOTE_UNREGISTER:
		ivc_unregister(remote.ctx[c->ctx]);
		remote.ctx[c->ctx] = NULL;
		break;
	case REMOTE_ACCEPT:
		r.ret = do_accept(c);
		break;
	case REMOTE_CONNECT:
		r.ret = do_connect(c);
		break;
	case REMOTE_WRITE:
		r.ret = do_write(e, c->arg);
		break;
	case REMOTE_FILL:
		r.ret = do_fill(e, &r.value);
		break;
	case REMOTE_READ:
		r.ret = do_read(e, c->arg);
		break;
	case REMOTE_END:
		r.ret = do_end(e, &r.value);
		break;
	case REMOTE_CLOSE:
		r.ret = do_close(e);
		break;
	case REMOTE_SLEEP:
		sleep_ms((int)c->arg);
		break;
	}
	return r;
}

int cmd_remote_peer(const struct options *opt)
{
	ivc_context *ctx = must_register(opt);
	ivc_channel *control;
	uint64_t n = 0;
	struct remote_cmd c;

	remote.opt = opt;
	printf("remote peer: ready\n");
	control = must_accept(ctx, opt);
	for (;; n++) {
		struct remote_reply r;

		must_read(control, opt, &c, sizeof(c));
		if (c.op == REMOTE_QUIT)
			break;
		if (!sane(&c))
			fail("remote peer: no such thing: op %u ctx %u ch %u",
			     c.op, c.ctx, c.ch);
		r = obey(&c);
		must_write(control, opt, &r, sizeof(r));
	}
	must_end(control, opt, -EPIPE);
	ivc_close(control);
	ivc_unregister(ctx);
	printf("PASS remote-peer: %llu commands\n", (unsigned long long)n);
	return 0;
}
