#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 vif=yes mpi=yes mem=256 time=1500 suite=no
# MPI jobs during live migrations, twelve in all, of a guest to another host and
# back: one that checks each message, benchmarks, a rank that computes meanwhile.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
JOB_TIMEOUT=1200 SLEEP_AFTER=100
pair=guest2,guest1

# there_and_back: guest 1 goes to host 2 and comes back
there_and_back() {
	migrate_guest 1 || fail "guest 1 cannot go"
	return_guest 1 || fail "guest 1 cannot come back"
}
# during TAG PROGRAM...: begun before that, ends after it, and has migrated
during() {
	_tag=$1
	shift
	job_bg 2 "$_tag" $pair "$(way ivc)" "$@"
	wait_until 60 flying 1 || fail "$_tag: no channel"
	there_and_back
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
	wait_until 60 flying 1 || fail "$_tag: no channel"
}

# What moves a guest is emulated by the CPUs that emulate its ranks, which never
# rest: with all of them for itself a rank makes a migration take minutes.
for n in 1 2; do
	xl sched-credit2 -d "guest$n" -c 40
done
watch_both
## one job, four migrations
g 2 rm -f /tmp/stop
during time /mpi/mpi-time -f /tmp/stop 1000
wait_until 60 flying 1 || fail "no channel after the return"
there_and_back
wait_until 60 flying 1 || fail "no channel after the second return"
sleep 2
g 2 touch /tmp/stop
collect 2 time 60
grep -q ' 3 switches to IVC, 2 to the network' /tmp/out.time || fail "$(tail -n 1 /tmp/out.time)"
note "$(tail -n 1 /tmp/out.time)"

## rank 1 makes no call for a minute, and migrates; then rank 0, the other's peer
for pair in guest2,guest1 guest1,guest2; do
	job_bg 2 compute $pair "$(way ivc)" /mpi/mpi-check -r 5 -c 60
	wait_until 60 flying 1 || fail "compute, $pair: no channel"
	sleep 10
	migrate_guest 1 || fail "guest 1 cannot go"
	collect 2 compute 150
	grep -q 'messages checked' /tmp/out.compute || fail "compute, $pair"
	note "a rank computes for a minute, $pair: $(tail -n 1 /tmp/out.compute)"
	return_guest 1 || fail "guest 1 cannot come back"
done
pair=guest2,guest1

## benchmarks that know nothing of it
has osu_latency || skip "no benchmarks: make payload-mpi MPI_SUITES=DIRECTORY"
and_again osu 'osu_latency -c -m 2048:2048 -i 4000 -x 10' 'osu_bw -c -m 2048:2048 -i 300 -x 2'
there_and_back
g 2 touch /tmp/stop
collect 2 osu 300
and_again npb mg.W.x lu.S.x cg.W.x is.W.x
there_and_back
g 2 touch /tmp/stop
collect 2 npb 300
grep -q UNSUCCESSFUL /tmp/out.npb && fail "NPB: wrong answers"
note "two migrations each: osu_latency and osu_bw right $(grep -c Pass /tmp/out.osu) times, NPB $(grep -c ' SUCCESSFUL' /tmp/out.npb) times"
unwatch
