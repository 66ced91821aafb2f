#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv vif=yes mpi=yes mem=256 time=1500 suite=no
# Open MPI in four guests: without the module as if there were no component; then
# over IVC, TCP, and channels that are left all the time; latency of the two.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
all=guest1,guest2,guest3,guest4
SLEEP_AFTER=100

# module N: is loaded again, and attached
module() {
	g "$1" insmod /ivc/ivc-front.ko
	guest_attach "$1"
}

## guests without the module
for n in 1 2 3 4; do
	ivcctl detach "guest$n"
	g "$n" 'rmmod ivc_front; ! test -e /dev/ivc'
done
job 1 $all '' /mpi/mpi-check -r 15 >/tmp/with || fail "no module: $(cat /tmp/with)"
job 1 $all '--mca btl ^ivc' /mpi/mpi-check -r 15 >/tmp/bare || fail "stock: $(cat /tmp/bare)"
cmp /tmp/with /tmp/bare || fail "no module: it says $(cat /tmp/with)"
right 'init of component ivc returned failure' guest1,guest2 \
	'--mca btl_base_verbose 20' /mpi/mpi-check -r 1
note "without the module: $(cat /tmp/with), as without the component"
# Told to be there all the same, it goes over its own network, beside stock TCP
right ' 0 switches to IVC' guest1,guest2 "$(way ivc) --mca btl_ivc_always 1" /mpi/mpi-time 4
own=$(awk '$1 == "network" { print $3 }' /tmp/job.out)
right ' 0 switches to IVC' guest1,guest2 "$(way tcp)" /mpi/mpi-time 4
note "2 KB over TCP, p50: $own us by the component's, $(awk '$1 == "network" { print $3 }' /tmp/job.out) us by stock TCP"
module 1
module 2
module 3
right 'messages checked' $all "$(way all)" /mpi/mpi-check -r 15
note "guest 4 alone without it: $(cat /tmp/job.out)"
module 4

## four ranks: every pair has a channel, by itself
job_bg 1 check $all "$(way all)" /mpi/mpi-check -r 60
wait_until 60 flying 6 || fail "no channel for each of the six pairs"
g_wait 1 check 120 >/tmp/job.out || fail "IVC: $(tail -n 8 /tmp/job.out)"
note "over IVC, six channels: $(cat /tmp/job.out)"
for how in tcp switch; do
	right 'messages checked' $all "$(way $how)" /mpi/mpi-check -r 30
	note "$how: $(cat /tmp/job.out)"
done
right 'messages checked' $all "$(way switch)" /mpi/mpi-check -t -r 8
for how in ivc switch tcp; do
	right 'mpi4py ok' $all "$(way $how)" /usr/bin/python3 /mpi/objects.py
done
note "mpi4py: objects of all sizes, all three ways"
right 'switches to IVC' guest1,guest3 "$(way switch)" /mpi/mpi-time 5
note "channels left within 40 ms: $(tail -n 1 /tmp/job.out)"

## IVC beside TCP over netfront, in one run, between two guests and two others
SLEEP_AFTER=0
has osu_latency || skip "no OSU benchmarks: make payload-mpi MPI_SUITES=DIRECTORY"
# measure PAIR: the rows of each way into /tmp/PROGRAM.WAY.PAIR
# From 2 bytes on, for the first messages still go over the network: the channel
# is made when there is traffic, and with 8 it has been. Ten times as many by IVC, so
# that they take as long as those over TCP: what else runs on the emulated CPUs, for a
# few milliseconds now and then, is otherwise found in some sizes and not in others.
measure() {
	for how in ivc tcp; do
		n=300
		[ "$how" = tcp ] || n=3000
		right Pass "$1" "$(way $how)" /mpi/osu_latency -c -m 8:65536 -i 20 -x 2
		right '^65536' "$1" "$(way $how)" /mpi/osu_latency -m 2:65536 -i $n -x $((n / 10))
		grep '^[0-9]' /tmp/job.out >"/tmp/latency.$how.$1"
		right '^262144' "$1" "$(way $how)" /mpi/osu_bw -m 1024:262144 -i 10 -x 2
		grep '^[0-9]' /tmp/job.out >"/tmp/bw.$how.$1"
	done
	for what in latency bw; do
		awk -v title="$what $1" 'NR == FNR { tcp[$1] = $2; next }
			FNR == 1 { printf "%s\n%10s %12s %12s %10s\n", title, "bytes", "ivc", "tcp", "tcp/ivc" }
			{ printf "%10s %12.2f %12.2f %10.2f\n", $1, $2, tcp[$1], tcp[$1] / $2 }' \
			"/tmp/$what.tcp.$1" "/tmp/$what.ivc.$1" >>/tmp/table.txt
	done
}
measure guest1,guest2
measure guest3,guest4
save_result /tmp/table.txt
for pair in guest1,guest2 guest3,guest4; do
	awk -v pair=$pair '/^latency/ { mine = $2 == pair } mine && $1 == 8 { print $4; exit $4 < 10 }' \
		/tmp/table.txt >/tmp/ratio || fail "$pair, 8 bytes: TCP takes only $(cat /tmp/ratio) times as long as IVC"
	note "$pair: 8 bytes take $(cat /tmp/ratio) times as long over TCP as over IVC"
done
