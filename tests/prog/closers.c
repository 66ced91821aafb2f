/* SPDX-License-Identifier: GPL-2.0 */
/* closers: every way to open, wait and close, each in turn. */
#include <stdio.h>
#include <string.h>
#include "closers.h"

void tell(struct stage *s, struct remote_cmd cmd)
{
	must_write(s->control, s->opt, &cmd, sizeof(cmd));
}

struct remote_reply answer(struct stage *s)
{
	struct remote_reply r;

	must_read(s->control, s->opt, &r, sizeof(r));
	return r;
}

uint64_t order(struct stage *s, struct remote_cmd cmd, int64_t want)
{
	static const char *const names[REMOTE_OPS] = {
		[REMOTE_REGISTER] = "remote peer: register",
		[REMOTE_UNREGISTER] = "remote peer: unregister",
		[REMOTE_ACCEPT] = "remote peer: accept",
		[REMOTE_CONNECT] = "remote peer: connect",
		[REMOTE_WRITE] = "remote peer: write",
		[REMOTE_FILL] = "remote peer: fill",
		[REMOTE_READ] = "remote peer: read",
		[REMOTE_END] = "remote peer: end",
		[REMOTE_CLOSE] = "remote peer: close",
		[REMOTE_SLEEP] = "remote peer: sleep",
	};
	struct remote_reply r;

	tell(s, cmd);
	r = answer(s);
	expect_ret(names[cmd.op], r.ret, want);
	return r.value;
}

void remote_in(struct stage *s)
{
	order(s,
	      (struct remote_cmd){ .op = REMOTE_REGISTER, .arg = REMOTE_ID(s) },
	      0);
}

void remote_out(struct stage *s)
{
	order(s, (struct remote_cmd){ .op = REMOTE_UNREGISTER }, 0);
}

ivc_peer remote_peer(struct stage *s)
{
	ivc_peer peer;
	int ret = ivc_find(s->ctx, REMOTE_ID(s), s->opt->timeout_ms, &peer);

	if (ret)
		fail("ivc_find: %s", errname(ret));
	return peer;
}

ivc_channel *channel_to(struct stage *s, uint32_t tx_size, uint32_t rx_size)
{
	struct ivc_channel_options co = { .tx_size = tx_size,
					  .rx_size = rx_size,
					  .timeout_ms = s->opt->timeout_ms };
	ivc_channel *ch;

	tell(s, (struct remote_cmd){ .op = REMOTE_ACCEPT,
				     .arg = (uint64_t)s->opt->timeout_ms });
	expect_ret("connect", ivc_connect_opt(s->ctx, remote_peer(s), &co, &ch),
		   0);
	expect_ret("remote peer: accept", answer(s).ret, 0);
	return ch;
}

void channel_done(struct stage *s, ivc_channel *ch, int want_ours,
		  int want_remote)
{
	expect_ret("ivc_close", ivc_close(ch), want_ours);
	order(s, (struct remote_cmd){ .op = REMOTE_END }, -EPIPE);
	order(s, (struct remote_cmd){ .op = REMOTE_CLOSE }, want_remote);
}

static int play(struct stage *s, const struct scenario *list)
{
	int n;

	for (n = 0; list[n].name; n++) {
		int64_t start = now_ns();

		printf("closers: %s ...\n", list[n].name);
		list[n].run(s);
		printf("closers: %s: ok, %lld ms\n", list[n].name,
		       (long long)(now_ns() - start) / 1000000);
	}
	return n;
}

int cmd_closers(const struct options *opt)
{
	struct stage s = { .opt = opt, .ctx = must_register(opt) };
	int n;

	s.control = must_connect(s.ctx, opt);
	n = play(&s, open_scenarios);
	n += play(&s, use_scenarios);
	tell(&s, (struct remote_cmd){ .op = REMOTE_QUIT });
	expect_ret("ivc_close", ivc_close(s.control), 0);
	ivc_unregister(s.ctx);
	printf("PASS closers: %d scenarios\n", n);
	return 0;
}
