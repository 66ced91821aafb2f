/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A member of the job that breaks the protocol, on the network or in a channel:
 * the pair fails with -EPROTO, and the others go on. And a member that dies.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "../../coordinator/internal.h"
#include "job.h"

#define FOE 2
#undef MS
#undef SECOND

enum lie {
	RECORD_SHORT,
	RECORD_GARBAGE,
	RECORD_CUT,
	RECORD_MARK,
	FLUSH_OLD,
	FLUSH_NEVER,
	FLUSH_BYTES,
	STOP_BEHIND,
	STOP_WRONG,
	BACK_MORE_THAN_STOP,
	BACK_TWICE,
	DRAINED_UNASKED,
	DATA_TOO_LONG,
	TYPE_UNKNOWN,
	MARK_SHORT,
	MARK_RESERVED,
	UNIT_UNKNOWN,
	UNIT_ACK_UNSENT,
	UNIT_EMPTY,
	LIES,
};

/* Sends a message over the network as given, well-formed or not. */
static void net_frame(struct coord_peer *p, uint8_t type, uint8_t tag,
		      uint32_t says, size_t len, uint32_t last)
{
	const struct net_ops *ops = p->c->ops;
	struct frame f = frame_head(type, tag, says, 0);
	uint8_t *at;
	int err;

	at = ops->post(p->link, sizeof(f) + len, true, &err);
	must(at, "%s", strerror(-err));
	memset(at, 0, sizeof(f) + len);
	memcpy(at, &f, sizeof(f));
	if (len >= 8)
		memcpy(at + sizeof(f) + 4, &last, sizeof(last));
	ops->commit(p->link, sizeof(f) + len);
	ops->push(p->link);
}

/* Sends 8 bytes of data with a forged unit header over the network. */
static void net_unit(struct coord_peer *p, uint32_t len, uint32_t kind,
		     uint64_t data)
{
	struct {
		uint32_t len, kind;
		uint64_t data;
	} unit = { htole32(len), htole32(kind), htole64(data) };
	uint8_t *at;
	int err;

	at = p->c->ops->post(p->link, 8, true, &err);
	must(at, "%s", strerror(-err));
	p->c->ops->commit(p->link, 8);
	/* Not pushed yet, so the header of commit() can be overwritten. */
	memcpy(at - 8, &unit, sizeof(unit));
	p->c->ops->push(p->link);
}

static void record(struct coord_peer *p, const void *buf, size_t len)
{
	ssize_t n;

	do {
		must(p->out, "no channel");
		must(!job_late(), "no room");
		/* The reader may be behind. */
		n = ivc_write(p->out, buf, len);
	} while (!n);
	must(n == (ssize_t)len, "%zd", n);
}

static void tell(struct coord_peer *p, enum lie lie)
{
	struct frame f = frame_head(FRAME_DATA, 0, 100, 0);
	struct lane *l = p->lane;
	uint8_t junk[48];

	memset(junk, 0xa5, sizeof(junk));
	switch (lie) {
	case RECORD_SHORT:
		record(p, junk, 3);
		break;
	case RECORD_GARBAGE:
		record(p, junk, sizeof(junk));
		break;
	case RECORD_CUT:
		memcpy(junk, &f, sizeof(f));
		record(p, junk, sizeof(junk));
		break;
	case RECORD_MARK:
		f = frame_head(FRAME_FLUSH, 0, sizeof(struct frame_mark), 0);
		memset(junk, 0, sizeof(junk));
		memcpy(junk, &f, sizeof(f));
		record(p, junk, sizeof(f) + sizeof(struct frame_mark));
		break;
	case FLUSH_OLD:
		coord_mark(p, FRAME_FLUSH, l->gen, 0);
		break;
	case FLUSH_NEVER:
		coord_mark(p, FRAME_FLUSH, l->gen + 1, 0);
		break;
	case FLUSH_BYTES:
		coord_mark(p, FRAME_FLUSH, l->gen + 1, 8);
		break;
	case STOP_BEHIND:
		coord_mark(p, FRAME_STOP, l->gen, 0);
		break;
	case STOP_WRONG:
		coord_mark(p, FRAME_STOP, l->gen + 7, l->written);
		break;
	case BACK_MORE_THAN_STOP:
		coord_mark(p, FRAME_STOP, l->gen, l->written);
		coord_mark(p, FRAME_BACK, l->gen, l->written + 1);
		break;
	case BACK_TWICE:
		coord_mark(p, FRAME_BACK, l->gen, l->written + 4000);
		coord_mark(p, FRAME_BACK, l->gen, l->written + 4000);
		break;
	case DRAINED_UNASKED:
		coord_mark(p, FRAME_DRAINED, l->gen, 0);
		break;
	case DATA_TOO_LONG:
		net_frame(p, FRAME_DATA, 0, 1u << 30, 24, 0);
		break;
	case TYPE_UNKNOWN:
		net_frame(p, 77, 0, 24, 24, 0);
		break;
	case MARK_SHORT:
		net_frame(p, FRAME_BACK, 0, 8, 8, 0);
		break;
	case MARK_RESERVED:
		net_frame(p, FRAME_STOP, 0, 16, 16, 1);
		break;
	case UNIT_UNKNOWN:
		net_unit(p, 8, 9, 0);
		break;
	case UNIT_ACK_UNSENT:
		net_unit(p, 8, 2, 1ull << 40);
		break;
	case UNIT_EMPTY:
		net_unit(p, 0, 1, 0);
		break;
	case LIES:
		break;
	}
}

