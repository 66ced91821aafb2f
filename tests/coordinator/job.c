/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "job.h"

#define SMALL_MAX 256

struct board *board;
static time_t late_at;

/* A queued message with its bytes. */
struct parcel {
	struct coord_send s;
	struct rank *r;
	uint8_t data[];
};

void job_die(const char *file, int line, const char *cond, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: [%d] not %s: ", file, line, getpid(), cond);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

bool job_late(void)
{
	return time(NULL) >= late_at;
}

uint32_t job_random(uint64_t *rng, uint32_t below)
{
	*rng = *rng * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*rng >> 33) % below;
}

static uint8_t pattern(const struct letter *l, size_t i)
{
	uint32_t x = (l->from * 31 + l->to) * 2654435761u + l->seq * 40503u;

	return (uint8_t)((x >> 8) + i * 7 + (i >> 8));
}

void letter_write(void *at, uint32_t from, uint32_t to, uint32_t seq,
		  size_t len)
{
	struct letter l = { from, to, seq, (uint32_t)len };
	uint8_t *p = at;

	memcpy(p, &l, sizeof(l));
	for (size_t i = sizeof(l); i < len; i++)
		p[i] = pattern(&l, i);
}

void letter_check(const struct rank *r, int from, const void *at, size_t len,
		  uint8_t tag)
{
	const uint8_t *p = at;
	struct letter l;

	must(len >= sizeof(l), "%zu bytes from %d", len, from);
	memcpy(&l, p, sizeof(l));
	must(l.from == (uint32_t)from && l.to == (uint32_t)r->me,
	     "from %u to %u, seen by %d from %d", l.from, l.to, r->me, from);
	must(l.seq == r->got[from], "message %u from %d where %u was due",
	     l.seq, from, r->got[from]);
	must(l.len == len, "%u of %u bytes long, not %zu", l.seq, l.len, len);
	must(tag == (uint8_t)l.seq, "tag %u of %u", tag, l.seq);
	for (size_t i = sizeof(l); i < len; i++)
		must(p[i] == pattern(&l, i), "byte %zu of message %u", i,
		     l.seq);
}

static int rank_of(const struct coord_peer *p)
{
	return (int)(coord_peer_name(p) - NAME(0));
}

static void deliver(void *arg, struct coord_peer *p, uint8_t tag,
		    const void *data, size_t len)
{
	struct rank *r = arg;
	int from = rank_of(p);

	letter_check(r, from, data, len, tag);
	__atomic_fetch_add(&r->got[from], 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&board->bytes, len, __ATOMIC_RELAXED);
}

static void sent(void *arg, struct coord_peer *p, struct coord_send *s,
		 int status)
{
	struct rank *r = arg;
	int to = rank_of(p);

	must(!status || r->failed[to] || status == -ECANCELED || r->j->ends,
	     "sent to %d: %s", to, strerror(-status));
	__atomic_fetch_sub(&r->waiting, 1, __ATOMIC_RELEASE);
	free((char *)s - offsetof(struct parcel, s));
}

static void failed(void *arg, struct coord_peer *p, int error)
{
	struct rank *r = arg;
	int who = rank_of(p);

	must(r->j->ends && who >= r->j->ends, "peer %d failed: %s", who,
	     strerror(-error));
	must(!r->failed[who], "peer %d failed twice", who);
	r->failed[who] = error;
}

static void lacks(void *arg, int error)
{
	struct rank *r = arg;

	must(!r->lacks, "told twice");
	r->lacks = error;
}

static struct coord_peer *stranger(void *arg, uint64_t name)
{
	struct rank *r = arg;
	int who = (int)(name - NAME(0));

	if (name < NAME(0) || who >= r->j->ranks)
		return NULL;
	r->peer[who] = coord_peer_add(r->c, name, board->address[who],
				      board->address_len[who], r);
	return r->peer[who];
}

static int open_tcp(void *arg, const struct net_user *user, uint64_t name,
		    const uint8_t key[COORD_KEY], size_t frame_max,
		    struct net **n)
{
	const struct job *j = arg;
	struct tcp_options o = {
		.include = j->include ? j->include : "127.0.0.0/8",
		.family = j->family,
		.buffer = j->buffer ? j->buffer : 4 * frame_max + 65536,
		.message_max = frame_max,
		.timeout_s = j->timeout_s ? j->timeout_s : 20,
		.threads = j->threads,
	};

