#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 vif=yes mpi=yes mem=256 time=2400 suite=no
# OSU's latency and bandwidth, and NPB, while a guest goes to another host and back,
# by live migration: right answers.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
JOB_TIMEOUT=1200 SLEEP_AFTER=100
pair=guest2,guest1

# while_moving TAG: guest 1 goes and comes back, and then it has ended well
while_moving() {
	migrate_guest 1 || fail "$1: guest 1 cannot go"
	return_guest 1 || fail "$1: guest 1 cannot come back"
	g 2 touch /tmp/stop
	collect 2 "$1" 300
}

# and_again TAG PROGRAM...: one after the other, again and again, while all is well
and_again() {
	_tag=$1 _line=
	shift
	for program in "$@"; do
		_line="$_line$(mpirun_line $pair "$(way ivc)" "/mpi/$program") || exit 1; "
	done
	g 2 rm -f /tmp/stop
	g_bg 2 "$_tag" "su mpi -c $(_quote "while [ ! -e /tmp/stop ]; do $_line done")"
	wait_until 180 flying 1 || fail "$_tag: no channel"
}

watch_both
has osu_latency || skip "no benchmarks: make payload-mpi MPI_SUITES=DIRECTORY"
and_again osu 'osu_latency -c -m 2048:2048 -i 4000 -x 10' 'osu_bw -c -m 2048:2048 -i 300 -x 2'
while_moving osu
and_again npb mg.S.x lu.S.x cg.S.x is.S.x
while_moving npb
grep -q UNSUCCESSFUL /tmp/out.npb && fail "NPB: wrong answers"
note "two migrations each: osu_latency and osu_bw right $(grep -c Pass /tmp/out.osu) times, NPB $(grep -c ' SUCCESSFUL' /tmp/out.npb) times"
unwatch
