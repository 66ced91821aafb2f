# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Public MPI programs, in four guests, a rank in each: NPB, OSU, mpi4py's tests,
# hpcc; as they come, which is IVC on one host, over stock TCP, and with channels
# that are left all the time: right answers. Not a scenario: read by them.

# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
# shellcheck disable=SC2034 # of job()
JOB_TIMEOUT=1500 SLEEP_AFTER=100

# built PROGRAM: or there is nothing to run
built() {
	has "$1" || skip "no $1: make payload-mpi MPI_SUITES=DIRECTORY"
}

# three_ways WORDS PROGRAM...: with what each took, in seconds
three_ways() {
	words=$1
	shift
	for how in ivc tcp switch; do
		since=$(cut -d. -f1 /proc/uptime)
		right "$words" "$ranks" "$(way $how)" "$@"
		note "$1: right, $how $(($(cut -d. -f1 /proc/uptime) - since)) s"
	done
}

# All ranks. The two CPUs of this machine make their six channels anew in turns. The
# jobs would do little else if each channel were left sooner, or had rings of 256 KiB,
# whose 130 pages are granted and mapped anew every time.
# shellcheck disable=SC2034 # of way()
four_ranks() {
	ranks=guest1,guest2,guest3,guest4
	SWITCH_MS=1000 SWITCH_MORE=
	for limit in eager_limit rndv_eager_limit max_send_size; do
		SWITCH_MORE="$SWITCH_MORE --mca btl_ivc_$limit 8000"
	done
}

npb() {
	built is.S.x
	four_ranks
	for program in is mg cg ft ep lu sp bt; do
		three_ways ' SUCCESSFUL' /mpi/$program.S.x
	done
}

# Two ranks in the first and the last guest: on two hosts, one on each, where the
# emulated wire takes 10 to 20 ms for a short message and 85 for 64 KiB, on any path.
osu() {
	built osu_latency
	ranks=guest1,guest4 two=65536 four=16384
	[ "$LAB_HOSTS" = 1 ] || two=4096 four=1024
	three_ways Pass /mpi/osu_latency -c -m 8:$two -i 20 -x 2
	three_ways Pass /mpi/osu_bw -c -m 8:$two -i 4 -x 1
	four_ranks
	for program in allgather allreduce alltoall bcast reduce; do
		three_ways Pass /mpi/osu_$program -c -m 4:$four -i 5 -x 1
	done
}

# Left out, because Open MPI has no component for them between guests, not even with
# stock tcp: windows (Debian leaves out osc pt2pt). Left out as well: tests that need a
# file system shared by the guests, or start processes. Left out for the emulated CPUs'
# sake: tests that pass no message between ranks (msgspec, datatype, dtlib, pack), and
# the collective calls over all types and roots of buffers (ten minutes on each path);
# docs/measurements/2026-11-23-mpi-guests.md has the runs of more of it.
mpi4py() {
	built mpi4py/test
	for not in rma win spawn dynproc test_io test_file \
		test_msgspec test_datatype test_util_dtlib test_pack 'cco_.*(buf|vec)'; do
		without="${without:-} -e \"$not\""
	done
	four_ranks
	three_ways OK sh -c "'cd /mpi/mpi4py/test && /usr/bin/python3 runtests.py --no-builddir -v $without'"
}

# hpcc, small: it checks what it computes, and counts. Its last part sends messages of
# 2 MB around rings of ranks, some 2 GB in all: on two hosts ten minutes and more.
hpcc() {
	[ "$LAB_HOSTS" = 1 ] || JOB_TIMEOUT=5400
	g 1 "sed 's/^1000 /200 /' /usr/share/doc/hpcc/examples/_hpccinf.txt >/tmp/hpccinf.txt"
	four_ranks
	# Only the first rank has anything to show.
	three_ways '^Success=1' sh -c \
		"'cd /tmp && rm -f hpccoutf.txt && hpcc && if [ -e hpccoutf.txt ]; then cat hpccoutf.txt; fi'"
}