static void both_send(struct rank *r, int to, unsigned int messages)
{
	if (r->sent[to] < messages && r->waiting < 64)
		send_one(r, to, &r->rng);
}

static void hostile(const struct job *j, int me)
{
	enum lie lie = (enum lie)j->seed;
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	/*
	 * Waits for a channel between the hostile rank and rank 0 that has
	 * carried messages.
	 */
	while (me != 1 &&
	       (coord_peer_state(r.peer[me ? 0 : FOE]) != COORD_ACTIVE ||
		r.got[me ? 0 : FOE] < 20 || r.sent[me ? 0 : FOE] < 20)) {
		both_send(&r, me ? 0 : FOE, 10000);
		coord_progress(r.c);
		usleep(100);
		must(!job_late(), "no channel");
	}
	job_barrier(&r);
	if (me == FOE) {
		for (int i = 0; i < 100; i++)
			coord_progress(r.c);
		tell(r.peer[0], lie);
		while (!job_word(0)) {
			usleep(1000);
			must(!job_late(), "nobody minds");
		}
		_exit(0);
	}
	while ((!me && !r.failed[FOE]) || r.got[!me] < j->messages ||
	       r.sent[!me] < j->messages) {
		both_send(&r, !me, j->messages);
		if (!coord_progress(r.c))
			sched_yield();
		must(!job_late(), "lie %d is believed: %d; %u came", lie,
		     r.failed[FOE], r.got[!me]);
	}
	if (!me) {
		must(r.failed[FOE] == -EPROTO, "lie %d: %s", lie,
		     strerror(-r.failed[FOE]));
		must(coord_send_now(r.peer[FOE], 0, "x", 1, NULL, 0) == -EPROTO,
		     "it is talked to");
		job_tell(0, 1);
	}
	job_close(&r);
}

START_TEST(lies)
{
	struct job j = { .ranks = 3,
			 .ends = FOE,
			 .rank = hostile,
			 .use_ivc = true,
			 .messages = 1000,
			 .size_max = 4096,
			 .timeout_s = 5,
			 .seconds = 200,
			 .seed = (unsigned int)_i };

	job_run(&j);
}
END_TEST

/* Rank 2 dies in the middle; the others get an error for it and go on. */
static void death(const struct job *j, int me)
{
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	for (;;) {
		for (int to = 0; to < j->ranks; to++)
			if (to != me && !r.failed[to])
				both_send(&r, to,
					  to == FOE ? 1u << 30 : j->messages);
		if (!coord_progress(r.c))
			sched_yield();
		if (me == FOE && r.got[0] > 500 + j->seed * 7 && r.got[1] > 500)
			kill(getpid(), SIGKILL);
		must(!job_late(), "rank %d does not hear of the death, %u came",
		     me, r.got[!me]);
		if (r.failed[FOE] && r.got[!me] >= j->messages &&
		    r.sent[!me] >= j->messages && !r.waiting)
			break;
	}
	must(r.failed[FOE] != -EPROTO, "%s", strerror(-r.failed[FOE]));
	job_close(&r);
}

START_TEST(deaths)
{
	struct job j = { .ranks = 3,
			 .ends = FOE,
			 .rank = death,
			 .use_ivc = _i & 1,
			 .switch_ms = _i & 2 ? 2 : 0,
			 .sever = true,
			 .messages = 4000,
			 .size_max = 4096,
			 .timeout_s = 1,
			 .seconds = 200,
			 .seed = (unsigned int)_i };

	job_run(&j);
}
END_TEST

TCase *case_hostile(void)
{
	TCase *tc = tcase_create("hostile");

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, lies, 0, LIES);
	return tc;
}

TCase *case_death(void)
{
	TCase *tc = tcase_create("death");

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, deaths, 0, 8);
	return tc;
}
