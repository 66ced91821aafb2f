#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Common to the scenarios of MPI jobs: jobs of Debian's Open MPI, begun in one guest
# by the user `mpi`, with one rank in each guest. Not a scenario: read by them.

# Ranks that look for messages all the time keep the CPUs of this machine, which are
# two, from Dom0 that carries them; so Dom0 comes first, whatever way they go.
dom0_first || fail "Dom0 cannot be put first"
[ "$LAB_HOSTS" = 1 ] || on_host2 dom0_first || fail "host 2's Dom0 cannot be put first"
# With more ranks than CPUs each other's, too: then they sleep after so many us.
SLEEP_AFTER=0
# How long a channel is used at most, in ms, where it is left all the time
SWITCH_MS=40
# and what else is told then
SWITCH_MORE=

# way NAME: Open MPI's options. all: Open MPI's own choice, which is IVC on one host;
# ivc: IVC alone; switch: the same, but every channel is left within some ms; tcp:
# without IVC
way() {
	case $1 in
	all) echo "--mca btl_ivc_sleep_after $SLEEP_AFTER" ;;
	ivc) echo "--mca btl ivc,self --mca btl_ivc_peers all $(way all)" ;;
	switch) echo "$(way ivc) --mca btl_ivc_switch_ms $SWITCH_MS $SWITCH_MORE" ;;
	tcp) echo '--mca btl tcp,self' ;;
	esac
}

JOB_TIMEOUT=200

# mpirun_line HOSTS OPTIONS PROGRAM...: the guest's command
mpirun_line() {
	_hosts=$1
	shift
	echo "timeout $JOB_TIMEOUT mpirun -H $_hosts $* 2>&1"
}

# job N HOSTS OPTIONS PROGRAM...: begun in guest N; its output, its status
job() {
	_n=$1
	shift
	G_TIMEOUT=$((JOB_TIMEOUT + 20)) g_as "$_n" mpi "$(mpirun_line "$@")"
}

# job_bg N TAG HOSTS OPTIONS PROGRAM...: for g_wait, as with g_bg
job_bg() {
	_n=$1 _tag=$2
	shift 2
	g_bg "$_n" "$_tag" "su mpi -c $(_quote "$(mpirun_line "$@")")"
}

# follow: every minute, where the job is
follow() {
	_minutes=0
	while sleep 60; do
		note "$((_minutes += 1)) min: $(tail -n 1 /tmp/job.out | cut -c 1-100)"
	done
}

# right WORDS HOSTS OPTIONS PROGRAM...: begun in guest 1, ends well and says so
right() {
	_says=$1
	shift
	_begun=$(cut -d. -f1 /proc/uptime)
	follow &
	_follows=$! _status=0
	job 1 "$@" >/tmp/job.out || _status=$?
	kill $_follows
	wait $_follows || :
	# A status after JOB_TIMEOUT is of its end: mpirun has one of its own then.
	[ $_status = 0 ] || {
		tail -n 80 /tmp/job.out
		fail "status $_status, after $(($(cut -d. -f1 /proc/uptime) - _begun)) of $JOB_TIMEOUT s: $*"
	}
	grep -q "$_says" /tmp/job.out && return
	tail -n 80 /tmp/job.out
	fail "no '$_says': $*"
}

# has PROGRAM: is PROGRAM of MPI_SUITES= in the payload?
has() {
	g 1 "test -e /mpi/$1"
}
