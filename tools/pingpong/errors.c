/* SPDX-License-Identifier: MIT */
/* Why a run ended: see errors.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "errors.h"

void explain_fault(const char *who, enum fault fault, uint64_t seq)
{
	progress_end();
	fprintf(stderr,
		"ivc-pingpong: verification failed: message %llu received by "
		"%s is wrong: %s\n",
		(unsigned long long)seq, who, fault_name(fault));
}

static int explain_silence(struct session *s)
{
	const char *other = s->t->server ? "client" : "server";

	fprintf(stderr, "ivc-pingpong: nothing from the %s for %d s", other,
		s->t->timeout_s);
	if (!s->hello.verify) {
		fprintf(stderr, "; check whether its process is stopped or its "
				"guest paused\n");
		return EXIT_LOST;
	}
	fprintf(stderr,
		" in the middle of a verified test:\n  %llu messages were "
		"right, and then bytes are missing (or the %s hangs)\n",
		(unsigned long long)s->rx_seq, other);
	return EXIT_FAULT;
}

int explain(struct session *s, int err, const char *doing)
{
	struct transport *t = s->t;
	const char *other = t->server ? "client" : "server", *advice;

	progress_end();
	if (s->fault) {
		explain_fault(t->server ? "the server" : "the client", s->fault,
			      s->fault_seq);
		return EXIT_FAULT;
	}
	if (stopped) {
		fprintf(stderr, "ivc-pingpong: interrupted\n");
		return EXIT_SIGNAL;
	}
	switch (err) {
	case -EPIPE:
		fprintf(stderr,
			"ivc-pingpong: the %s has ended while %s; see its own "
			"output for the reason\n",
			other, doing);
		return EXIT_LOST;
	case -ECONNRESET:
		fprintf(stderr,
			"ivc-pingpong: the %s has died (its process or its "
			"guest) while %s\n",
			other, doing);
		return EXIT_LOST;
	case -ENODEV:
		if (!s->buf_size) /* no connection yet */
			break;
		fprintf(stderr,
			"ivc-pingpong: the device was detached while %s; "
			"ivcctl attach in Dom0 brings it back\n",
			doing);
		return EXIT_LOST;
	case -EPROTO:
		fprintf(stderr,
			"ivc-pingpong: the other end broke the protocol of "
			"the channel while %s: update it, or do not trust it\n",
			doing);
		return EXIT_LOST;
	case -ETIMEDOUT:
		if (!s->buf_size) /* the broker or backend is silent */
			break;
		return explain_silence(s);
	}
	fprintf(stderr, "ivc-pingpong: %s while %s\n", strerror(-err), doing);
	advice = t->ops->advice ? t->ops->advice(t, -err) : NULL;
	if (advice)
		fprintf(stderr, "  %s\n", advice);
	return EXIT_LOST;
}
