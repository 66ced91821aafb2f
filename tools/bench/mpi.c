/* SPDX-License-Identifier: MIT */
/*
 * The contenders of MPI: the same source, compiled by the mpicc of each. The
 * test uni has two modes: a window of MPI_Isend() and then MPI_Waitall(), as
 * osu_bw, which suits large messages; and one blocking call after the other,
 * which with Open MPI is three times as fast for small messages.
 */
#include <errno.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "loops.h"

#define WINDOW_MAX 1024
#define TAG 1

enum mode { MODE_WINDOW, MODE_BLOCKING, MODES };

static MPI_Request requests[2 * WINDOW_MAX];

/* No check of errors: MPI's default handler ends the job. */
static int mpi_send(struct end *e, const void *buf, size_t len)
{
	MPI_Send(buf, (int)len, MPI_BYTE, !e->server, TAG, MPI_COMM_WORLD);
	return 0;
}

static int mpi_recv(struct end *e, void *buf, size_t len)
{
	MPI_Recv(buf, (int)len, MPI_BYTE, !e->server, TAG, MPI_COMM_WORLD,
		 MPI_STATUS_IGNORE);
	return 0;
}

static int blocking(struct end *e, size_t len, unsigned int out,
		    unsigned int in)
{
	while (out--)
		mpi_send(e, e->out, len);
	while (in--)
		mpi_recv(e, e->in, len);
	return 0;
}

static int mpi_burst(struct end *e, size_t len, unsigned int out,
		     unsigned int in)
{
	int n = 0, peer = !e->server;

	if (e->mode == MODE_BLOCKING)
		return blocking(e, len, out, in);
	if (out > WINDOW_MAX || in > WINDOW_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < in; i++)
		MPI_Irecv(e->in, (int)len, MPI_BYTE, peer, TAG, MPI_COMM_WORLD,
			  &requests[n++]);
	for (unsigned int i = 0; i < out; i++)
		MPI_Isend(e->out, (int)len, MPI_BYTE, peer, TAG, MPI_COMM_WORLD,
			  &requests[n++]);
	MPI_Waitall(n, requests, MPI_STATUSES_IGNORE);
	return 0;
}

static const struct contender mpi_contender = {
	.name = "mpi",
	.can = CAN_ALL,
	.modes = MODES,
	.send = mpi_send,
	.recv = mpi_recv,
	.burst = mpi_burst,
};

const struct contender *const contenders[] = { &mpi_contender, NULL };

int main(int argc, char **argv)
{
	struct end e = { .contender = &mpi_contender };
	struct plan p;
	int rank, ranks, ret;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	plan_read(&p, argc, argv);
	e.server = rank == 1;
	ret = ranks == 2 ? pin(p.cpus[rank]) : -EINVAL;
	if (!ret)
		ret = loops_room(&e, &p);
	if (!ret)
		ret = e.server ? loops_server(&e) : loops_client(&e, &p);
	if (ret) {
		fprintf(stderr, "mpi: %s\n", strerror(-ret));
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
	MPI_Finalize();
	return 0;
}
