#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run.sh BUILD: a part of `make check-mpi`. Runs MPI programs over the component,
# on this machine, over the local transport: with IVC, with channels left at
# random all the time, with tcp, and without IVC.
# shellcheck disable=SC2086 # lists of options are meant to be split
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/mpi/btl/job.sh
. "$here/job.sh"
prog=$bin/tests/mpi/mpi-check
ends=$bin/tests/mpi/mpi-ends

which_ones() {
	job 2 "--mca btl_base_verbose 20 $1" "$prog" -r 1 >"$dir/out" 2>&1
	rc=$?
	cat "$dir/out"
	return $rc
}
chosen() { which_ones '--mca btl ^vader' && grep -q 'component ivc' "$dir/out"; }

## without ivcd: the component does nothing
without() {
	job 2 '' "$prog" -r 20 >"$dir/with" 2>&1 || { cat "$dir/with"; return 1; }
	OMPI_MCA_mca_base_component_path=SYS_DEFAULT job 2 '' "$prog" -r 20 \
		>"$dir/bare" 2>&1
	cmp "$dir/with" "$dir/bare"
}
check 'no IVC: no message, and all is as without the component' without
steps_aside() {
	which_ones '--mca btl ivc,tcp,self' && grep -q 'init of component ivc returned failure' "$dir/out"
}
check 'no IVC: the component leaves all to tcp' steps_aside
check 'no IVC, and btl_ivc_always: over the network only' \
	right 'messages checked' job 3 "$ivc --mca btl_ivc_always 1" "$prog" -r 30
check 'ompi_info explains the parameters' says 'Seconds until a peer' \
	ompi_info --param btl ivc --level 9

broker
ok_says() {
	right 'messages checked' "$@"
}
# The ranks print at their end which path their messages took.
went() {
	right "$1" job 4 "$2 --mca btl_base_verbose 10" "$prog" -r 60
}
check 'the component is chosen before tcp' chosen
check 'messages go over IVC' \
	went 'btl ivc: [0-9]\{3,\} messages over IVC' "$ivc"
check 'messages go over IVC and back, with btl_ivc_switch_ms' went 'back [0-9]\{2,\} times' "$switch 1"
# two_hosts N M OPTIONS PROGRAM...: N ranks on one host and M on another, as the
# component sees it: each ivcd is a host.
broker "$dir/s2"
two_hosts() {
	n=$1 m=$2 options=$3
	shift 3
	timeout 100 $mpirun $options -n "$n" "$@" : -n "$m" \
		-x IVC_SOCKET="$dir/s2" "$@"
}
# lines N TEXT COMMAND...: as right, and N lines of the output have TEXT
lines() {
	times=$1 line=$2
	shift 2
	right 'messages checked' "$@" || return 1
	[ "$(grep -c -e "$line" "$dir/out")" = "$times" ] || {
		echo "not $times times: $line"; return 1; }
}
verbose='--mca btl_base_verbose 10'
check 'ranks on another host are left to tcp' lines 2 'btl ivc: 0 messages over IVC, 0 over' \
	two_hosts 1 1 "--mca btl ivc,tcp,self $verbose" "$prog" -r 20
check 'ranks on the same host are not' lines 2 \
	'btl ivc: [1-9][0-9]* messages over IVC' \
	two_hosts 2 1 "--mca btl ivc,tcp,self $verbose" "$prog" -r 20
check 'btl_ivc_peers all: no rank is left to tcp' lines 3 'btl ivc: .*, [1-9][0-9]\{2,\} over the network' \
	two_hosts 2 1 "$ivc --mca btl_ivc_peers all $verbose" "$prog" -r 20
# Open MPI's own message about this sometimes gets lost on its way to mpirun.
nobody_else() {
	two_hosts 1 1 "$ivc" "$prog" -r 1
	rc=$?
	[ $rc != 0 ] && [ $rc != 124 ] &&
		grep -q -e unreachable -e MPI_ERRORS_ARE_FATAL "$dir/log"
}
check 'ranks on another host, and no other BTL: an error' nobody_else
# over OPTION VALUE: a job over a quota of its ivcd prints one line about it.
over() {
	broker "$dir/s$1" "$1" "$2"
	lines 1 "btl ivc: some ranks on .* use TCP .* user $(id -u) .* $1" \
		job 6 "--mca btl ivc,tcp,self -x IVC_SOCKET=$dir/s$1" "$prog" -r 10
}
check 'over the quota of memory: one line' over --max-bytes 3000000
check 'over the quota of channels: one line' over --max-channels 6
check 'over the quota of processes: one line' over --max-contexts 3
# In a guest with a device, IVC_SOCKET makes it ivcd's quota, not the guest's.
over_in_guest() {
	printf '%s\n' '#include <string.h>' '#include <unistd.h>' \
		'int access(const char *path, int mode)' \
		'{ return strcmp(path, "/dev/ivc") ?' \
		'faccessat(-100, path, mode, 0) : 0; }' >"$dir/device.c"
	${CC:-cc} -shared -fPIC -o "$dir/device.so" "$dir/device.c" || return 1
	broker "$dir/sguest" --max-contexts 3
	( unset IVC_TRANSPORT
	  lines 1 "use TCP .* user $(id -u) .* --max-contexts" \
		job 6 "--mca btl ivc,tcp,self -x IVC_SOCKET=$dir/sguest \
		-x LD_PRELOAD=$dir/device.so" "$prog" -r 10 )
}
check 'over the quota of ivcd, in a guest with a device: one line about ivcd' over_in_guest
check 'ompi_info explains the cost of btl_ivc_peers' says 'never change to IVC' \
	ompi_info --param btl ivc --level 9
