/* SPDX-License-Identifier: MIT */
/* The client. Functions return the exit status. */
#ifndef PINGPONG_CLIENT_H
#define PINGPONG_CLIENT_H

#include "../common/clock.h"
#include "../common/histogram.h"
#include "message.h"
#include "report.h"
#include "tests.h"

struct client {
	const struct options *o;
	struct session s;
	struct report *report;
	struct clock_info clock;
	struct timing timing;
	struct histogram histogram;
	uint64_t server_messages, server_bytes;
};

/* Run one step, from its header to the server's reply; times go to c->timing.
 */
int run_step(struct client *c, const struct step *step);

/* The whole client: connect, measure, report. */
int client_run(const struct options *o);

int run_row(struct client *c, enum test test, uint32_t size);
int run_mixed(struct client *c);

#endif
