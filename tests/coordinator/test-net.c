/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The network alone: connections that break all the time, IPv6, an unreachable
 * peer, and bytes that a foreign process may send to an open port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../coordinator/tcp-internal.h"
#include "job.h"

static void one_way_and_back(const struct job *j, int me)
{
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	while (r.got[!me] < j->messages || r.sent[!me] < j->messages ||
	       r.waiting) {
		if (r.sent[!me] < j->messages && r.waiting < 64) {
			send_one(&r, !me, &r.rng);
			/* Breaks per message sent, not per idle round. */
			if (j->break_every &&
			    !job_random(&r.rng, j->break_every)) {
				coord_break_net(r.peer[!me]);
				__atomic_fetch_add(&board->breaks, 1,
						   __ATOMIC_RELAXED);
			}
		}
		if (!coord_progress(r.c))
			sched_yield();
		must(!job_late(), "%u sent, %u came", r.sent[!me], r.got[!me]);
	}
	job_barrier(&r);
	job_close(&r);
}

START_TEST(broken_connections)
{
	struct job j = { .ranks = 2,
			 .rank = one_way_and_back,
			 .messages = 20000,
			 .size_max = 4096,
			 .break_every = 300,
			 .seed = 21 };

	job_run(&j);
}
END_TEST

START_TEST(over_ipv6)
{
	struct job j = { .ranks = 2,
			 .rank = one_way_and_back,
			 .messages = 5000,
			 .size_max = 4096,
			 .include = "::1/128",
			 .family = AF_INET6,
			 .seed = 22 };

	job_run(&j);
}
END_TEST

/* The peer has ended before any message. */
static void unreachable(const struct job *j, int me)
{
	struct rank r = { 0 };

	job_open(&r, j, me);
	if (me) {
		coord_close(r.c, 0);
		job_tell(0, 1);
		return;
	}
	while (!job_word(0))
		usleep(1000);
	job_add_all(&r);
	while (!r.sent[1])
		send_one(&r, 1, &r.rng);
	while (!r.failed[1]) {
		coord_progress(r.c);
		must(!job_late(), "it hangs");
	}
	must(r.failed[1] == -ECONNREFUSED, "%s", strerror(-r.failed[1]));
	must(!r.waiting, "a message was forgotten");
	job_close(&r);
}

START_TEST(nobody_there)
{
	struct job j = { .ranks = 2,
			 .ends = 1,
			 .rank = unreachable,
			 .size_max = 4096,
			 .timeout_s = 1,
			 .seconds = 200,
			 .seed = 23 };

	job_run(&j);
}
END_TEST

/* Sets the limit of @kind so low that nothing is left. */
static void take_all(int kind)
{
	struct rlimit lim;
	void *last = &lim;

	must(!getrlimit(kind, &lim), "%m");
	lim.rlim_cur = kind == RLIMIT_NOFILE ? 0 : 1 << 20;
	must(!setrlimit(kind, &lim), "%m");
	/*
	 * Also takes the free memory of the heap, for the rest of this process.
	 */
	while (kind == RLIMIT_AS && last)
		last = malloc(64);
}

/*
 * Rank 1 cannot accept a connection, while rank 0 waits for it. Rank 1 has to
 * report this.
 */
static void cannot(const struct job *j, int me)
{
	struct rank r = { 0 };

	job_open(&r, j, me);
	job_add_all(&r);
	/*
	 * Before the first message; otherwise the connection might exist
	 * already.
	 */
	if (me) {
		take_all(j->seed);
		job_tell(1, 1);
	}
	while (!job_word(1))
		must(!job_late(), "rank 1 does not begin");
	while (!me && !r.sent[1])
		send_one(&r, 1, &r.rng);
	while (me ? !r.lacks : !job_word(0)) {
		coord_progress(r.c);
		must(!job_late(), "it hangs");
	}
	must(!me || r.lacks == (j->seed == RLIMIT_NOFILE ? -EMFILE : -ENOMEM),
	     "%s", strerror(-r.lacks));
	job_tell(0, 1);
	coord_close(r.c, 0);
}

/*
 * Whether rank 1 sees enough attempts is a matter of chance, so the test runs
 * this often.
 */
#define LACKS 4

#ifdef __SANITIZE_ADDRESS__
#define LIMITS_MEMORY false /* the sanitizer cannot do without memory */
#else
#define LIMITS_MEMORY true
#endif

START_TEST(lack)
{
	struct job j = { .ranks = 2,
			 .rank = cannot,
			 .size_max = 4096,
			 .timeout_s = 2,
			 .seconds = 60,
			 .ends = 1,
			 .seed = _i % 2 && LIMITS_MEMORY ? RLIMIT_AS
							 : RLIMIT_NOFILE };

	job_run(&j);
}
END_TEST