check '2 ranks' ok_says job 2 "$ivc" "$prog" -r 200
check '4 ranks' ok_says job 4 "$ivc" "$prog" -r 100
check '7 ranks' ok_says job 7 "$ivc" "$prog" -r 15
check '4 ranks, stock tcp' ok_says job 4 "$tcp" "$prog" -r 100
for ms in 1 3 20; do
	check "4 ranks, every channel left within $ms ms" \
		ok_says job 4 "$switch $ms" "$prog" -r 150
done
check '3 ranks of 3 threads' ok_says job 3 "$ivc" "$prog" -t -r 40
check '3 ranks of 3 threads, channels left within 3 ms' \
	ok_says job 3 "$switch 3" "$prog" -t -r 40
check '5 ranks that sleep when there is nothing' \
	ok_says job 5 "$ivc --mca btl_ivc_sleep_after 20" "$prog" -r 60
check '4 ranks that sleep, channels left within 3 ms' \
	ok_says job 4 "$switch 3 --mca btl_ivc_sleep_after 20" "$prog" -r 60
check '3 ranks of 3 threads that sleep' \
	ok_says job 3 "$switch 20 --mca btl_ivc_sleep_after 20" "$prog" -t -r 20
check 'a rank that computes while channels are left' \
	ok_says job 3 "$switch 3" "$prog" -r 10 -c 3
net="$ivc --mca btl_ivc_always 1 -x IVC_SOCKET=$dir/none"
for how in "$ivc" "$switch 3" "$net"; do
	check "a rank that sends more than its peer reads, ${how%-x*}" \
		ok_says job 2 "$how" "$prog" -r 1 -f 40000
done
# A rank that waits in vain would end by this limit.
limit=30
first() {
	rm -f "$dir"/file.*
	ok_done 3 job 3 "$2" "$ends" "$1" "$dir/file"
}
ok_done() {
	n=$1
	shift
	right 'rank 0 is done' "$@" && [ "$(grep -c 'is done' "$dir/out")" = "$n" ]
}
for how in "$ivc" "$net" "$switch 3"; do
	check "a rank need not call after its first send, ${how%-x*}" \
		first first "$how"
	check "a rank need not call after many sends, ${how%-x*}" \
		first full "$how --mca btl_ivc_tcp_buffer 33554432"
	check "messages that nobody receives, ${how%-x*}" \
		ok_done 4 job 4 "$how" "$ends" unreceived
done
check 'two spawned children, two times' ok_done 1 job 1 "$ivc" "$ends" spawn 2
check 'three spawned children of two ranks' ok_done 2 job 2 "$ivc" "$ends" spawn 3
# ends_with TEXT COMMAND...: fails with TEXT in the output, before the limit (124)
ends_with() {
	text=$1
	shift
	"$@" >"$dir/out" 2>&1
	rc=$?
	cat "$dir/out"
	[ $rc != 0 ] && [ $rc != 124 ] && grep -q -e "$text" "$dir/out"
}
for n in 2 4; do
	check "one of $n ranks has no descriptor left: an error that names the cure" ends_with \
		"rank $((n - 1)) .*Too many open files.*ulimit -n" \
		job $n "$ivc --mca btl_ivc_tcp_timeout 4" "$ends" descriptors
	check "one of $n ranks has no memory left: an error that names the cure" ends_with \
		"rank $((n - 1)) .*Cannot allocate memory.*ulimit -v" \
		job $n "$ivc --mca btl_ivc_tcp_timeout 4" "$ends" memory
done
limit=
check 'fragments of 4 KiB' ok_says job 2 "$switch 5 --mca btl_ivc_eager_limit \
	1024 --mca btl_ivc_rndv_eager_limit 1024 --mca btl_ivc_max_send_size 4096" \
	"$prog" -r 60
check 'fragments of 256 KiB' ok_says job 2 "$ivc --mca btl_ivc_switch_ms 5 \
	--mca btl_ivc_max_send_size 262144" "$prog" -r 60
check 'a ring that is too small: an error' says 'not used: Invalid argument' \
	job 2 '--mca btl ivc,tcp,self --mca btl_ivc_ring_size 4096' "$prog" -r 1
ipv6() {
	job 3 "$switch 5 --mca btl_ivc_tcp_if_include ::1/128 --mca \
		btl_ivc_tcp_family 6" "$prog" -r 20
}
if grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; then
	check 'IPv6' ok_says ipv6
else
	skip 'IPv6: this machine has none'
fi
# Debian installs mpi4py for the system's Python.
if /usr/bin/python3 -c 'import mpi4py' 2>/dev/null; then
	for how in "$ivc" "$switch 3" "$tcp"; do
		check "mpi4py, $how" right 'mpi4py ok' job 4 "$how" \
			/usr/bin/python3 "$here/objects.py"
	done
else
	skip 'mpi4py is not installed'
fi
finish
