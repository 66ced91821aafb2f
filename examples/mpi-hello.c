/* SPDX-License-Identifier: MIT */
/*
 * An MPI program over IVC. It needs no change: Open MPI uses the component
 * mca_btl_ivc between ranks whose guests are on one host.
 *
 *	mpirun -H vm1,vm2 ./mpi-hello
 */
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	char name[MPI_MAX_PROCESSOR_NAME];
	int rank, size, length, token = 0;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Get_processor_name(name, &length);

	/* A token goes once around all ranks; each adds its number. */
	if (rank > 0)
		MPI_Recv(&token, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
	token += rank;
	MPI_Send(&token, 1, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
	if (rank == 0) {
		MPI_Recv(&token, 1, MPI_INT, size - 1, 0, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
		printf("mpi-hello: %d ranks, the sum of their numbers is %d\n",
		       size, token);
	}
	MPI_Finalize();
	return 0;
}
