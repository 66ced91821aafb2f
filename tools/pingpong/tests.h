/* SPDX-License-Identifier: MIT */
/*
 * The tests themselves, one step at a time, from both ends. They are those of
 * the OSU benchmarks: what goes over the wire is in plan.h.
 */
#ifndef PINGPONG_TESTS_H
#define PINGPONG_TESTS_H

#include "message.h"

#define STEP_SAMPLES 65536

/* What the client measured in one step. */
struct timing {
	uint32_t batch;	   /* latency: round trips per sample */
	uint64_t total_ns; /* the whole step, header and reply excluded */
	uint32_t n;	   /* samples in ns[] */
	uint64_t ns[STEP_SAMPLES];
	/* Called now and then with the messages done, in STEP_MIXED only. */
	void (*progress)(uint64_t done, uint64_t of);
};

/* -EBADMSG: a message was wrong, see s->fault. Else 0 or the transport's. */
int step_client(struct session *s, const struct step *step, struct timing *t);

/* Goes on after a wrong message: the client shall hear of it in the reply. */
int step_server(struct session *s, const struct step *step);

#endif
