#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv vif=yes mpi=yes mem=256 time=1200 suite=no
# Public MPI programs in four guests, a rank in each: NPB, OSU, mpi4py's tests,
# hpcc; over IVC, TCP, and channels that are left all the time: right answers.

# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
all=guest1,guest2,guest3,guest4
has is.S.x || skip "no benchmarks: make payload-mpi MPI_SUITES=DIRECTORY"

# three_ways WORDS PROGRAM...: with what each took, in seconds
three_ways() {
	words=$1 took=
	shift
	for how in ivc tcp switch; do
		since=$(cut -d. -f1 /proc/uptime)
		right "$words" $all "$(way $how)" "$@"
		took="$took $how $(($(cut -d. -f1 /proc/uptime) - since)) s"
	done
	note "$1: right;$took"
}

for program in is mg cg ft ep lu sp bt; do
	three_ways ' SUCCESSFUL' /mpi/$program.S.x
done
for program in allgather allreduce alltoall bcast reduce; do
	three_ways Pass /mpi/osu_$program -c -m 4:16384 -i 10 -x 1
done
# Without what Open MPI has no component for between guests, with stock tcp either:
# windows (Debian leaves out osc pt2pt); and without what needs a file system that
# guests share, or starts processes.
for not in rma win spawn dynproc test_io test_file; do
	without="${without:-} -e $not"
done
three_ways OK sh -c "'cd /mpi/mpi4py/test && /usr/bin/python3 runtests.py --no-builddir -q $without'"

# hpcc, small: it checks what it computes, and counts
g 1 "sed 's/^1000 /200 /' /usr/share/doc/hpcc/examples/_hpccinf.txt >/tmp/hpccinf.txt"
for how in ivc tcp switch; do
	g 1 rm -f /tmp/hpccoutf.txt
	right '' $all "$(way $how)" --wdir /tmp hpcc
	g 1 grep -q '^Success=1' /tmp/hpccoutf.txt || fail "hpcc, $how: $(g 1 tail -n 20 /tmp/hpccoutf.txt)"
done
note "hpcc: right"
