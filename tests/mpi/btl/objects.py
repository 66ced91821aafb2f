# SPDX-License-Identifier: GPL-2.0
"""Objects of all sizes by way of mpi4py: each arrives as it was."""

from mpi4py import MPI

comm = MPI.COMM_WORLD
me, ranks = comm.rank, comm.size


def thing(rank, i):
    return {"rank": rank, "list": list(range(i * i % 3000)),
            "text": "x" * (i * 37 % 20000)}


for i in range(60):
    for rank, it in enumerate(comm.allgather(thing(me, i))):
        assert it == thing(rank, i), (rank, i)
    got = comm.sendrecv(thing(me, i + 1), dest=(me + 1) % ranks,
                        source=(me - 1) % ranks)
    assert got == thing((me - 1) % ranks, i + 1), i
    assert comm.bcast(thing(i, 5) if me == i % ranks else None,
                      root=i % ranks) == thing(i, 5)
assert comm.reduce(me, root=0) == (ranks * (ranks - 1) // 2 if not me else None)
if not me:
    print("mpi4py ok")
