/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first messages of a job, and the last: mpi-ends CASE [ARGUMENT]
 *
 *   first FILE   rank 0 sends N messages to each rank, and makes no call of MPI
 *                until FILE.RANK exists, which each rank makes when it has
 *                received them
 *   full FILE    the same, with more than the system's buffers take at once
 *   unreceived   rank 0 sends messages that no rank receives, and all end
 *   spawn N      N children, twice, which exchange messages and end
 *   descriptors  the last rank has no descriptor left, and messages go to it
 *                and from it
 *   memory       the same, without memory
 *
 * The last line says that the program is done.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int me, ranks;

static void die(const char *what)
{
	fprintf(stderr, "mpi-ends: rank %d: %s\n", me, what);
	MPI_Abort(MPI_COMM_WORLD, 1);
}

static const char *file_of(const char *file, int rank)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s.%d", file, rank);
	return path;
}

static void first(const char *file, int messages, int len)
{
	char *p = calloc(1, (size_t)len);
	FILE *f;

	if (!p)
		die("out of memory");
	for (int to = 1; !me && to < ranks; to++)
		for (int i = 0; i < messages; i++)
			MPI_Send(p, len, MPI_BYTE, to, i, MPI_COMM_WORLD);
	for (int to = 1; !me && to < ranks; to++)
		while (access(file_of(file, to), F_OK))
			usleep(1000);
	/* When rank 0 has filled the buffers and waits. */
	if (me && messages > 1)
		usleep(300000);
	for (int i = 0; me && i < messages; i++)
		MPI_Recv(p, len, MPI_BYTE, 0, i, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
	if (me) {
		f = fopen(file_of(file, me), "w");
		if (!f || fclose(f))
			die("cannot write FILE.RANK");
	}
	free(p);
}

static void unreceived(void)
{
	static char p[20000];

	MPI_Barrier(MPI_COMM_WORLD);
	/* So that the others are in MPI_Finalize() when these messages come. */
	if (!me)
		usleep(300000);
	for (int i = 0; !me && i < 10; i++)
		for (int to = 1; to < ranks; to++)
			MPI_Send(p, i & 1 ? (int)sizeof(p) : 100, MPI_BYTE, to,
				 7, MPI_COMM_WORLD);
}

/* All parents and children; each contributes 1. */
static void together(MPI_Comm other, int high, int want)
{
	int one = 1, sum = 0, n;
	MPI_Comm all;

	MPI_Intercomm_merge(other, high, &all);
	MPI_Comm_size(all, &n);
	MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, all);
	if (sum != n || (want && n != want))
		die("a child or parent is missing from the sum");
	MPI_Comm_free(&all);
	MPI_Comm_disconnect(&other);
}

static void spawn(char *program, int n)
{
	char *argv[] = { "child", NULL };
	MPI_Comm children;

	for (int i = 0; i < 2; i++) {
		MPI_Comm_spawn(program, argv, n, MPI_INFO_NULL, 0,
			       MPI_COMM_WORLD, &children, MPI_ERRCODES_IGNORE);
		together(children, 0, ranks + n);
	}
}

/* Takes the rest of a resource from the last rank. */
static void without(int kind)
{
	struct rlimit lim;
	int all = 0, one = 1;

	MPI_Barrier(MPI_COMM_SELF);
	if (me == ranks - 1) {
		getrlimit(kind, &lim);
		lim.rlim_cur = kind == RLIMIT_NOFILE ? 0 : 1 << 20;
		if (setrlimit(kind, &lim))
			die("setrlimit");
	}
	/* For descriptors it is a rank that only accepts connections. */
	if (kind == RLIMIT_NOFILE && !me)
		MPI_Send(&one, 1, MPI_INT, ranks - 1, 0, MPI_COMM_WORLD);
	if (kind == RLIMIT_NOFILE && me == ranks - 1)
		MPI_Recv(&one, 1, MPI_INT, 0, 0, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
	MPI_Allreduce(&one, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	MPI_Comm parent;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &me);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	MPI_Comm_get_parent(&parent);
	if (parent != MPI_COMM_NULL)
		together(parent, 1, 0);
	else if (!strcmp(what, "first") && argc > 2)
		first(argv[2], 1, 8);
	else if (!strcmp(what, "full") && argc > 2)
		first(argv[2], 400, 30000);
	else if (!strcmp(what, "unreceived"))
		unreceived();
	else if (!strcmp(what, "spawn") && argc > 2)
		spawn(argv[0], atoi(argv[2]));
	else if (!strcmp(what, "descriptors"))
		without(RLIMIT_NOFILE);
	else if (!strcmp(what, "memory"))
		without(RLIMIT_AS);
	else
		die("the first argument must be a CASE: first, full, "
		    "unreceived, spawn, descriptors or memory");
	MPI_Finalize();
	/* If only one rank does not come here, it may be rank 0. */
	if (parent == MPI_COMM_NULL)
		printf("rank %d is done\n", me);
	return 0;
}
