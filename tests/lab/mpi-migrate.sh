#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 vif=yes mpi=yes mem=256 time=2400 suite=no
# An MPI job that checks each message during ten live migrations of a guest, to
# another host and back; then jobs of which a rank computes meanwhile.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
JOB_TIMEOUT=1800 SLEEP_AFTER=100
pair=guest2,guest1

watch_both
## one job, ten migrations. The job rests between its messages: the CPUs that emulate
## its ranks emulate the migration, too, which takes minutes beside a job that never
## rests (figures-mpi has such jobs).
g 2 rm -f /tmp/stop
job_bg 2 time $pair "$(way ivc)" /mpi/mpi-time -w 20 -f /tmp/stop 1700
for n in 1 2 3 4 5; do
	wait_until 60 flying 1 || fail "no channel, before migration $((2 * n - 1))"
	migrate_guest 1 || fail "guest 1 cannot go"
	sleep 2
	return_guest 1 || fail "guest 1 cannot come back"
	note "$((2 * n)) migrations"
done
wait_until 60 flying 1 || fail "no channel after the last return"
sleep 2
g 2 touch /tmp/stop
collect 2 time 60
grep -q ' 6 switches to IVC, 5 to the network' /tmp/out.time || fail "$(tail -n 1 /tmp/out.time)"
note "$(tail -n 1 /tmp/out.time)"

## rank 1 makes no call for a minute, and migrates; then rank 0, the other's peer
for pair in guest2,guest1 guest1,guest2; do
	job_bg 2 compute $pair "$(way ivc)" /mpi/mpi-check -r 5 -c 60
	wait_until 180 flying 1 || fail "compute, $pair: no channel"
	sleep 10
	migrate_guest 1 || fail "guest 1 cannot go"
	collect 2 compute 150
	grep -q 'messages checked' /tmp/out.compute || fail "compute, $pair"
	note "a rank computes for a minute, $pair: $(tail -n 1 /tmp/out.compute)"
	return_guest 1 || fail "guest 1 cannot come back"
done
unwatch
