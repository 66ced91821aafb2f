/* SPDX-License-Identifier: MIT */
/*
 * A waiting pair: its CPU time, and the time of the first message after a
 * silence, beside that of an eventfd. IVC and eventfd take turns, so that noise
 * of the machine hits both. The times are one-way times: all CPUs have the same
 * clock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/histogram.h"
#include "ivc-pair.h"
#include "plan.h"
#include "fork-pair.h"

#define REST_NS 5000000 /* between two messages: both sleep before that */
#define ROUNDS_MAX 4096u

enum way { WAY_IVC, WAY_EVENTFD, WAYS };

/* Memory that the two processes share, besides the channel. */
struct board {
	uint64_t stamp; /* eventfd: when it was written */
	uint32_t heard; /* number of messages received, by channel or eventfd */
	uint64_t ns[WAYS][ROUNDS_MAX];
};

static struct board *board;
static ivc_channel *ch;
static int event;

const struct contender *const contenders[] = { NULL };

static void rest(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000u),
			       (long)(ns % 1000000000u) };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void hear_one(void)
{
	__atomic_fetch_add(&board->heard, 1, __ATOMIC_RELEASE);
}

/* Wait until the peer has received @said messages and sleeps again. */
static void silence(uint32_t said)
{
	do
		rest(REST_NS);
	while (__atomic_load_n(&board->heard, __ATOMIC_ACQUIRE) != said);
}

static int hear(unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t word;
		ssize_t n = ivc_read_all(ch, &word, sizeof(word), -1, NULL);

		if (n < 0)
			return (int)n;
		board->ns[WAY_IVC][i] = clock_ns() - word;
		hear_one();
		if (read(event, &word, sizeof(word)) != sizeof(word))
			return -errno;
		board->ns[WAY_EVENTFD][i] =
			clock_ns() -
			__atomic_load_n(&board->stamp, __ATOMIC_ACQUIRE);
		hear_one();
	}
	return 0;
}

static int tell(unsigned int rounds)
{
	uint64_t one = 1;

	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t stamp;
		ssize_t n;

		silence(2 * i);
		stamp = clock_ns();
		n = ivc_write(ch, &stamp, sizeof(stamp));
		if (n != sizeof(stamp))
			return n < 0 ? (int)n : -EIO;
		silence(2 * i + 1);
		__atomic_store_n(&board->stamp, clock_ns(), __ATOMIC_RELEASE);
		if (write(event, &one, sizeof(one)) != sizeof(one))
			return -errno;
	}
	return 0;
}

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/* Let both wait for @ms. *percent: CPU time of both, in percent of one CPU. */
static int doze(pid_t other, unsigned int ms, double *percent)
{
	uint64_t start, before;
	clockid_t clock;
	int ret = clock_getcpuclockid(other, &clock);

	if (ret)
		return -ret;
	rest(50000000);
	start = clock_ns();
	before = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) + cpu_ns(clock);
	ret = ivc_wait(ch, IVC_READABLE, (int)ms);
	if (ret)
		return ret < 0 ? ret : -EIO;
	*percent = 100.0 *
		   (double)(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) + cpu_ns(clock) -
			    before) /
		   (double)(clock_ns() - start);
	return 0;
}

static void print_way(const char *name, enum way way, unsigned int rounds)
{
	static struct histogram s;

	histogram_reset(&s);
	for (unsigned int i = 0; i < rounds; i++)
		histogram_add(&s, board->ns[way][i]);
	printf(", \"%s\": {\"p10\": %.4f, \"p50\": %.4f, \"p90\": %.4f, "
	       "\"p99\": %.4f}",
	       name, histogram_percentile(&s, 10) / 1e3,
	       histogram_percentile(&s, 50) / 1e3,
	       histogram_percentile(&s, 90) / 1e3,
	       histogram_percentile(&s, 99) / 1e3);
}

static int run(pid_t second, const struct plan *p, uint64_t magic)
{
	bool server = !second;
	unsigned int rounds = p->limit < ROUNDS_MAX ? p->limit : ROUNDS_MAX;
	ivc_context *ctx;
	double percent;
	int ret = pin(p->cpus[server]);

	if (ret)
		return ret;
	ctx = ivc_pair_register(magic, server);
	if (!ctx)
		return -errno;
	ret = ivc_pair_connect(ctx, server, 0, &ch, 1);
	if (server) {
		if (!ret)
			ret = hear(rounds);
		goto out;
	}
	if (!ret)
		ret = doze(second, p->ms, &percent);
	if (!ret)
		ret = tell(rounds);
	/* The peer closes its end when all its figures are in memory. */
	if (!ret && !ivc_wait(ch, IVC_READABLE, IVC_PAIR_TIMEOUT_MS))
		ret = -ETIMEDOUT;
	if (!ret) {
		printf("{\"cpu_percent\": %.4f", percent);
		print_way("ivc", WAY_IVC, rounds);
		print_way("eventfd", WAY_EVENTFD, rounds);
		printf("}\n");
	}
out:
	ivc_close(ch);
	ivc_unregister(ctx);
	return ret;
}

int main(int argc, char **argv)
{
	uint64_t magic = 0x6964000000000000u | (uint32_t)getpid();
	struct plan p;
	pid_t second;
	int ret;

	plan_read(&p, argc, argv);
	if (!p.limit)
		p.limit = 100;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	event = eventfd(0, EFD_CLOEXEC);
	if (board == MAP_FAILED || event < 0)
		return 1;
	second = fork_pair();
	if (second < 0)
		return 1;
	ret = run(second, &p, magic);
	if (ret)
		fprintf(stderr, "idle, %s: %s\n", second ? "client" : "server",
			strerror(-ret));
	if (second)
		fork_pair_end(second, ret);
	return !!ret;
}
