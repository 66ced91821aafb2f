/* SPDX-License-Identifier: MIT */
/*
 * The tests, those of the OSU benchmarks, one step at a time, of both ends.
 * plan.h describes the protocol.
 */
#ifndef PINGPONG_TESTS_H
#define PINGPONG_TESTS_H

#include "message.h"

#define STEP_SAMPLES 65536

/* The client's measurements of one step. */
struct timing {
	uint32_t batch;	   /* latency: round trips per sample */
	uint64_t total_ns; /* the whole step, header and reply excluded */
	uint32_t n;	   /* samples in ns[] */
	uint64_t ns[STEP_SAMPLES];
	/* Called during STEP_MIXED with the number of messages so far. */
	void (*progress)(uint64_t done, uint64_t of);
};

/* 0; -EBADMSG: a message was wrong, see s->fault; or the transport's error. */
int step_client(struct session *s, const struct step *step, struct timing *t);

/* The same, but goes on after a wrong message: the reply tells the client. */
int step_server(struct session *s, const struct step *step);

#endif
