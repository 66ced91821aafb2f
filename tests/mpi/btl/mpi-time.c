/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Latency or bandwidth between ranks 0 and 1 over time, measured as osu_latency
 * and osu_bw do, while guests migrate.
 *
 *   mpi-time [-b] [-s SIZE] [-w MS] [-i MS] [-t TABLE] [-p PLOT] [-f FILE]
 *            SECONDS
 *
 *   -b  bandwidth: windows of messages, each answered by a short one.
 *   -s  bytes of a message (2048).
 *   -w  pause before each message or window, in milliseconds (0).
 *
 *   -i  milliseconds for a row of the table (1000).
 *   -t  the table; -p  gnuplot's script and data.
 *   -f  end as soon as this file exists.
 *
 * The program checks every message, and reads from the component's MPI_T
 * counters which path it took. Without these counters, all messages count as
 * sent over the network.
 */
#include <mpi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../tools/roam/roam.h"

#define WINDOW 64

enum { SENT_IVC, SENT_NET, TO_IVC, TO_NET, COUNTERS };

static struct options options = { .interval_ms = 1000, .size = 2048 };
static struct record record;
static const char *until_file;
static uint64_t until;
static int me;
static bool bandwidth;
static unsigned int rest_ms;
static unsigned char *buffer;

static MPI_T_pvar_session session;
static MPI_T_pvar_handle counter[COUNTERS];
static unsigned long long was[COUNTERS], now_is[COUNTERS];
static bool counted;

/* The first bytes of each message; the other bytes follow from them. */
struct head {
	uint64_t seq;
	uint64_t last; /* 1: the end */
};

