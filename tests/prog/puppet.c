/* SPDX-License-Identifier: GPL-2.0 */
/* The puppet: see puppet.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "puppet.h"

/* Of a channel: what has passed each way, for the pattern's sake. */
struct end {
	ivc_channel *ch;
	uint64_t sent, received;
};

static struct {
	const struct options *opt;
	ivc_context *ctx[PUPPET_SLOTS];
	struct end end[PUPPET_SLOTS];
} puppet;

#define WAIT_MS 30000

static int64_t do_register(uint32_t slot, uint32_t id)
{
	ivc_context *ctx = ivc_register(puppet.opt->magic, id);

	if (!ctx)
		return -errno;
	puppet.ctx[slot] = ctx;
	return 0;
}

static int64_t do_accept(const struct puppet_cmd *c)
{
	struct ivc_channel_options co = { .timeout_ms = (int)c->arg };
	struct end *e = &puppet.end[c->ch];

	e->sent = 0;
	e->received = 0;
	return ivc_accept_opt(puppet.ctx[c->ctx], &co, &e->ch);
}

static int64_t do_connect(const struct puppet_cmd *c)
{
	struct ivc_channel_options co = { .timeout_ms = (int)c->arg2 };
	struct end *e = &puppet.end[c->ch];
	ivc_peer peer;
	int ret;

	e->sent = 0;
	e->received = 0;
	ret = ivc_find(puppet.ctx[c->ctx], (uint32_t)c->arg, WAIT_MS, &peer);
	if (ret)
		return ret;
	return ivc_connect_opt(puppet.ctx[c->ctx], peer, &co, &e->ch);
}

static int64_t do_write(struct end *e, uint64_t len)
{
	uint8_t buf[4096];

	while (len) {
		size_t n = len < sizeof(buf) ? (size_t)len : sizeof(buf);
		ssize_t ret;

		pattern_fill(PUPPET_SEED, e->sent, buf, n);
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
		pattern_fill(PUPPET_SEED, e->sent, buf, sizeof(buf));
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
		if (pattern_check(PUPPET_SEED, e->received, buf, n) != n)
			fail("puppet: wrong bytes after %llu",
			     (unsigned long long)e->received);
		e->received += n;
		len -= n;
	}
	return 0;
}

/* The end is what is returned: always an error. */
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

static bool sane(const struct puppet_cmd *c)
{
	bool needs_ctx = c->op == PUPPET_ACCEPT || c->op == PUPPET_CONNECT;
	bool needs_ch = c->op >= PUPPET_WRITE && c->op <= PUPPET_CLOSE;

	return c->op < PUPPET_OPS && c->ctx < PUPPET_SLOTS &&
	       c->ch < PUPPET_SLOTS && (!needs_ctx || puppet.ctx[c->ctx]) &&
	       (!needs_ch || puppet.end[c->ch].ch);
}

static struct puppet_reply obey(const struct puppet_cmd *c)
{
	struct end *e = &puppet.end[c->ch];
	struct puppet_reply r = { 0 };

	switch (c->op) {
	case PUPPET_REGISTER:
		r.ret = do_register(c->ctx, (uint32_t)c->arg);
		break;
	case PUPPET_UNREGISTER:
		ivc_unregister(puppet.ctx[c->ctx]);
		puppet.ctx[c->ctx] = NULL;
		break;
	case PUPPET_ACCEPT:
		r.ret = do_accept(c);
		break;
	case PUPPET_CONNECT:
		r.ret = do_connect(c);
		break;
	case PUPPET_WRITE:
		r.ret = do_write(e, c->arg);
		break;
	case PUPPET_FILL:
		r.ret = do_fill(e, &r.value);
		break;
	case PUPPET_READ:
		r.ret = do_read(e, c->arg);
		break;
	case PUPPET_END:
		r.ret = do_end(e, &r.value);
		break;
	case PUPPET_CLOSE:
		r.ret = do_close(e);
		break;
	case PUPPET_SLEEP:
		sleep_ms((int)c->arg);
		break;
	}
	return r;
}

int cmd_puppet(const struct options *opt)
{
	ivc_context *ctx = must_register(opt);
	ivc_channel *control;
	uint64_t n = 0;
	struct puppet_cmd c;

	puppet.opt = opt;
	printf("puppet: ready\n");
	control = must_accept(ctx, opt);
	for (;; n++) {
		struct puppet_reply r;

		must_read(control, opt, &c, sizeof(c));
		if (c.op == PUPPET_QUIT)
			break;
		if (!sane(&c))
			fail("puppet: no such thing: op %u ctx %u ch %u", c.op,
			     c.ctx, c.ch);
		r = obey(&c);
		must_write(control, opt, &r, sizeof(r));
	}
	must_end(control, opt, -EPIPE);
	ivc_close(control);
	ivc_unregister(ctx);
	printf("PASS puppet: %llu commands\n", (unsigned long long)n);
	return 0;
}
