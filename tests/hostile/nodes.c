/* SPDX-License-Identifier: GPL-2.0 */
/* Wrong nodes, wrong states, and a frontend that dies in each: see front.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ivc/protocol/barrier.h>
#include "front.h"

/*
 * NULL: the node does not exist. (References 0 and 1 are valid: by them the
 * toolstack grants Dom0 the guest's console and xenstore pages.)
 */
static const struct {
	const char *node;
	const char *value;
} wrong[] = {
	{ "version", NULL },
	{ "version", "0" },
	{ "version", "1" },
	{ "version", "3" },
	{ "version", "4294967296" },
	{ "version", "-1" },
	{ "version", "one" },
	{ "version", "" },
	{ "ring-ref", NULL },
	{ "ring-ref", "4294967295" },
	{ "ring-ref", "99999999999999999999" },
	{ "ring-ref", "-8" },
	{ "ring-ref", "many" },
	{ "ring-ref", "" },
	{ "table-ref", NULL },
	{ "table-ref", "4294967295" },
	{ "table-ref", "%s%n" },
	{ "event-channel", NULL },
	{ "event-channel", "0" },
	{ "event-channel", "1" },
	{ "event-channel", "4294967295" },
	{ "event-channel", "none" },
};

#define N_WRONG (sizeof(wrong) / sizeof(wrong[0]))

/* Go up to Initialised, spoiled by @spoil; the backend must refuse. */
static void refused(struct front *f, const char *what,
		    void (*spoil)(struct front *f, size_t i), size_t i)
{
	front_reset(f);
	front_make(f);
	front_publish(f);
	spoil(f, i);
	front_state(f, INITIALISED);
	back_must_be(f, CLOSING, CLOSED, what);
}

static void spoil_node(struct front *f, size_t i)
{
	if (wrong[i].value)
		front_set(f, wrong[i].node, "%s", wrong[i].value);
	else
		front_rm(f, wrong[i].node);
}

/* A page granted to another guest, one read-only, one whose grant ended, ... */
static void spoil_refs(struct front *f, size_t how)
{
	uint32_t ref = 0;
	void *page;

	switch (how) {
	case 0:
		page = xengntshr_share_pages(f->gntshr, f->domid + 1, 1, &ref,
					     1);
		break;
	case 1:
		page = xengntshr_share_pages(f->gntshr, f->back_id, 1, &ref, 0);
		break;
	default:
		page = xengntshr_share_pages(f->gntshr, f->back_id, 1, &ref, 1);
		xengntshr_unshare(f->gntshr, page, 1);
		page = NULL;
		break;
	}
	front_set(f, how & 1 ? "table-ref" : "ring-ref", "%u", ref);
	if (page)
		xengntshr_unshare(f->gntshr, page, 1);
}

/* A port for another guest, and a port of this guest that is already bound. */
static void spoil_port(struct front *f, size_t how)
{
	int port = xenevtchn_bind_unbound_port(f->evtchn,
					       how ? f->domid + 1 : f->domid);

	front_set(f, "event-channel", "%d", port);
	if (how == 2)
		xenevtchn_unbind(f->evtchn, (evtchn_port_t)port);
}

void attack_nodes(struct front *f)
{
	size_t i;

	for (i = 0; i < N_WRONG; i++) {
		refused(f, wrong[i].node, spoil_node, i);
		/* To correct the node now does not help. */
		front_publish(f);
		front_state(f, INITIALISED);
	}
	for (i = 0; i < 3; i++)
		refused(f, "wrong grant", spoil_refs, i);
	for (i = 0; i < 3; i++)
		refused(f, "wrong port", spoil_port, i);
	front_proves(f, "wrong nodes");

	/* Once connected, the backend does not read the nodes. */
	front_connect(f);
	for (i = 0; i < N_WRONG; i++)
		spoil_node(f, i);
	front_register(f, front_job(f), 2);
	if (back_state(f) != CONNECTED)
		die("nodes changed later: state %d", back_state(f));
	front_proves(f, "nodes changed while connected");
	passed("wrong nodes: %zu", N_WRONG + 6);
}

