/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages that were reported as sent arrive without another call of the
 * sender. A process that closes gets no message any more.
 */
#include <unistd.h>

#include "job.h"

#define ROUNDS 40
#define BURST 400

enum { WORD_ROUND, WORD_SENT, WORD_CAME };

/*
 * Sends some messages, stops at any moment, and makes no call until they have
 * arrived.
 */
static void send_and_rest(struct rank *r, uint64_t round)
{
	for (uint32_t n = job_random(&r->rng, BURST) + 1; n; n--) {
		send_one(r, 1, &r->rng);
		if (!job_random(&r->rng, 4))
			coord_progress(r->c);
	}
	/*
	 * In the first round the sender only waits until its first message is
	 * sent.
	 */
	while (round == 1 && r->sent[1] == r->waiting) {
		coord_progress(r->c);
		must(!job_late(), "not sent");
	}
	job_tell(WORD_SENT, r->sent[1] - r->waiting);
	job_tell(WORD_ROUND, round);
	while (job_word(WORD_CAME) != round) {
		usleep(200);
		must(!job_late(), "rank 1 does not get the messages of rank 0");
	}
}

/* Every second round this rank makes no call either, so that buffers fill. */
static void take(struct rank *r, uint64_t round)
{
	while (job_word(WORD_ROUND) != round) {
		if (round & 1)
			coord_progress(r->c);
		else
			usleep(200);
	}
	while (r->got[0] < job_word(WORD_SENT)) {
		coord_progress(r->c);
		must(!job_late(), "round %u: %u of %u came", (unsigned)round,
		     r->got[0], (unsigned)job_word(WORD_SENT));
	}
	job_tell(WORD_CAME, round);
}

static void rests(const struct job *j, int me)
{
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		if (me)
			take(&r, round);
		else
			send_and_rest(&r, round);
	}
	job_send_all(&r);
	job_barrier(&r);
	job_close(&r);
}

/* Over the network only, then over channels that are left all the time. */
START_TEST(sender_rests)
{
	struct job j = { .ranks = 2,
			 .rank = rests,
			 .use_ivc = _i & 1,
			 .switch_ms = _i & 1 ? 3 : 0,
			 .lazy_net = _i & 2,
			 .message_max = 65536,
			 .size_max = 65536,
			 .buffer = 16 << 20,
			 .seconds = 30,
			 .seed = 30 + (unsigned int)_i };

	job_run(&j);
}
END_TEST

/* Rank 1 begins to close while messages wait that it has not read. */
static void closes(const struct job *j, int me)
{
	struct rank r = { 0 };
	uint32_t before;

	job_open(&r, j, me);
	job_add_all(&r);
	if (j->use_ivc)
		job_use_ivc(&r, !me);
	while (!r.sent[!me])
		send_one(&r, !me, &r.rng);
	while (!r.got[!me]) {
		coord_progress(r.c);
		must(!job_late(), "no message comes");
	}
	job_barrier(&r);
	before = r.got[0];
	if (!me) {
		while (r.sent[1] < 20)
			send_one(&r, 1, &r.rng);
		job_send_all(&r);
		job_tell(WORD_SENT, 1);
	}
	while (me && !job_word(WORD_SENT))
		usleep(200);
	job_close(&r);
	must(r.got[0] == before, "%u were delivered", r.got[0] - before);
}

START_TEST(closing)
{
	struct job j = { .ranks = 2,
			 .rank = closes,
			 .use_ivc = _i,
			 .size_max = 4096,
			 .seconds = 30,
			 .seed = 40 };

	job_run(&j);
}
END_TEST

TCase *case_rest(void)
{
	TCase *tc = tcase_create("rest");

	tcase_set_timeout(tc, 100);
	tcase_add_loop_test(tc, sender_rests, 0, 4);
	tcase_add_loop_test(tc, closing, 0, 2);
	return tc;
}
