/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The size of a channel's ring: as asked for; otherwise, between processes of
 * one machine, by the number of members of the group.
 */
#include "../../coordinator/internal.h"
#include "job.h"

#undef MS
#undef SECOND

#define OTHERS_MAX 510

static const struct {
	unsigned int others; /* members of the group that are no ranks */
	bool chosen;
	size_t message_max;
	uint32_t ring;
} sizes[] = {
	{ 0, false, 4096, 32 << 10 },	{ 0, true, 4096, 2 << 20 },
	{ 7, true, 4096, 2 << 20 },	{ 8, true, 4096, 1 << 20 },
	{ 63, true, 4096, 256 << 10 },	{ OTHERS_MAX, true, 4096, 32 << 10 },
	{ 62, true, 65536, 512 << 10 },
};

static void wait_for_members(struct rank *r, unsigned int n)
{
	while (r->c->n_members < n) {
		coord_progress(r->c);
		must(!job_late(), "%u members", r->c->n_members);
	}
}

static void has_ring(struct rank *r, uint32_t ring)
{
	struct coord_peer *p = r->peer[!r->me];
	struct ivc_stats st;

	while (!p->lane || !p->lane->ch) {
		coord_progress(r->c);
		must(!job_late(), "no channel");
	}
	must(!ivc_get_stats(p->lane->ch, &st), "stats");
	must(st.tx_size == ring && st.rx_size == ring, "%u, %u and not %u",
	     st.tx_size, st.rx_size, ring);
}

static void connect_in_crowd(const struct job *j, int me)
{
	ivc_context *others[OTHERS_MAX];
	unsigned int i, n = sizes[j->seed].others;
	struct rank r = { 0 };

	for (i = 0; !me && i < n; i++) {
		others[i] = ivc_register(board->magic, i + 1);
		must(others[i], "member %u: %m", i);
	}
	job_open(&r, j, me);
	wait_for_members(&r, n + 1); /* the list has no entry for itself */
	job_barrier(&r);
	job_add_all(&r);
	send_one(&r, !me, &r.rng);
	has_ring(&r, sizes[j->seed].ring);
	job_barrier(&r);
	job_close(&r);
	for (i = 0; !me && i < n; i++)
		ivc_unregister(others[i]);
}

START_TEST(fits)
{
	struct job j = { .ranks = 2,
			 .rank = connect_in_crowd,
			 .use_ivc = true,
			 .ring_chosen = sizes[_i].chosen,
			 .message_max = sizes[_i].message_max,
			 .size_max = 4096,
			 .seconds = 60,
			 .seed = (unsigned int)_i };

	job_run(&j);
}
END_TEST

TCase *case_ring(void)
{
	TCase *tc = tcase_create("ring");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, fits, 0,
			    (int)(sizeof(sizes) / sizeof(sizes[0])));
	return tc;
}
