/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages of all sizes from all ranks to all, while each pair changes from the
 * network to a channel and back all the time. The changes come at times of a
 * clock, and at moments that the sender chooses; in order, or because the
 * channel breaks. The network's connections break, too.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "job.h"

static bool all_here(const struct rank *r)
{
	for (int i = 0; i < r->j->ranks; i++)
		if (i != r->me &&
		    __atomic_load_n(&r->got[i], __ATOMIC_ACQUIRE) <
			    r->j->messages)
			return false;
	return !__atomic_load_n(&r->waiting, __ATOMIC_ACQUIRE);
}

static void disturb(struct rank *r, int to)
{
	const struct job *j = r->j;

	if (j->switch_every && !job_random(&r->rng, j->switch_every))
		coord_force(r->peer[to], j->sever && job_random(&r->rng, 2));
	if (j->break_every && !job_random(&r->rng, j->break_every)) {
		coord_break_net(r->peer[to]);
		__atomic_fetch_add(&board->breaks, 1, __ATOMIC_RELAXED);
	}
}

/* Sends all messages from a single thread. */
static void traffic(const struct job *j, int me)
{
	struct rank r = { 0 };
	unsigned int left = 0;

	job_open(&r, j, me);
	job_add_all(&r);
	do {
		left = 0;
		for (int to = 0; to < j->ranks; to++) {
			if (to == me || r.sent[to] == j->messages)
				continue;
			left++;
			if (r.waiting > 64)
				continue;
			disturb(&r, to);
			for (int n = (int)job_random(&r.rng, 8);
			     n && r.sent[to] < j->messages; n--)
				send_one(&r, to, &r.rng);
		}
		if (!coord_progress(r.c))
			sched_yield();
		must(!job_late(),
		     "rank %d: %u of %u sent to %d, %u came; %u wait, state %d",
		     me, r.sent[!me], j->messages, !me, r.got[!me], r.waiting,
		     coord_peer_state(r.peer[!me]));
	} while (left || !all_here(&r));
	job_barrier(&r);
	for (int i = 0; i < j->ranks; i++)
		must(i == me || r.got[i] == j->messages, "%u from %d", r.got[i],
		     i);
	job_close(&r);
}

struct sender {
	struct rank *r;
	int to;
};

/* The counters of a peer belong to one thread. */
static void *send_all(void *arg)
{
	struct sender *s = arg;
	struct rank *r = s->r;
	uint64_t rng = r->rng + (uint64_t)s->to * 7919;

	while (r->sent[s->to] < r->j->messages) {
		if (__atomic_load_n(&r->waiting, __ATOMIC_RELAXED) <= 64)
			send_one(r, s->to, &rng);
		if (!job_random(&rng, 4))
			coord_progress(r->c);
		must(!job_late(), "a sender to %d is at %u", s->to,
		     r->sent[s->to]);
	}
	return NULL;
}

/* The same, with a thread for each peer that sends and makes progress. */
static void threads(const struct job *j, int me)
{
	struct sender s[RANKS_MAX];
	pthread_t t[RANKS_MAX];
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	for (int i = 0; i < j->ranks; i++) {
		s[i] = (struct sender){ &r, i };
		must(i == me || !pthread_create(&t[i], NULL, send_all, &s[i]),
		     "thread");
	}
	while (!all_here(&r)) {
		if (!coord_progress(r.c))
			sched_yield();
		must(!job_late(), "rank %d: %u wait, %u of %u came", me,
		     r.waiting, r.got[!me], j->messages);
	}
	for (int i = 0; i < j->ranks; i++)
		must(i == me || !pthread_join(t[i], NULL), "join");
	job_barrier(&r);
	job_close(&r);
}

/*
 * Rank 1 computes: it makes no call while rank 0 sends to it through a channel
 * and then over the network, and while the channel ends.
 */
static void computes(const struct job *j, int me)
{
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	job_use_ivc(&r, !me);
	job_barrier(&r);
	if (me) {
		while (!job_word(0))
			usleep(1000);
	} else {
		for (int i = 0; i < 3; i++) {
			coord_force(r.peer[1], i == 0);
			for (int k = 0; k < 200; k++) {
				send_one(&r, 1, &r.rng);
				coord_progress(r.c);
				usleep(20);
			}
		}
		job_tell(1, r.sent[1]);
		job_tell(0, 1);
	}
	job_send_all(&r);
	while (me && r.got[0] < job_word(1)) {
		coord_progress(r.c);
		must(!job_late(), "%u came", r.got[0]);
	}
	job_barrier(&r);
	job_close(&r);
}

