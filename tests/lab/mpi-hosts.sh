#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv hosts=2 away=2 vif=yes mpi=yes mem=256 cpus=1 time=1500 suite=no
# MPI jobs of four guests on two hosts: IVC in each pair, TCP between them.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
all=guest1,guest2,guest3,guest4
SLEEP_AFTER=100 JOB_TIMEOUT=400

job_bg 1 check $all "$(way ivc)" /mpi/mpi-check -r 20
wait_until 60 flying 1 || fail "no channel on host 1"
on_host2 ". /lab/tests/accounts.sh; wait_until 60 flying 1" || fail "no channel on host 2"
flying 2 && fail "a channel too many on host 1"
collect 1 check 400
note "2 + 2 guests, a channel on each host: $(tail -n 1 /tmp/out.check)"
for how in tcp switch; do
	right 'messages checked' $all "$(way $how)" /mpi/mpi-check -r 10
	note "$how: $(cat /tmp/job.out)"
done
