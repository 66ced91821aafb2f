/* SPDX-License-Identifier: MIT */
/* The server: takes part in the tests that clients ask for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../common/output.h"
#include "errors.h"
#include "report.h"
#include "server.h"
#include "tests.h"

static int send_reply(struct session *s, uint32_t status)
{
	struct reply r = {
		.status = status,
		.fault = s->fault,
		.fault_seq = s->fault_seq,
		.messages = s->rx_seq,
		.bytes = s->rx_bytes,
	};
	uint8_t buf[REPLY_BYTES];

	reply_encode(&r, buf);
	return transport_send(s->t, buf, sizeof(buf));
}

static int refuse(struct session *s, int err, const char *what, const char *why)
{
	fprintf(stderr, "ivc-pingpong: refused the client's %s: %s\n", what,
		why);
	send_reply(s, err);
	return EXIT_LOST;
}

/* Read the client's greeting, and take over its options. */
static int greet(struct session *s, struct transport *t)
{
	uint8_t buf[HELLO_BYTES];
	struct hello hello;
	uint32_t version;
	const char *bad;
	int ret = transport_recv(t, buf, sizeof(buf));

	*s = (struct session){ .t = t };
	if (ret)
		return explain(s, ret, "waiting for its plan");
	bad = hello_decode(&hello, buf, &version);
	if (bad)
		return refuse(s, EPROTO, "greeting", bad);
	if (hello.zero_copy && !t->ops->reserve)
		return refuse(s, EOPNOTSUPP, "greeting",
			      "--zero-copy needs IVC");
	t->wait = hello.wait;
	t->spin_ns = hello.spin_ns;
	t->timeout_s = hello.timeout_s;
	t->may_block = true;
	if (t->ops->tune)
		t->ops->tune(t);
	ret = session_init(s, t, &hello);
	if (ret)
		return refuse(s, -ret, "greeting", strerror(-ret));
	ret = send_reply(s, 0);
	return ret ? explain(s, ret, "answering its plan") : EXIT_FINE;
}

/*
 * After verified messages, bytes that are no step are surplus bytes of the
 * stream: a result of the verification, and not an error of the client.
 */
static int bad_step(struct session *s, const char *bad)
{
	if (!s->hello.verify || !s->rx_seq)
		return refuse(s, EPROTO, "step", bad);
	if (!s->fault) {
		s->fault = FAULT_SURPLUS;
		s->fault_seq = s->rx_seq;
	}
	send_reply(s, 0);
	return explain(s, -EBADMSG, "testing");
}

static int serve_steps(struct session *s)
{
	for (;;) {
		uint8_t buf[STEP_BYTES];
		struct step step;
		const char *bad;
		int ret = transport_recv(s->t, buf, sizeof(buf));

		if (ret)
			return explain(s, ret, "between two tests");
		bad = step_decode(&step, buf);
		if (bad)
			return bad_step(s, bad);
		if (step.kind != STEP_END) {
			ret = step_server(s, &step);
			/* Tell the client, if it still reads. */
			if (ret && s->fault)
				send_reply(s, 0);
			if (ret)
				return explain(s, ret, "testing");
		}
		ret = send_reply(s, 0);
		if (ret)
			return explain(s, ret, "reporting");
		if (s->fault)
			return explain(s, -EBADMSG, "testing");
		if (step.kind == STEP_END)
			return EXIT_FINE;
	}
}

static int serve_one(struct transport *t)
{
	struct session s;
	int status = greet(&s, t);

	if (!status)
		status = serve_steps(&s);
	if (!status && s.hello.verify)
		printf("verified %llu messages, %llu bytes here: none lost, "
		       "duplicated, reordered or changed\n",
		       (unsigned long long)s.rx_seq,
		       (unsigned long long)s.rx_bytes);
	else if (!status)
		printf("served %llu messages, %llu bytes\n",
		       (unsigned long long)s.rx_seq,
		       (unsigned long long)s.rx_bytes);
	output_push(stdout);
	session_free(&s);
	return status;
}

/* The transport's accept returns -EAGAIN after each slice of time. */
static int next_client(struct transport *t)
{
	int ret;

	do {
		if (stopped)
			return -EINTR;
		ret = t->ops->accept(t);
	} while (ret == -EAGAIN);
	return ret;
}

static void reset(struct transport *t, const struct options *o)
{
	t->wait = WAIT_ADAPTIVE;
	t->spin_ns = o->hello.spin_ns;
	t->timeout_s = o->hello.timeout_s;
}

int server_run(const struct options *o)
{
	struct transport t = { .ops = o->ops, .addr = o->addr, .server = true };
	struct session none = { .t = &t };
	int status, ret = t.ops->listen(&t);
	char where[256];

	reset(&t, o);
	if (ret) {
		status = explain(&none, ret, "starting the server");
		goto out_close;
	}
	t.ops->describe(&t, where, sizeof(where));
	printf("serving %s at %s%s\n", t.ops->name, where,
	       o->loop ? "; Ctrl-C ends it" : "");
	output_push(stdout);
	do {
		ret = next_client(&t);
		if (stopped && o->loop) {
			status = EXIT_FINE;
			break;
		}
		if (ret) {
			status = explain(&none, ret, "waiting for a client");
			break;
		}
		status = serve_one(&t);
		t.ops->hangup(&t);
		reset(&t, o);
	} while (o->loop && !stopped);
out_close:
	t.ops->close(&t);
	return status;
}