/*
 * Longer than any of these waits takes: a sleep of this length means a lost
 * wake-up.
 */
#define LONG_MS 10000

static void sleep_long(struct rank *r)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	coord_wait(r->c, LONG_MS);
	clock_gettime(CLOCK_MONOTONIC, &to);
	must(to.tv_sec - from.tv_sec < LONG_MS / 1000,
	     "rank %d slept on: a wake-up is lost", r->me);
	must(!job_late(), "rank %d: %u came", r->me,
	     r->got[(r->me + r->j->ranks - 1) % r->j->ranks]);
}

static void sleeping(struct rank *r)
{
	if (!coord_progress(r->c))
		sleep_long(r);
}

/* Rank 0 sleeps before any progress with its first message. */
static void first_message(const struct job *j, int me)
{
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	while (!me && !r.sent[1])
		send_one(&r, 1, &r.rng);
	if (!me)
		sleep_long(&r);
	while (me && !r.got[0])
		sleeping(&r);
	job_barrier(&r);
	job_close(&r);
}

/*
 * A message goes round, and ranks without it sleep until it comes: over the
 * network, then through IVC; or, with threads, while others are in progress,
 * too.
 */
static void rounds(const struct job *j, int me)
{
	int next = (me + 1) % j->ranks, last = (me + j->ranks - 1) % j->ranks;
	struct coord_stats st;
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	job_barrier(&r);
	for (unsigned int i = 0; i < j->messages; i++) {
		while (me && r.got[last] == i)
			sleeping(&r);
		disturb(&r, next);
		disturb(&r, last);
		/*
		 * Some messages are sent at once or not at all, and no event
		 * tells when that is possible.
		 */
		for (send_one(&r, next, &r.rng); r.sent[next] == i;
		     send_one(&r, next, &r.rng))
			coord_progress(r.c);
		while (!me && r.got[last] == i)
			sleeping(&r);
		while (r.waiting)
			sleeping(&r);
	}
	coord_get_stats(r.c, &st);
	must(st.slept > j->messages / 2, "it has slept %llu times",
	     (unsigned long long)st.slept);
	must(!j->use_ivc || st.ivc_sent, "nothing went over IVC");
	job_barrier(&r);
	job_close(&r);
}

static uint64_t slept(const struct rank *r)
{
	struct coord_stats st;

	coord_get_stats(r->c, &st);
	return st.slept;
}

/*
 * A rank that computes between its polls does not sleep, even right after a
 * sleep. It may do so now and then, on a machine that takes the CPU away in the
 * middle of a poll.
 */
static void computes_between(struct rank *r)
{
	uint64_t before = slept(r);

	while (slept(r) < before + 2)
		coord_progress(r->c);
	before = slept(r);
	for (int i = 0; i < 600; i++) {
		int64_t until = ivc_now() + 120000;

		while (ivc_now() < until)
			;
		coord_progress(r->c);
	}
	must(slept(r) - before < 30, "it has slept %llu times",
	     (unsigned long long)(slept(r) - before));
}

/*
 * A rank that polls in vain sleeps, also where sixteen polls take milliseconds.
 */
static void in_vain(const struct job *j, int me)
{
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	if (me)
		usleep(500000);
	while (me && !r.sent[0])
		send_one(&r, 0, &r.rng);
	while (me ? r.waiting : !r.got[1]) {
		coord_progress(r.c);
		must(!job_late(), "nothing came");
	}
	must(me || slept(&r) > 4, "it has slept %llu times",
	     (unsigned long long)slept(&r));
	if (!me && !j->poll_us)
		computes_between(&r);
	job_barrier(&r);
	job_close(&r);
}

#ifndef SWITCH_MESSAGES
#define SWITCH_MESSAGES 30000
#endif

START_TEST(by_the_clock)
{
	struct job j = { .ranks = 2,
			 .rank = traffic,
			 .use_ivc = true,
			 .switch_ms = 1,
			 .switch_every = 400,
			 .sever = _i & 1,
			 .threads = _i & 2,
			 .messages = SWITCH_MESSAGES,
			 .size_max = 4096,
			 .seed = (unsigned int)_i };

	job_run(&j);
}
END_TEST

START_TEST(four_processes)
{
	struct job j = { .ranks = 4,
			 .rank = traffic,
			 .use_ivc = true,
			 .switch_ms = 2,
			 .switch_every = 400,
			 .sever = true,
			 .messages = SWITCH_MESSAGES / 8,
			 .size_max = 4096,
			 .break_every = 2000,
			 .seed = 4 };

	job_run(&j);
}
END_TEST

