#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv vif=yes mpi=yes mem=256 time=4500 suite=no
# Public MPI programs in four guests of one host: right answers, three ways.

# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
# shellcheck source=tests/lab/programs.sh
. /lab/tests/programs.sh
SLEEP_AFTER=100
has is.S.x || skip "no benchmarks: make payload-mpi MPI_SUITES=DIRECTORY"

osu
npb
mpi4py
hpcc
