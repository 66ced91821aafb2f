/* SPDX-License-Identifier: MIT */
/* The loops that are timed. */
#include <errno.h>

#include "../common/clock.h"
#include "tests.h"

#define PROGRESS_EVERY 1024u

static void sample(struct timing *t, uint64_t ns)
{
	if (t->n < STEP_SAMPLES)
		t->ns[t->n++] = ns;
}

static int latency_client(struct session *s, const struct step *step,
			  struct timing *t)
{
	uint64_t start = clock_ns(), last = start;
	uint32_t in_batch = 0;

	for (uint64_t i = 0; i < step->count; i++) {
		int ret = message_send(s, step->size);

		if (!ret)
			ret = message_recv(s, step->size);
		if (ret)
			return ret;
		if (s->fault)
			return -EBADMSG;
		if (++in_batch == t->batch) {
			uint64_t now = clock_ns();

			sample(t, now - last);
			last = now;
			in_batch = 0;
		}
	}
	t->total_ns = clock_ns() - start;
	return 0;
}

static int latency_server(struct session *s, const struct step *step)
{
	for (uint64_t i = 0; i < step->count; i++) {
		int ret = message_recv(s, step->size);

		if (!ret)
			ret = message_send(s, step->size);
		if (ret)
			return ret;
	}
	return 0;
}

static int bandwidth_client(struct session *s, const struct step *step,
			    struct timing *t)
{
	uint64_t start = clock_ns(), last = start;

	for (uint64_t i = 0; i < step->count; i++) {
		uint64_t now;
		int ret;

		for (uint32_t w = 0; w < step->window; w++) {
			ret = message_send(s, step->size);
			if (ret)
				return ret;
		}
		ret = message_recv(s, ACK_BYTES);
		if (ret)
			return ret;
		if (s->fault)
			return -EBADMSG;
		now = clock_ns();
		sample(t, now - last);
		last = now;
	}
	t->total_ns = last - start;
	return 0;
}

static int bandwidth_server(struct session *s, const struct step *step)
{
	for (uint64_t i = 0; i < step->count; i++) {
		int ret;

		for (uint32_t w = 0; w < step->window; w++) {
			ret = message_recv(s, step->size);
			if (ret)
				return ret;
		}
		ret = message_send(s, ACK_BYTES);
		if (ret)
			return ret;
	}
	return 0;
}

/* One direction of a test that goes both ways at once. */
struct flow {
	uint64_t left; /* messages */
	size_t off;
	size_t size;
};

static void next_size(struct flow *f, const struct step *step, uint64_t key,
		      uint64_t seq)
{
	f->size = step->kind == STEP_MIXED ? mixed_size(key, seq, step->size)
					   : step->size;
}

static ssize_t pump_out(struct session *s, const struct step *step,
			struct flow *tx)
{
	ssize_t n;

	if (!tx->left)
		return 0;
	if (!tx->off)
		next_size(tx, step, s->tx_key, s->tx_seq);
	n = message_send_some(s, tx->size, &tx->off);
	if (n > 0 && !tx->off)
		tx->left--;
	return n;
}

static ssize_t pump_in(struct session *s, const struct step *step,
		       struct flow *rx)
{
	ssize_t n;

	if (!rx->left)
		return 0;
	if (!rx->off)
		next_size(rx, step, s->rx_key, s->rx_seq);
	n = message_recv_some(s, rx->size, &rx->off);
	if (n > 0 && !rx->off)
		rx->left--;
	return n;
}

/*
 * @count messages in each direction at once, in one thread: neither end may
 * stop reading while it waits for room.
 */
static int both_ways(struct session *s, const struct step *step, uint64_t count,
		     struct timing *t)
{
	struct flow tx = { .left = count }, rx = { .left = count };
	struct idle idle = { 0 };
	unsigned int rounds = 0;

	while (tx.left || rx.left) {
		ssize_t out = pump_out(s, step, &tx), in;
		int ret;

		if (out < 0)
			return out;
		in = pump_in(s, step, &rx);
		if (in < 0)
			return in;
		if (s->fault && t)
			return -EBADMSG;
		if (t && t->progress && ++rounds % PROGRESS_EVERY == 0)
			t->progress(count - rx.left, count);
		ret = transport_after(s->t,
				      (tx.left ? CAN_WRITE : 0) |
					      (rx.left ? CAN_READ : 0),
				      &idle, out + in);
		if (ret)
			return ret;
	}
	return 0;
}

static int bibw_client(struct session *s, const struct step *step,
		       struct timing *t)
{
	uint64_t start = clock_ns(), last = start;

	for (uint64_t i = 0; i < step->count; i++) {
		int ret = both_ways(s, step, step->window, t);
		uint64_t now;

		if (ret)
			return ret;
		now = clock_ns();
		sample(t, now - last);
		last = now;
	}
	t->total_ns = last - start;
	return 0;
}

static int bibw_server(struct session *s, const struct step *step)
{
	for (uint64_t i = 0; i < step->count; i++) {
		int ret = both_ways(s, step, step->window, NULL);

		if (ret)
			return ret;
	}
	return 0;
}

static int mixed_client(struct session *s, const struct step *step,
			struct timing *t)
{
	uint64_t start = clock_ns();
	int ret = both_ways(s, step, step->count, t);

	t->total_ns = clock_ns() - start;
	return ret;
}

static bool one_way_at_a_time(enum step_kind kind)
{
	return kind == STEP_LATENCY || kind == STEP_BANDWIDTH;
}

int step_client(struct session *s, const struct step *step, struct timing *t)
{
	int ret = session_room(s, step->size);

	if (ret)
		return ret;
	t->n = 0;
	t->total_ns = 0;
	s->t->may_block = one_way_at_a_time(step->kind);
	switch (step->kind) {
	case STEP_LATENCY:
		ret = latency_client(s, step, t);
		break;
	case STEP_BANDWIDTH:
		ret = bandwidth_client(s, step, t);
		break;
	case STEP_BIBW:
		ret = bibw_client(s, step, t);
		break;
	case STEP_MIXED:
		ret = mixed_client(s, step, t);
		break;
	default:
		ret = -EINVAL;
	}
	s->t->may_block = true;
	return !ret && s->fault ? -EBADMSG : ret;
}

int step_server(struct session *s, const struct step *step)
{
	int ret = session_room(s, step->size);

	if (ret)
		return ret;
	s->t->may_block = one_way_at_a_time(step->kind);
	switch (step->kind) {
	case STEP_LATENCY:
		ret = latency_server(s, step);
		break;
	case STEP_BANDWIDTH:
		ret = bandwidth_server(s, step);
		break;
	case STEP_BIBW:
		ret = bibw_server(s, step);
		break;
	case STEP_MIXED:
		ret = both_ways(s, step, step->count, NULL);
		break;
	default:
		ret = -EINVAL;
	}
	s->t->may_block = true;
	return ret;
}
