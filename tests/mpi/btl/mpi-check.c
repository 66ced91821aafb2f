/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sends messages by many of MPI's calls, and checks every byte.
 *
 *   mpi-check [-t] [-r ROUNDS] [-c SECONDS] [-f COUNT].
 *
 *   -t  MPI_THREAD_MULTIPLE: two threads send and receive, too.
 *   -c  rank 1 makes no call for so many seconds, while others send.
 *
 *   -f  rank 0 sends so many messages to rank 1, which makes no call meanwhile;
 *       the memory for them must be bounded.
 *
 * The last line has the number of checked messages.
 */
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_ (1 << 20)
#define BURST 16
#define FLOOD_LEN 3000
#define FLOOD_MIB 40

static int me, ranks;
static long checked;

static void die(const char *what, int peer, size_t size, size_t at)
{
	fprintf(stderr, "rank %d: %s: with %d, size %zu, byte %zu\n", me, what,
		peer, size, at);
	MPI_Abort(MPI_COMM_WORLD, 1);
}

static unsigned char byte_of(int from, int to, int seq, size_t i)
{
	return (unsigned char)(from * 37 + to * 11 + seq * 5 + i + (i >> 9));
}

static void fill(unsigned char *p, int from, int to, int seq, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = byte_of(from, to, seq, i);
}

static void check(const char *what, const unsigned char *p, int from, int to,
		  int seq, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != byte_of(from, to, seq, i))
			die(what, from, len, i);
	__atomic_fetch_add(&checked, 1, __ATOMIC_RELAXED);
}

/*
 * The sizes, in the same order at both ends: small, around the eager limit,
 * large.
 */
static size_t size_of(int seq)
{
	static const size_t edge[] = { 0,     1,     8,	    24,	   40,
				       41,    255,   256,   257,   1024,
				       4096,  8175,  8176,  8192,  8193,
				       9000,  16384, 32700, 32768, 32769,
				       32900, 33000, 33024, 65536, 70000 };
	unsigned int r = (unsigned int)seq * 2654435761u >> 8;

	if (seq % 97 == 96)
		return SIZE_MAX_ - r % 1000;
	if (seq % 3)
		return r % 64;
	return edge[r % (sizeof(edge) / sizeof(edge[0]))];
}

static void *memory(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		die("no memory", me, n, 0);
	return p;
}

/* Bursts from each rank to each, received in order, under one tag. */
static void all_to_all(int rounds, MPI_Comm comm)
{
	int n = ranks * BURST * 2, k;
	MPI_Request *req = memory((size_t)n * sizeof(*req));
	unsigned char **buf = memory((size_t)n * sizeof(*buf));

	for (int round = 0; round < rounds; round++) {
		k = 0;
		for (int peer = 0; peer < ranks; peer++)
			for (int i = 0; i < BURST; i++) {
				size_t len = size_of(round * BURST + i);

				buf[k] = memory(len);
				MPI_Irecv(buf[k], (int)len, MPI_BYTE, peer, 7,
					  comm, &req[k]);
				k++;
			}
		for (int peer = 0; peer < ranks; peer++)
			for (int i = 0; i < BURST; i++) {
				int seq = round * BURST + i;
				size_t len = size_of(seq);

				buf[k] = memory(len);
				fill(buf[k], me, peer, seq, len);
				MPI_Isend(buf[k], (int)len, MPI_BYTE, peer, 7,
					  comm, &req[k]);
				k++;
			}
		MPI_Waitall(k, req, MPI_STATUSES_IGNORE);
		k = 0;
		for (int peer = 0; peer < ranks; peer++)
			for (int i = 0; i < BURST; i++) {
				int seq = round * BURST + i;

				check("all to all", buf[k++], peer, me, seq,
				      size_of(seq));
			}
		for (k = 0; k < n; k++)
			free(buf[k]);
	}
	free(req);
	free(buf);
}

