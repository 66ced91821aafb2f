#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh,pvh,pvh hosts=2 vif=yes mpi=yes mem=224 time=5400 suite=no
# MPI jobs of four guests on two hosts: IVC in each pair, TCP between them.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
# shellcheck source=tests/lab/programs.sh
. /lab/tests/programs.sh
all=guest1,guest2,guest3,guest4

watch_both
for n in 3 4; do
	migrate_guest $n || fail "guest $n cannot go"
done
job_bg 1 check $all "$(way ivc)" /mpi/mpi-check -r 60
wait_until 60 flying 1 || fail "no channel on host 1"
on_host2 ". /lab/tests/accounts.sh; wait_until 60 flying 1" || fail "no channel on host 2"
flying 2 && fail "a channel too many on host 1"
collect 1 check 150
note "2 + 2 guests, a channel on each host: $(tail -n 1 /tmp/out.check)"
for how in tcp switch; do
	right 'messages checked' $all "$(way $how)" /mpi/mpi-check -r 20
	note "$how: $(cat /tmp/job.out)"
done
if has is.S.x && has osu_latency && has mpi4py/test; then
	osu
	npb
	mpi4py
	hpcc
fi
for n in 3 4; do
	return_guest $n || fail "guest $n cannot come back"
done
unwatch
