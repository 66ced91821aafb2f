/* SPDX-License-Identifier: MIT */
/* The client: makes the plan, runs it, reports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "errors.h"

#define RATE_BYTES 8

static int connect_server(struct transport *t)
{
	uint64_t start = clock_ns();
	int ret;

	for (;;) {
		uint64_t waited = (clock_ns() - start) / 1000000000u;

		if (stopped)
			return -EINTR;
		ret = t->ops->connect(t);
		if (ret != -EAGAIN)
			break;
		if (waited >= (uint64_t)t->timeout_s)
			break;
		progress("waiting for the server, %llu of %d s",
			 (unsigned long long)waited, t->timeout_s);
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	progress_end();
	return ret;
}

static int no_server(struct session *s)
{
	struct transport *t = s->t;
	const char *advice = t->ops->advice(t, EAGAIN);

	fprintf(stderr, "ivc-pingpong: no server within %d s\n  %s\n",
		t->timeout_s, advice);
	return EXIT_LOST;
}

static int refused(const struct reply *r)
{
	fprintf(stderr, "ivc-pingpong: the server refuses: %s\n",
		r->status == EPROTO ? "it does not understand this client; "
				      "use the same version at both ends"
				    : strerror((int)r->status));
	return EXIT_LOST;
}

/* After verified messages, bytes that are no reply are surplus bytes. */
static int bad_reply(struct session *s, const char *bad)
{
	if (s->hello.verify && s->rx_seq) {
		s->fault = FAULT_SURPLUS;
		s->fault_seq = s->rx_seq;
		return explain(s, -EBADMSG, "testing");
	}
	progress_end();
	fprintf(stderr,
		"ivc-pingpong: the program at the other end is no "
		"ivc-pingpong server: %s\n",
		bad);
	return EXIT_LOST;
}

static int get_reply(struct client *c, const char *doing)
{
	struct session *s = &c->s;
	uint8_t buf[REPLY_BYTES];
	struct reply r;
	const char *bad;
	int ret = transport_recv(s->t, buf, sizeof(buf));

	if (ret)
		return explain(s, ret, doing);
	bad = reply_decode(&r, buf);
	if (bad)
		return bad_reply(s, bad);
	if (r.status)
		return refused(&r);
	if (r.fault) {
		explain_fault("the server", r.fault, r.fault_seq);
		return EXIT_FAULT;
	}
	if (s->hello.verify && r.messages != s->tx_seq) {
		fprintf(stderr,
			"ivc-pingpong: verification failed: the client sent "
			"%llu messages, the server received %llu\n",
			(unsigned long long)s->tx_seq,
			(unsigned long long)r.messages);
		return EXIT_FAULT;
	}
	c->server_messages = r.messages;
	c->server_bytes = r.bytes;
	return EXIT_FINE;
}

static int greet(struct client *c)
{
	uint8_t buf[HELLO_BYTES];
	int ret;

	hello_encode(&c->s.hello, buf);
	ret = transport_send(c->s.t, buf, sizeof(buf));
	if (ret)
		return explain(&c->s, ret, "greeting it");
	return get_reply(c, "it was to answer the greeting");
}

int run_step(struct client *c, const struct step *step)
{
	uint8_t buf[STEP_BYTES];
	int ret;

	step_encode(step, buf);
	ret = transport_send(c->s.t, buf, sizeof(buf));
	if (!ret && step->kind != STEP_END)
		ret = step_client(&c->s, step, &c->timing);
	if (ret)
		return explain(&c->s, ret, "testing");
	return get_reply(c, "it was to report");
}

static int run_test(struct client *c, enum test test)
{
	const struct options *o = c->o;

	if (test == TEST_MIXED)
		return run_mixed(c);
	if (test == TEST_RATE && !o->own_sizes)
		return run_row(c, test, RATE_BYTES);
	for (unsigned int i = 0; i < o->n_sizes; i++) {
		int status = run_row(c, test, o->sizes[i]);

		if (status)
			return status;
	}
	return EXIT_FINE;
}

static int run_plan(struct client *c)
{
	struct step end = { .kind = STEP_END };
	int status = EXIT_FINE;

	for (int test = 0; test < TESTS && !status; test++)
		if (c->o->tests & 1u << test)
			status = run_test(c, test);
	return status ? status : run_step(c, &end);
}

static int report_plan(struct client *c)
{
	char peer[256];
	int status;

	c->s.t->ops->describe(c->s.t, peer, sizeof(peer));
	report_begin(c->report, peer, &c->clock);
	status = run_plan(c);
	if (!status && c->s.hello.verify)
		report_verified(c->report, c->server_messages + c->s.rx_seq,
				c->server_bytes + c->s.rx_bytes);
	return status;
}

int client_run(const struct options *o)
{
	struct transport t = {
		.ops = o->ops,
		.addr = o->addr,
		.wait = o->hello.wait,
		.spin_ns = o->hello.spin_ns,
		.timeout_s = o->hello.timeout_s,
		.may_block = true,
	};
	struct client *c = calloc(1, sizeof(*c));
	int status, ret;

	if (!c) {
		fprintf(stderr, "ivc-pingpong: out of memory\n");
		return EXIT_LOST;
	}
	c->o = o;
	c->s.t = &t;
	c->report = report_open(o);
	if (!c->report) {
		free(c);
		return EXIT_WRONG;
	}
	clock_measure(&c->clock);
	ret = connect_server(&t);
	if (ret == -EAGAIN) {
		status = no_server(&c->s);
		goto out_close;
	}
	if (ret) {
		status = explain(&c->s, ret, "connecting");
		goto out_close;
	}
	if (t.ops->tune)
		t.ops->tune(&t);
	ret = session_init(&c->s, &t, &o->hello);
	if (ret) {
		status = explain(&c->s, ret, "starting");
		goto out_close;
	}
	status = greet(c);
	if (!status)
		status = report_plan(c);
	session_free(&c->s);
out_close:
	t.ops->close(&t);
	if (report_close(c->report, !status) && !status)
		status = EXIT_LOST;
	free(c);
	return status;
}