/* There and back, blocking, as benchmarks do. */
static void ping_pong(int rounds)
{
	unsigned char *p = memory(SIZE_MAX_);
	int peer = me ^ 1;

	for (int i = 0; peer < ranks && i < rounds; i++) {
		size_t len = size_of(i);

		for (int turn = 0; turn < 2; turn++)
			if ((me & 1) == turn) {
				fill(p, me, peer, i, len);
				MPI_Send(p, (int)len, MPI_BYTE, peer, i,
					 MPI_COMM_WORLD);
			} else {
				MPI_Recv(p, (int)len, MPI_BYTE, peer, i,
					 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
				check("ping-pong", p, peer, me, i, len);
			}
	}
	free(p);
}

/* From any source, synchronous, with a datatype that has holes. */
static void with_holes(int rounds)
{
	enum { ROWS = 300, COLUMNS = 7, STRIDE = 11 };
	int *p = memory(ROWS * STRIDE * sizeof(*p));
	MPI_Datatype type;
	MPI_Status st;

	MPI_Type_vector(ROWS, COLUMNS, STRIDE, MPI_INT, &type);
	MPI_Type_commit(&type);
	for (int i = 0; i < rounds; i++) {
		for (int from = 1; from < ranks; from++) {
			memset(p, 0xff, ROWS * STRIDE * sizeof(*p));
			if (me == from) {
				for (int k = 0; k < ROWS * STRIDE; k++)
					p[k] = k * from + i;
				MPI_Ssend(p, 1, type, 0, 9, MPI_COMM_WORLD);
			}
			if (me)
				continue;
			MPI_Recv(p, 1, type, MPI_ANY_SOURCE, 9, MPI_COMM_WORLD,
				 &st);
			for (int k = 0; k < (ROWS - 1) * STRIDE; k++)
				if (p[k] != (k % STRIDE < COLUMNS
						     ? k * st.MPI_SOURCE + i
						     : -1))
					die("holes", st.MPI_SOURCE, ROWS,
					    (size_t)k);
			checked++;
		}
		/* A fast rank would send messages of the next round. */
		MPI_Barrier(MPI_COMM_WORLD);
	}
	MPI_Type_free(&type);
	free(p);
}

static void collectives(int rounds)
{
	static const int counts[] = { 1, 100, 5000 };
	long *in = memory(5000 * sizeof(long)), *out = memory(5000 * 8);

	for (int i = 0; i < rounds; i++) {
		int n = counts[i % 3];

		for (int k = 0; k < n; k++)
			in[k] = (long)me * k + i;
		MPI_Allreduce(in, out, n, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
		for (int k = 0; k < n; k++)
			if (out[k] !=
			    (long)ranks * (ranks - 1) / 2 * k + (long)ranks * i)
				die("allreduce", -1, (size_t)n, (size_t)k);
		if (me == i % ranks)
			memcpy(out, in, (size_t)n * sizeof(long));
		MPI_Bcast(out, n, MPI_LONG, i % ranks, MPI_COMM_WORLD);
		for (int k = 0; k < n; k++)
			if (out[k] != (long)(i % ranks) * k + i)
				die("bcast", i % ranks, (size_t)n, (size_t)k);
		MPI_Barrier(MPI_COMM_WORLD);
		checked += 2;
	}
	free(in);
	free(out);
}

struct thread {
	MPI_Comm comm;
	int rounds;
};

static void *thread(void *arg)
{
	struct thread *t = arg;

	all_to_all(t->rounds, t->comm);
	return NULL;
}

/* Two threads besides this one, each in a communicator of its own. */
static void threads(int rounds)
{
	struct thread t[2];
	pthread_t id[2];

	for (int i = 0; i < 2; i++) {
		MPI_Comm_dup(MPI_COMM_WORLD, &t[i].comm);
		t[i].rounds = rounds;
	}
	for (int i = 0; i < 2; i++)
		if (pthread_create(&id[i], NULL, thread, &t[i]))
			die("no thread", me, 0, 0);
	all_to_all(rounds, MPI_COMM_WORLD);
	for (int i = 0; i < 2; i++) {
		pthread_join(id[i], NULL);
		MPI_Comm_free(&t[i].comm);
	}
}

/* Rank 1 makes no call; the others do not wait for it until it does. */
static void compute(double seconds)
{
	enum { MESSAGES = 40, LEN = 2000 };
	unsigned char *p = memory(MESSAGES * LEN);
	MPI_Request req[MESSAGES];
	time_t until = time(NULL) + (time_t)seconds;
	volatile double x = 1;

	if (me == 1)
		while (time(NULL) <= until)
			x *= 1.0000001;
	for (int from = 0; from < ranks; from++) {
		if (me == 1 && from != 1)
			for (int i = 0; i < MESSAGES; i++) {
				MPI_Recv(p, LEN, MPI_BYTE, from, 3,
					 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
				check("computed", p, from, 1, i, LEN);
			}
		if (me != from || me == 1)
			continue;
		for (int i = 0; i < MESSAGES; i++) {
			fill(p + i * LEN, me, 1, i, LEN);
			MPI_Isend(p + i * LEN, LEN, MPI_BYTE, 1, 3,
				  MPI_COMM_WORLD, &req[i]);
			usleep(1000);
		}
		MPI_Waitall(MESSAGES, req, MPI_STATUSES_IGNORE);
	}
	free(p);
}

static long used_mib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss / 1024;
}

/* To rank 1: each message when the last is on its way, or many at once. */
static void send_all(unsigned char *p, int count, int at_once)
{
	MPI_Request *req = memory((size_t)at_once * sizeof(*req));

	for (int i = 0; i < count; i += at_once) {
		for (int k = 0; k < at_once; k++) {
			unsigned char *at = p + k * FLOOD_LEN;

			fill(at, 0, 1, i + k, FLOOD_LEN);
			if (at_once == 1)
				MPI_Send(at, FLOOD_LEN, MPI_BYTE, 1, 5,
					 MPI_COMM_WORLD);
			else
				MPI_Isend(at, FLOOD_LEN, MPI_BYTE, 1, 5,
					  MPI_COMM_WORLD, &req[k]);
		}
		if (at_once > 1)
			MPI_Waitall(at_once, req, MPI_STATUSES_IGNORE);
	}
	free(req);
}

/* Rank 1 makes no call, and then receives the messages of rank 0, in order. */
static void flood(int count, int at_once)
{
	unsigned char *p = memory((size_t)at_once * FLOOD_LEN);
	long before;

	count -= count % at_once;
	MPI_Barrier(MPI_COMM_WORLD);
	before = used_mib();
	if (!me)
		send_all(p, count, at_once);
	if (me == 1) {
		sleep(1);
		for (int i = 0; i < count; i++) {
			MPI_Recv(p, FLOOD_LEN, MPI_BYTE, 0, 5, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
			check("flood", p, 0, 1, i, FLOOD_LEN);
		}
	}
	if (me < 2 && used_mib() - before > FLOOD_MIB)
		die("too much memory, MiB", !me, FLOOD_LEN,
		    (size_t)(used_mib() - before));
	free(p);
}

int main(int argc, char **argv)
{
	int opt, rounds = 100, many = 0, provided, want = MPI_THREAD_SINGLE;
	double seconds = 0;
	long all;

	while ((opt = getopt(argc, argv, "tr:c:f:")) != -1)
		switch (opt) {
		case 't':
			want = MPI_THREAD_MULTIPLE;
			break;
		case 'r':
			rounds = atoi(optarg);
			break;
		case 'c':
			seconds = atof(optarg);
			break;
		case 'f':
			many = atoi(optarg);
			break;
		default:
			return 64;
		}
	MPI_Init_thread(&argc, &argv, want, &provided);
	MPI_Comm_rank(MPI_COMM_WORLD, &me);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (provided < want)
		die("no threads", me, 0, 0);
	if (want == MPI_THREAD_MULTIPLE)
		threads(rounds);
	all_to_all(rounds, MPI_COMM_WORLD);
	ping_pong(rounds);
	with_holes(rounds / 4 + 1);
	collectives(rounds);
	if (seconds > 0 && ranks > 1)
		compute(seconds);
	if (many && ranks > 1) {
		flood(many, 1);
		flood(many, 1000);
	}
	MPI_Reduce(&checked, &all, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
	if (!me)
		printf("%ld messages checked\n", all);
	MPI_Finalize();
	return 0;
}
