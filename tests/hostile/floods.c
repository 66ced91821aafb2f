/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Floods of each kind: see front.h. This program does not see their cost for
 * other guests: the scenarios measure it.
 */
#include <stdio.h>
#include <ivc/protocol/barrier.h>
#include "front.h"

/* Keep the ring full of requests, answered or not. */
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

/* Count the notices for member @me among the events that have come. */
static unsigned int notices(struct front *f, uint64_t me)
{
	struct ivc_msg none;
	unsigned int i, n = 0;

	front_poll(f, 0, &none);
	for (i = 0; i < f->nr_events && i < 64; i++)
		n += f->events[i].op == IVC_MSG_EV_HOSTS &&
		     f->events[i].member == me;
	f->nr_events = 0;
	return n;
}

static void in_and_out(struct front *f, uint32_t id)
{
	struct ivc_msg req = { .op = IVC_MSG_UNREGISTER };

	req.member = front_register(f, 0x5702, id);
	if (front_ask(f, &req, NULL))
		die("UNREGISTER of %u", id);
}

/* A member joins and leaves in a loop: count the notices to another one. */
void attack_storm(struct front *f, int seconds)
{
	struct ivc_msg req = { .op = IVC_MSG_HOSTS };
	unsigned int n = 0, new, changes = 0, i;
	int64_t begin, ms;

	front_connect(f);
	req.member = front_register(f, 0x5702, 1);
	for (i = 0; i < 20; i++) {
		in_and_out(f, 2);
		sleep_ms(10);
	}
	sleep_ms(200);
	n = notices(f, req.member);
	if (n != 1)
		die("%u notices to a member that does not ask", n);

	front_ask(f, &req, NULL);
	begin = now_ms();
	for (n = 0; now_ms() < begin + seconds * 1000; changes += 2) {
		in_and_out(f, 2);
		new = notices(f, req.member);
		n += new;
		if (new &&front_ask(f, &req, NULL))
			die("HOSTS");
		/* Stay below the rate at which requests are refused. */
		if (!(changes % 10))
			sleep_ms(5);
	}
	ms = now_ms() - begin;
	if (n < 2 || n > 2 + ms / 50)
		die("%u changes in %d ms: %u notices", changes, (int)ms, n);

	/* The notice of the last change is never lost. */
	sleep_ms(200);
	notices(f, req.member);
	front_ask(f, &req, NULL);
	front_register(f, 0x5702, 3);
	sleep_ms(200);
	new = notices(f, req.member);
	if (new != 1)
		die("%u notices of the last change, not 1", new);
	front_proves(f, "a storm");
	passed("storm: %u changes in %d ms, of which another is told %u times",
	       changes, (int)ms, n);
}

/* Join and leave the group of others, whose members all get notices. */
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
		/* Above the rate, where a refused request causes no notice. */
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

/* Notifications without a request. */
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

/* Connect and disconnect as fast as xenstore allows. */
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

/* Write nodes in a loop. Xenstore itself has to bound what that costs. */
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