/* The TCP address of a rank. */
static const struct tcp_address *address_of(int rank)
{
	static struct tcp_address a;
	size_t at = board->address_len[rank] - sizeof(a);

	memcpy(&a, board->address[rank] + at, sizeof(a));
	return &a;
}

static int connect_to(int rank)
{
	const struct tcp_place *p = &address_of(rank)->place[0];
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = p->port };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(&sin.sin_addr, p->addr, 4);
	must(fd >= 0 && !connect(fd, (struct sockaddr *)&sin, sizeof(sin)),
	     "%m");
	return fd;
}

/* Sends garbage, and greetings with an error, each over its own connection. */
static void annoy(struct rank *r, int n)
{
	struct tcp_greeting g = { .magic = htole32(GREETING_MAGIC),
				  .version = htole32(GREETING_VERSION),
				  .from = htole64(NAME(2)),
				  .to = htole64(NAME(0)),
				  .epoch = htole32(1) };
	uint8_t *p = (uint8_t *)&g;
	size_t len = sizeof(g);
	int fd = connect_to(0);

	memcpy(g.key, address_of(0)->key, sizeof(g.key));
	switch (n % 6) {
	case 0: /* another key */
		g.key[job_random(&r->rng, 16)] ^= 1;
		break;
	case 1: /* from an unknown process */
		g.from = htole64(99999);
		break;
	case 2: /* acknowledges bytes that were never sent */
		g.got = htole64(1u << 20);
		break;
	case 3: /* cut short */
		len = job_random(&r->rng, sizeof(g));
		break;
	case 4:
		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)job_random(&r->rng, 256);
		break;
	case 5: /* a known process, but for another receiver */
		g.to = htole64(NAME(1));
		break;
	}
	must(send(fd, p, len, MSG_NOSIGNAL) == (ssize_t)len, "%m");
	if (n % 2)
		usleep(200);
	close(fd);
}

static void annoyed(const struct job *j, int me)
{
	struct rank r = { 0 };

	if (me < 2) {
		struct job two = *j;

		job_open(&r, j, me);
		two.ranks = 2;
		r.j = &two;
		job_add_all(&r);
		while (r.got[!me] < j->messages || r.sent[!me] < j->messages ||
		       r.waiting || !job_word(0)) {
			if (r.sent[!me] < j->messages && r.waiting < 64)
				send_one(&r, !me, &r.rng);
			if (!coord_progress(r.c))
				sched_yield();
			must(!job_late(), "%u came", r.got[!me]);
		}
		r.j = j;
	} else {
		job_open(&r, j, me);
		for (int i = 0; i < 600; i++)
			annoy(&r, i);
		job_tell(0, 1);
	}
	job_barrier(&r);
	job_close(&r);
}

START_TEST(strangers)
{
	struct job j = { .ranks = 3,
			 .rank = annoyed,
			 .messages = 20000,
			 .size_max = 4096,
			 .seed = 24 };

	job_run(&j);
}
END_TEST

START_TEST(wrong_options)
{
	static const struct net_user nobody;
	static const uint8_t key[16];
	struct tcp_options o = { .buffer = 1 << 20,
				 .message_max = 4096,
				 .include = "no-such-interface" };
	struct net *n;

	ck_assert_int_eq(tcp_open(&o, &nobody, 1, key, &n), -EADDRNOTAVAIL);
	o.include = "10.0.0.0/33";
	ck_assert_int_eq(tcp_open(&o, &nobody, 1, key, &n), -EINVAL);
	o.include = "127.0.0.0/8";
	o.buffer = 4096;
	ck_assert_int_eq(tcp_open(&o, &nobody, 1, key, &n), -EINVAL);
}
END_TEST

/*
 * Enters a network namespace in which the system has a single port, @port, for
 * connections.
 */
static bool one_port(unsigned int port)
{
	const char *file = "/proc/sys/net/ipv4/ip_local_port_range";
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	FILE *f;
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) && unshare(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &lo));
	close(fd);
	f = fopen(file, "w");
	ck_assert_msg(f, "%s: %m", file);
	fprintf(f, "%u %u", port, port);
	ck_assert_msg(!fclose(f), "%s: %m", file);
	return true;
}

static void no_news(void *arg, void *owner)
{
	(void)arg;
	(void)owner;
}