static void die(const char *what, uint64_t seq)
{
	fprintf(stderr, "rank %d: %s: message %llu\n", me, what,
		(unsigned long long)seq);
	MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Called by record.c with the name of the file that cannot be written. */
void complain(const char *fmt, ...)
{
	va_list ap;

	fputs("mpi-time: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static unsigned char byte_of(uint64_t seq, size_t i)
{
	return (unsigned char)(seq * 7 + i + (i >> 8));
}

static void fill(unsigned char *p, uint64_t seq, bool last)
{
	struct head h = { seq, last };

	memcpy(p, &h, sizeof(h));
	for (size_t i = sizeof(h); i < options.size; i++)
		p[i] = byte_of(seq, i);
}

/* Returns whether the message was the last. */
static bool check(const unsigned char *p, uint64_t seq)
{
	struct head h;

	memcpy(&h, p, sizeof(h));
	if (h.seq != seq)
		die("another message", seq);
	for (size_t i = sizeof(h); i < options.size; i++)
		if (p[i] != byte_of(seq, i))
			die("changed", seq);
	return h.last;
}

static void counters_open(void)
{
	static const char *const name[COUNTERS] = { "btl_ivc_sent_ivc",
						    "btl_ivc_sent_net",
						    "btl_ivc_switches_ivc",
						    "btl_ivc_switches_net" };
	int level, index, n;

	MPI_T_init_thread(MPI_THREAD_SINGLE, &level);
	MPI_T_pvar_session_create(&session);
	for (int i = 0; i < COUNTERS; i++)
		if (MPI_T_pvar_get_index(name[i], MPI_T_PVAR_CLASS_COUNTER,
					 &index) != MPI_SUCCESS ||
		    MPI_T_pvar_handle_alloc(session, index, NULL, &counter[i],
					    &n) != MPI_SUCCESS)
			return;
	counted = true;
}

/* Whether all messages since the last call were sent through IVC. */
static bool by_ivc(void)
{
	unsigned long long d[COUNTERS] = { 0 };

	for (int i = 0; counted && i < COUNTERS; i++) {
		MPI_T_pvar_read(session, counter[i], &now_is[i]);
		d[i] = now_is[i] - was[i];
		was[i] = now_is[i];
	}
	for (; d[TO_IVC]; d[TO_IVC]--)
		record_switch(&record, true);
	for (; d[TO_NET]; d[TO_NET]--)
		record_switch(&record, false);
	return d[SENT_IVC] > d[SENT_NET];
}

static bool over(uint64_t now)
{
	static uint64_t look;

	if (now >= until)
		return true;
	if (!until_file || now < look)
		return false;
	look = now + SECOND / 4;
	return !access(until_file, F_OK);
}

static void rest(void)
{
	if (rest_ms)
		usleep(1000 * rest_ms);
}

static void sample(uint64_t from, uint64_t to, unsigned int parts)
{
	bool ivc = by_ivc();

	record_tick(&record, to, ivc);
	record_sample(&record, to, (to - from) / parts, ivc);
}

static uint64_t latency(void)
{
	bool last = false;
	uint64_t seq = 0, t = 0;

	for (; !last; seq++) {
		if (!me) {
			rest();
			last = over(clock_ns());
			fill(buffer, seq, last);
			t = clock_ns();
			MPI_Send(buffer, (int)options.size, MPI_BYTE, 1, 1,
				 MPI_COMM_WORLD);
		}
		MPI_Recv(buffer, (int)options.size, MPI_BYTE, !me, 1,
			 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		if (!me)
			sample(t, clock_ns(), 2);
		last = check(buffer, seq);
		if (me)
			MPI_Send(buffer, (int)options.size, MPI_BYTE, 0, 1,
				 MPI_COMM_WORLD);
	}
	return seq;
}

/* The sender's clock runs until the peer has received a whole window. */
static uint64_t windows(void)
{
	MPI_Request req[WINDOW];
	bool last = false;
	uint64_t seq = 0, t = 0;

	for (; !last; seq += WINDOW) {
		if (!me) {
			rest();
			last = over(clock_ns());
			for (unsigned int i = 0; i < WINDOW; i++)
				fill(buffer + i * options.size, seq + i, last);
			t = clock_ns();
		}
		for (unsigned int i = 0; i < WINDOW; i++) {
			unsigned char *p = buffer + i * options.size;

			if (me)
				MPI_Irecv(p, (int)options.size, MPI_BYTE, 0, 1,
					  MPI_COMM_WORLD, &req[i]);
			else
				MPI_Isend(p, (int)options.size, MPI_BYTE, 1, 1,
					  MPI_COMM_WORLD, &req[i]);
		}
		MPI_Waitall(WINDOW, req, MPI_STATUSES_IGNORE);
		if (!me) {
			MPI_Recv(NULL, 0, MPI_BYTE, 1, 2, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
			sample(t, clock_ns(), WINDOW);
			continue;
		}
		MPI_Send(NULL, 0, MPI_BYTE, 0, 2, MPI_COMM_WORLD);
		for (unsigned int i = 0; i < WINDOW; i++)
			last = check(buffer + i * options.size, seq + i);
	}
	return seq;
}

static void report(uint64_t messages)
{
	static const char *const name[] = { "network", "IVC" };
	const struct histogram *s;

	plot_ascii(&record, stdout);
	printf("%s, microseconds\n%-8s %10s %12s %12s %12s\n",
	       record_what(&record), "by", "count", "p50", "p99", "max");
	for (int i = 1; i >= 0; i--) {
		s = &record.by[i];
		if (s->n)
			printf("%-8s %10llu %12.1f %12.1f %12.1f\n", name[i],
			       (unsigned long long)s->n,
			       histogram_percentile(s, 50) / 1e3,
			       histogram_percentile(s, 99) / 1e3,
			       (double)s->max / 1e3);
	}
	printf("%llu messages of %u bytes checked, %llu switches to IVC, %llu "
	       "to the network, longest gap %.1f ms\n",
	       (unsigned long long)messages, options.size, now_is[TO_IVC],
	       now_is[TO_NET], (double)record.gap / MS);
}

static void parse(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "bs:w:i:t:p:f:")) != -1)
		switch (opt) {
		case 'b':
			bandwidth = true;
			break;
		case 's':
			options.size = (uint32_t)atoi(optarg);
			break;
		case 'w':
			rest_ms = (unsigned int)atoi(optarg);
			break;
		case 'i':
			options.interval_ms = (uint32_t)atoi(optarg);
			break;
		case 't':
			options.table = optarg;
			break;
		case 'p':
			options.plot = optarg;
			break;
		case 'f':
			until_file = optarg;
			break;
		default:
			exit(64);
		}
	if (optind + 1 != argc || options.size < sizeof(struct head) ||
	    !options.interval_ms)
		exit(64);
}

int main(int argc, char **argv)
{
	uint64_t messages;
	int ranks;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &me);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	parse(argc, argv);
	buffer = calloc(WINDOW, options.size);
	if (ranks != 2 || !buffer)
		die("two ranks, and memory, are needed", 0);
	/* The table and the plot are those of the first rank. */
	if (me)
		options.table = options.plot = NULL;
	if (record_open(&record, &options))
		die("the table or the plot", 0);
	counters_open();
	record_start(&record, bandwidth, clock_ns());
	until = clock_ns() + (uint64_t)(atof(argv[optind]) * SECOND);
	messages = bandwidth ? windows() : latency();
	if (!me) {
		record_end(&record, clock_ns(), by_ivc());
		report(messages);
		if (options.plot)
			plot_files(&record, options.plot);
	}
	if (record_close(&record))
		die("the table or the plot", 0);
	free(buffer);
	MPI_Finalize();
	return 0;
}