	return tcp_open(&o, user, name, key, n);
}

static unsigned int poll_us;

static int slow_poll(struct net *n, uint64_t now)
{
	int64_t until = ivc_now() + 1000ll * poll_us;

	while (ivc_now() < until)
		;
	return tcp_ops.poll(n, now);
}

static struct net_link *links[RANKS_MAX];
static unsigned int n_links;

static int keep_link(struct net *n, uint64_t name, const void *addr, size_t len,
		     void *owner, struct net_link **link)
{
	int ret = tcp_ops.link(n, name, addr, len, owner, link);

	if (!ret)
		links[n_links++] = *link;
	return ret;
}

static void push_later(struct net_link *l)
{
	(void)l;
}

static int push_and_poll(struct net *n, uint64_t now)
{
	for (unsigned int i = 0; i < n_links; i++)
		tcp_ops.push(links[i]);
	return tcp_ops.poll(n, now);
}

void job_open(struct rank *r, const struct job *j, int me)
{
	static struct net_ops ops;
	size_t message_max = j->message_max ? j->message_max : 4096;
	struct coord_options o = { .name = NAME(me),
				   .magic = board->magic,
				   .message_max = message_max,
				   .ring = j->ring_chosen ? 0 : 8 * message_max,
				   .use_ivc = j->use_ivc,
				   .threads = j->threads,
				   .switch_ms = j->switch_ms,
				   .sleep_after_us = j->sleep_after_us,
				   .sever = j->sever };
	struct coord_user u = {
		deliver, sent, failed, lacks, NULL, stranger, r
	};
	int ret;

	memset(r, 0, sizeof(*r));
	r->j = j;
	r->me = me;
	r->rng = (uint64_t)j->seed * 977 + (uint64_t)me * 131 + 7;
	must(getrandom(o.key, sizeof(o.key), 0) == sizeof(o.key), "random");
	ops = tcp_ops;
	poll_us = j->poll_us;
	if (poll_us)
		ops.poll = slow_poll;
	if (j->lazy_net) {
		ops.link = keep_link;
		ops.push = push_later;
		ops.poll = push_and_poll;
	}
	ret = coord_open(&o, &u, &ops, open_tcp, (void *)j, &r->c);
	must(!ret, "coord_open: %s", strerror(-ret));
	ret = coord_address(r->c, board->address[me], COORD_ADDRESS_MAX);
	must(ret > 0, "coord_address: %s", strerror(-ret));
	board->address_len[me] = (size_t)ret;
	job_barrier(r);
}

void job_add_all(struct rank *r)
{
	for (int i = 0; i < r->j->ranks; i++)
		if (i != r->me)
			must(stranger(r, NAME(i)), "%m");
}

void job_barrier(struct rank *r)
{
	int round = __atomic_load_n(&board->round, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&board->arrived, 1, __ATOMIC_ACQ_REL) ==
	    r->j->ranks) {
		__atomic_store_n(&board->arrived, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&board->round, round + 1, __ATOMIC_RELEASE);
	}
	while (__atomic_load_n(&board->round, __ATOMIC_ACQUIRE) == round) {
		if (!coord_progress(r->c))
			sched_yield();
		must(!job_late(), "rank %d waits for the others", r->me);
	}
}

uint64_t job_word(int i)
{
	return __atomic_load_n(&board->word[i], __ATOMIC_ACQUIRE);
}

void job_tell(int i, uint64_t value)
{
	__atomic_store_n(&board->word[i], value, __ATOMIC_RELEASE);
}

void job_use_ivc(struct rank *r, int to)
{
	while (coord_peer_state(r->peer[to]) != COORD_ACTIVE) {
		if (r->sent[to] < 4)
			send_one(r, to, &r->rng);
		coord_progress(r->c);
		must(!job_late(), "rank %d has no channel to %d", r->me, to);
	}
}

void job_send_all(struct rank *r)
{
	while (r->waiting) {
		coord_progress(r->c);
		must(!job_late(), "rank %d: %u messages wait", r->me,
		     r->waiting);
	}
}