START_TEST(nobody_but_itself)
{
	const struct net_user user = { .ready = no_news };
	const uint8_t key[16] = { 1 };
	struct tcp_options o = { .buffer = 1 << 20,
				 .message_max = 4096,
				 .include = "127.0.0.0/8",
				 .port = 30000,
				 .ports = 8,
				 .timeout_s = 1 };
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(40000),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct net_link *l;
	struct tcp_address a;
	const void *msg;
	struct net *n;
	size_t len;
	int ret, fd;

	if (!one_port(40000)) {
		printf("skip %s: no network namespaces: %m\n", __func__);
		return;
	}
	ck_assert_int_eq(tcp_open(&o, &user, 1, key, &n), 0);
	ck_assert_int_gt(tcp_ops.address(n, &a, sizeof(a)), 0);
	a.place[0].port = sin.sin_port;
	ck_assert_int_eq(tcp_ops.link(n, 2, &a, sizeof(a), NULL, &l), 0);
	tcp_ops.link_need(l);
	do {
		tcp_ops.poll(n, (uint64_t)ivc_now());
		ret = tcp_ops.front(l, &msg, &len);
	} while (!ret);
	ck_assert_int_eq(ret, -ECONNREFUSED);
	/* The port is free for its next owner. */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_msg(!bind(fd, (struct sockaddr *)&sin, sizeof(sin)), "%m");
	close(fd);
	tcp_ops.close(n);
}
END_TEST

/* Two networks in this process, with a link to each other. */
struct two {
	struct net *n[2];
	struct net_link *l[2];
};

static void two_open(struct two *t, size_t buffer)
{
	const struct net_user user = { .ready = no_news };
	const uint8_t key[16] = { 1 };
	struct tcp_options o = { .buffer = buffer,
				 .message_max = 4096,
				 .include = "127.0.0.0/8",
				 .timeout_s = 60 };
	struct tcp_address a;

	for (uint64_t i = 0; i < 2; i++)
		ck_assert_int_eq(tcp_open(&o, &user, i, key, &t->n[i]), 0);
	for (uint64_t i = 0; i < 2; i++) {
		ck_assert_int_gt(tcp_ops.address(t->n[!i], &a, sizeof(a)), 0);
		ck_assert_int_eq(tcp_ops.link(t->n[i], !i, &a, sizeof(a), NULL,
					      &t->l[i]),
				 0);
	}
	tcp_ops.link_need(t->l[0]);
}

static void two_poll(struct two *t)
{
	for (int i = 0; i < 2; i++)
		tcp_ops.poll(t->n[i], (uint64_t)ivc_now());
}

static void *two_post(struct two *t, int i, size_t len)
{
	const void *msg;
	size_t n;
	void *at;
	int err;

	while (!(at = tcp_ops.post(t->l[i], len, false, &err))) {
		ck_assert_int_eq(err, 0);
		two_poll(t);
		/* front() handles acknowledgements. */
		tcp_ops.front(t->l[i], &msg, &n);
	}
	return at;
}

static size_t two_take(struct two *t, int i, uint8_t byte)
{
	const void *msg;
	size_t len;
	int ret;

	while (!(ret = tcp_ops.front(t->l[i], &msg, &len)))
		two_poll(t);
	ck_assert_int_eq(ret, 1);
	for (size_t k = 0; k < len; k++)
		ck_assert_uint_eq(((const uint8_t *)msg)[k], byte);
	tcp_ops.take(t->l[i]);
	return len;
}

/*
 * A thread fills its posted message while another polls and has enough bytes to
 * acknowledge. The acknowledgement must not go where the first thread writes.
 */
START_TEST(acknowledged_meanwhile)
{
	enum { BUFFER = 1 << 16, LEN = 1000, ROUNDS = 50 };
	struct two t;

	two_open(&t, BUFFER);
	for (int i = 0; i < ROUNDS; i++) {
		size_t came = 0;
		void *at = two_post(&t, 0, LEN);

		memset(at, i, LEN);
		while (came < BUFFER / 2) {
			memset(two_post(&t, 1, LEN), 0xee, LEN);
			tcp_ops.commit(t.l[1], LEN);
			tcp_ops.push(t.l[1]);
			came += two_take(&t, 0, 0xee);
		}
		tcp_ops.commit(t.l[0], LEN);
		tcp_ops.push(t.l[0]);
		ck_assert_uint_eq(two_take(&t, 1, (uint8_t)i), LEN);
	}
	for (int i = 0; i < 2; i++)
		tcp_ops.close(t.n[i]);
}
END_TEST

TCase *case_net(void)
{
	TCase *tc = tcase_create("net");

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, broken_connections);
	tcase_add_test(tc, over_ipv6);
	tcase_add_test(tc, nobody_there);
	tcase_add_loop_test(tc, lack, 0, 2 * LACKS);
	tcase_add_test(tc, strangers);
	tcase_add_test(tc, wrong_options);
	tcase_add_test(tc, nobody_but_itself);
	tcase_add_test(tc, acknowledged_meanwhile);
	return tc;
}
