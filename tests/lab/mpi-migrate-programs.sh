#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pv hosts=2 vif=yes mpi=yes mem=256 time=3400 suite=no
# OSU's latency and bandwidth, and NPB, while a guest goes to another host and back
# by live migration, ten times each: right answers.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
JOB_TIMEOUT=1200 SLEEP_AFTER=100
pair=guest2,guest1
trips=5

# while_moving TAG: guest 1 goes and comes back, and then it has ended well
while_moving() {
	for trip in $(seq $trips); do
		migrate_guest 1 || fail "$1: guest 1 cannot go on trip $trip"
		return_guest 1 || fail "$1: guest 1 cannot come back from trip $trip"
		note "$1: trip $trip of $trips, and is back"
	done
	g 2 touch /tmp/stop
	collect 2 "$1" 600
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
# So many iterations that a migration, which takes 40 s, finds the programs running.
# Checking the received data takes most of their time.
and_again osu 'osu_latency -c -m 2048:2048 -i 15000 -x 10' 'osu_bw -c -m 2048:2048 -i 2500 -x 2'
while_moving osu
and_again npb mg.S.x lu.S.x cg.S.x is.S.x
while_moving npb
grep -q Fail /tmp/out.osu && fail "OSU: wrong data"
grep -q UNSUCCESSFUL /tmp/out.npb && fail "NPB: wrong answers"
osu=$(grep -c Pass /tmp/out.osu) || fail "OSU: none has ended"
npb=$(grep -c ' SUCCESSFUL' /tmp/out.npb) || fail "NPB: none has ended"
note "$((2 * trips)) migrations each: osu_latency and osu_bw right $osu times, NPB $npb times"
unwatch