static void add(uint64_t *to, uint64_t n)
{
	__atomic_fetch_add(to, n, __ATOMIC_RELAXED);
}

void job_close(struct rank *r)
{
	struct coord_stats st;

	coord_get_stats(r->c, &st);
	add(&board->stats.to_ivc, st.to_ivc);
	add(&board->stats.to_net, st.to_net);
	add(&board->stats.refused, st.refused);
	add(&board->stats.resent, st.resent);
	add(&board->stats.skipped, st.skipped);
	add(&board->stats.ivc_sent, st.ivc_sent);
	add(&board->stats.net_sent, st.net_sent);
	add(&board->stats.queued, st.queued);
	for (int i = 0; i < r->j->ranks; i++)
		add(&board->messages, r->got[i]);
	coord_close(r->c, r->j->ends ? 50 : 3000);
	must(!r->waiting, "%u messages were forgotten", r->waiting);
}

void send_one(struct rank *r, int to, uint64_t *rng)
{
	const struct job *j = r->j;
	size_t len = sizeof(struct letter);
	uint32_t seq = r->sent[to];
	uint8_t small[SMALL_MAX];
	struct parcel *p;
	int ret;

	/* Mostly short, sometimes of the greatest size. */
	switch (job_random(rng, 8)) {
	case 0:
		len += job_random(rng, (uint32_t)(j->size_max - len) + 1);
		break;
	case 1:
		len = j->size_max;
		break;
	default:
		len += job_random(rng, 64);
	}
	if (len <= SMALL_MAX && job_random(rng, 2)) {
		size_t cut = job_random(rng, (uint32_t)len + 1);

		letter_write(small, (uint32_t)r->me, (uint32_t)to, seq, len);
		ret = coord_send_now(r->peer[to], (uint8_t)seq, small, cut,
				     small + cut, len - cut);
		must(ret >= 0, "coord_send_now: %s", strerror(-ret));
		r->sent[to] += ret > 0;
		return;
	}
	p = malloc(sizeof(*p) + len);
	must(p, "memory");
	p->r = r;
	letter_write(p->data, (uint32_t)r->me, (uint32_t)to, seq, len);
	p->s = (struct coord_send){ .tag = (uint8_t)seq };
	p->s.part[0].at = p->data;
	p->s.part[0].len = len / 3;
	p->s.part[1].at = p->data + len / 3;
	p->s.part[1].len = len - len / 3;
	__atomic_fetch_add(&r->waiting, 1, __ATOMIC_RELAXED);
	ret = coord_send(r->peer[to], &p->s);
	must(ret >= 0, "coord_send: %s", strerror(-ret));
	r->sent[to]++;
	if (ret) {
		__atomic_fetch_sub(&r->waiting, 1, __ATOMIC_RELAXED);
		free(p);
	}
}

static void run_rank(const struct job *j, int me)
{
	/* Check's handler would end the whole test. */
	signal(SIGTERM, SIG_DFL);
	late_at = time(NULL) + (j->seconds ? j->seconds : 240);
	j->rank(j, me);
	_exit(0);
}

void job_run(const struct job *j)
{
	int status, bad = 0;
	pid_t pid;

	board->arrived = board->round = 0;
	memset(board->word, 0, sizeof(board->word));
	memset(board->address_len, 0, sizeof(board->address_len));
	board->magic = (uint64_t)getpid() << 32 | j->seed;
	fflush(NULL);
	for (int i = 0; i < j->ranks; i++) {
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (!pid)
			run_rank(j, i);
		board->pid[i] = pid;
	}
	for (int i = 0; i < j->ranks; i++) {
		int k;

		pid = wait(&status);
		for (k = 0; k < j->ranks && board->pid[k] != pid; k++)
			;
		if (j->ends && k >= j->ends && WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGKILL)
			continue;
		if (status && !bad) {
			bad = status;
			/* The others would wait for ever. */
			for (k = 0; k < j->ranks; k++)
				if (board->pid[k] != pid)
					kill(board->pid[k], SIGTERM);
		}
	}
	ck_assert_msg(!bad, "a process of the job ended with %#x", bad);
}