START_TEST(large_messages)
{
	struct job j = { .ranks = 2,
			 .rank = traffic,
			 .use_ivc = true,
			 .switch_ms = 3,
			 .switch_every = 400,
			 .sever = true,
			 .messages = SWITCH_MESSAGES / 10,
			 .message_max = 65536,
			 .size_max = 65536,
			 .break_every = 1000,
			 .seed = 5 };

	job_run(&j);
}
END_TEST

/*
 * In a ring so large that bytes are left free behind messages of some cache
 * lines.
 */
START_TEST(large_ring)
{
	struct job j = { .ranks = 2,
			 .rank = traffic,
			 .use_ivc = true,
			 .switch_ms = 10,
			 .switch_every = 400,
			 .sever = _i,
			 .messages = SWITCH_MESSAGES / 2,
			 .message_max = 8192,
			 .ring_chosen = true,
			 .size_max = 3000,
			 .seed = 10 };

	job_run(&j);
}
END_TEST

START_TEST(with_threads)
{
	struct job j = { .ranks = 3,
			 .rank = threads,
			 .use_ivc = true,
			 .switch_ms = 1,
			 .sever = true,
			 .threads = true,
			 .messages = SWITCH_MESSAGES / 6,
			 .size_max = 4096,
			 .seed = 6 };

	job_run(&j);
}
END_TEST

START_TEST(without_switches)
{
	struct job j = { .ranks = 3,
			 .rank = traffic,
			 .use_ivc = true,
			 .messages = SWITCH_MESSAGES / 2,
			 .size_max = 4096,
			 .seed = 7 };

	job_run(&j);
}
END_TEST

START_TEST(one_computes)
{
	struct job j = { .ranks = 2,
			 .rank = computes,
			 .use_ivc = true,
			 .size_max = 4096,
			 .seed = 8 };

	job_run(&j);
}
END_TEST

START_TEST(sleepers)
{
	struct job j = { .ranks = 3,
			 .rank = rounds,
			 .use_ivc = _i & 1,
			 .threads = _i & 2,
			 .messages = 3000,
			 .size_max = 4096,
			 .seconds = 60,
			 .seed = 9 };

	job_run(&j);
}
END_TEST

/* The same, while each channel is left after some milliseconds. */
START_TEST(sleepers_by_the_clock)
{
	struct job j = { .ranks = 3,
			 .rank = rounds,
			 .use_ivc = true,
			 .switch_ms = 3,
			 .sever = _i,
			 .messages = 3000,
			 .size_max = 4096,
			 .seconds = 60,
			 .seed = 12 };

	job_run(&j);
}
END_TEST

START_TEST(sleeps_at_once)
{
	struct job j = { .ranks = 2,
			 .rank = first_message,
			 .messages = 1,
			 .size_max = 4096,
			 .seconds = 60,
			 .seed = 10 };

	job_run(&j);
}
END_TEST

START_TEST(sleeps_when_slow)
{
	struct job j = { .ranks = 2,
			 .rank = in_vain,
			 .sleep_after_us = 100,
			 .poll_us = _i * 200,
			 .messages = 1,
			 .size_max = 4096,
			 .seconds = 60,
			 .seed = 11 };

	job_run(&j);
}
END_TEST

/* The same, while channels are left, channels break, and connections break. */
START_TEST(sleepers_switch)
{
	struct job j = { .ranks = 3,
			 .rank = rounds,
			 .use_ivc = true,
			 .switch_every = 40,
			 .sever = _i > 0,
			 .break_every = _i > 1 ? 100 : 0,
			 .messages = 10000,
			 .size_max = 4096,
			 .seconds = 120,
			 .seed = (unsigned int)_i };

	job_run(&j);
}
END_TEST

TCase *case_switch(void)
{
	TCase *tc = tcase_create("switch");

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, by_the_clock, 0, 4);
	tcase_add_test(tc, four_processes);
	tcase_add_test(tc, large_messages);
	tcase_add_loop_test(tc, large_ring, 0, 2);
	tcase_add_test(tc, with_threads);
	tcase_add_test(tc, without_switches);
	tcase_add_test(tc, one_computes);
	tcase_add_loop_test(tc, sleepers, 0, 4);
	tcase_add_loop_test(tc, sleepers_by_the_clock, 0, 2);
	tcase_add_test(tc, sleeps_at_once);
	tcase_add_loop_test(tc, sleeps_when_slow, 0, 2);
	tcase_add_loop_test(tc, sleepers_switch, 0, 3);
	return tc;
}