static const char *const odd_states[] = { "0",	"2",  "7", "8",	 "9",
					  "-1", "99", "x", "",	 "4294967300",
					  "1",	"3",  "5", "4 4" };

#define N_ODD (sizeof(odd_states) / sizeof(odd_states[0]))

static void walk(struct front *f, int steps)
{
	while (steps--) {
		switch (rnd_below(12)) {
		case 0:
			front_rm(f, "state");
			break;
		case 1:
			sleep_ms((int)rnd_below(20));
			break;
		case 2:
			if (f->ctl)
				break;
			front_make(f);
			front_publish(f);
			break;
		case 3:
			front_unmake(f);
			break;
		default:
			front_state(f, (int)rnd_below(9));
			break;
		}
	}
}

/*
 * The backend treats a frontend whose state cannot be read as gone: it ends the
 * device for good, and only the toolstack can make another. So walk() tries
 * these two, and the scenario attaches the guest again after it.
 */
static bool is_gone(const char *state)
{
	return !*state || !strcmp(state, "0") || !strcmp(state, "x");
}

/* States that ivc-front never has: the backend disconnects at once. */
static void no_state(struct front *f, const char *state)
{
	uint32_t cons = ivc_load(&f->ctl->req_cons);

	if (strcmp(state, "2") && strcmp(state, "7") && strcmp(state, "99"))
		return;
	back_must_be(f, CLOSING, CLOSED, "a state that is none");
	front_post(f, &(struct ivc_msg){ .op = IVC_MSG_REGISTER });
	sleep_ms(200);
	if (ivc_load(&f->ctl->req_cons) != cons)
		die("in state %s requests are answered", state);
}

void attack_states(struct front *f)
{
	size_t i, from;

	for (from = 0; from < 3; from++) {
		for (i = 0; i < N_ODD; i++) {
			if (is_gone(odd_states[i]))
				continue;
			if (from == 0) {
				front_reset(f);
			} else {
				front_connect(f);
				if (from == 2)
					front_register(f, front_job(f), 3);
			}
			front_set(f, "state", "%s", odd_states[i]);
			sleep_ms(20);
			if (from == 2)
				no_state(f, odd_states[i]);
		}
		front_proves(f, "odd states");
	}
	/* Initialised and Connected, without any node. */
	front_reset(f);
	front_rm(f, "ring-ref");
	front_state(f, CONNECTED);
	back_must_be(f, CLOSING, CLOSED, "Connected at once");
	/* The same state, written many times. */
	front_connect(f);
	for (i = 0; i < 50; i++) {
		front_state(f, INITIALISED);
		front_state(f, CONNECTED);
	}
	front_register(f, front_job(f), 4);
	front_proves(f, "states again and again");
	passed("odd states: %zu", 3 * N_ODD + 2);
}

/* A child process connects as far as @step and then dies. */
static void vanish_at(int step)
{
	struct front f;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork failed");
	if (!pid) {
		front_open(&f);
		front_reset(&f);
		if (step > 0) {
			front_make(&f);
			front_publish(&f);
		}
		if (step > 1)
			front_state(&f, INITIALISED);
		if (step > 2)
			back_must_be(&f, CONNECTED, CONNECTED, "vanish");
		if (step > 3)
			front_state(&f, CONNECTED);
		if (step > 4)
			front_register(&f, front_job(&f), 5);
		if (step > 5)
			front_post(&f,
				   &(struct ivc_msg){ .op = IVC_MSG_REGISTER });
		if (step > 6)
			front_state(&f, CLOSING);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("vanish at step %d: status %#x", step,
		    (unsigned int)status);
}

/* Its pages and port end with it, while the backend has them mapped. */
void attack_vanish(struct front *f)
{
	int step;

	for (step = 0; step < 8; step++) {
		vanish_at(step);
		front_proves(f, "a frontend that vanished");
	}
	passed("vanished: 8 times");
	walk(f, 300);
	passed("a walk through all states: 300 steps");
}
