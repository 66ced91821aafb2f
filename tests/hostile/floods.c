/* SPDX-License-Identifier: GPL-2.0 */
/* Too much of everything: see front.h. What it costs others is not seen here.
 */
#include <stdio.h>
#include <ivc/barrier.h>
#include "front.h"

/* As many requests as the ring takes, answered or not. */
void flood_requests(struct front *f, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	struct ivc_msg m = { .op = IVC_MSG_HOSTS }, none;
	uint64_t n = 0;

	front_connect(f);
	m.member = front_register(f, 0xf100d, 1);
	do {
		int i;

		for (i = 0; i < 1000; i++) {
			if (f->req_prod - ivc_load_acq(&f->ctl->req_cons) <
			    IVC_CTL_REQS) {
				f->ctl->req[f->req_prod % IVC_CTL_REQS] = m;
				ivc_store_rel(&f->ctl->req_prod, ++f->req_prod);
				n++;
			}
			front_poll(f, 0, &none);
			front_notify(f);
		}
	} while (now_ms() < end);
	front_proves(f, "a flood of requests");
	passed("flood: %llu requests", (unsigned long long)n);
}

/* Into the group of others and out again: all of its members are told. */
void flood_members(struct front *f, uint64_t magic, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	struct ivc_msg req;
	uint64_t n = 0;

	front_connect(f);
	for (; now_ms() < end; n++) {
		struct ivc_msg reply;

		req = (struct ivc_msg){ .op = IVC_MSG_REGISTER };
		req.reg.magic = magic;
		req.reg.id = 0xf100d;
		/* Too often: then nobody is told, either. */
		if (front_ask(f, &req, &reply))
			continue;
		req = (struct ivc_msg){ .op = IVC_MSG_UNREGISTER,
					.member = reply.reged.member };
		while (front_ask(f, &req, NULL))
			;
	}
	front_proves(f, "a flood of members");
	passed("flood: %llu members", (unsigned long long)n);
}

/* Events that say nothing. */
void flood_events(struct front *f, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	uint64_t n = 0;

	front_connect(f);
	do {
		int i;

		for (i = 0; i < 1000; i++, n++)
			front_notify(f);
	} while (now_ms() < end);
	front_proves(f, "a flood of events");
	passed("flood: %llu events", (unsigned long long)n);
}

/* Connected and gone again, as fast as xenstore lets us. */
void flood_states(struct front *f, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	uint64_t n = 0;

	for (; now_ms() < end; n++) {
		front_connect(f);
		front_disconnect(f);
	}
	front_proves(f, "a flood of connections");
	passed("flood: %llu connections", (unsigned long long)n);
}

/* Xenstore is everybody's: what it costs is its own quota's matter. */
void flood_nodes(struct front *f, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	uint64_t n = 0;

	front_connect(f);
	for (; now_ms() < end; n++)
		front_state(f, n & 1 ? CONNECTED : INITIALISED);
	front_proves(f, "a flood of states");
	passed("flood: %llu states", (unsigned long long)n);
}
