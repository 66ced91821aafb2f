/* SPDX-License-Identifier: GPL-2.0 */
/* closers: every way to open, wait and close, each in turn. */
#include <stdio.h>
#include <string.h>
#include "closers.h"

void tell(struct stage *s, struct puppet_cmd cmd)
{
	must_write(s->control, s->opt, &cmd, sizeof(cmd));
}

struct puppet_reply answer(struct stage *s)
{
	struct puppet_reply r;

	must_read(s->control, s->opt, &r, sizeof(r));
	return r;
}

uint64_t order(struct stage *s, struct puppet_cmd cmd, int64_t want)
{
	static const char *const names[PUPPET_OPS] = {
		[PUPPET_REGISTER] = "puppet: register",
		[PUPPET_UNREGISTER] = "puppet: unregister",
		[PUPPET_ACCEPT] = "puppet: accept",
		[PUPPET_CONNECT] = "puppet: connect",
		[PUPPET_WRITE] = "puppet: write",
		[PUPPET_FILL] = "puppet: fill",
		[PUPPET_READ] = "puppet: read",
		[PUPPET_END] = "puppet: end",
		[PUPPET_CLOSE] = "puppet: close",
		[PUPPET_SLEEP] = "puppet: sleep",
	};
	struct puppet_reply r;

	tell(s, cmd);
	r = answer(s);
	expect_ret(names[cmd.op], r.ret, want);
	return r.value;
}

void puppet_in(struct stage *s)
{
	order(s,
	      (struct puppet_cmd){ .op = PUPPET_REGISTER, .arg = PUPPET_ID(s) },
	      0);
}

void puppet_out(struct stage *s)
{
	order(s, (struct puppet_cmd){ .op = PUPPET_UNREGISTER }, 0);
}

ivc_peer puppet_peer(struct stage *s)
{
	ivc_peer peer;
	int ret = ivc_find(s->ctx, PUPPET_ID(s), s->opt->timeout_ms, &peer);

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

	tell(s, (struct puppet_cmd){ .op = PUPPET_ACCEPT,
				     .arg = (uint64_t)s->opt->timeout_ms });
	expect_ret("connect", ivc_connect_opt(s->ctx, puppet_peer(s), &co, &ch),
		   0);
	expect_ret("puppet: accept", answer(s).ret, 0);
	return ch;
}

void channel_done(struct stage *s, ivc_channel *ch, int want_ours,
		  int want_puppet)
{
	expect_ret("ivc_close", ivc_close(ch), want_ours);
	order(s, (struct puppet_cmd){ .op = PUPPET_END }, -EPIPE);
	order(s, (struct puppet_cmd){ .op = PUPPET_CLOSE }, want_puppet);
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
	tell(&s, (struct puppet_cmd){ .op = PUPPET_QUIT });
	expect_ret("ivc_close", ivc_close(s.control), 0);
	ivc_unregister(s.ctx);
	printf("PASS closers: %d scenarios\n", n);
	return 0;
}
