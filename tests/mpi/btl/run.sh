#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What `make check-mpi` runs: run.sh DIRECTORY-THAT-WAS-BUILT-INTO [SUITES]
# The component under Open MPI, on this machine, over the local transport:
# programs that know nothing of it, with IVC, with channels left at random all
# the time, with tcp, and where there is no IVC.
#   SUITES  a directory of public benchmarks that were built there, to be run
#           too: osu_* and NPB's *.S.x, which verify what they compute
# shellcheck disable=SC2086 # lists of options are meant to be split
bin=$1
suites=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d) || exit 1
# shellcheck source=tests/check.sh
. "$here/../../check.sh"
bin=$(cd "$bin" && pwd)
mpirun=${MPIRUN:-mpirun.openmpi}
ivcd=
export IVC_TRANSPORT=local IVC_SOCKET="$dir/s"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mca_base_component_path="$bin/mpi:SYS_DEFAULT"
# No launch agent is needed, and nothing leaves this machine.
export OMPI_MCA_plm_rsh_agent=/bin/false
export OMPI_MCA_btl_ivc_tcp_if_include=lo OMPI_MCA_btl_tcp_if_include=lo

cleanup() {
	[ -z "$ivcd" ] || { kill "$ivcd"; wait "$ivcd"; } 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

broker() {
	"$bin/tools/ivcd" --socket "$IVC_SOCKET" --max-rate 1000000 \
		2>"$dir/ivcd.log" &
	ivcd=$!
	tries=500
	until grep -q listening "$dir/ivcd.log" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { bad 'ivcd does not start'; return; }
		sleep 0.02
	done
}

# job RANKS OPTIONS PROGRAM...: with a limit of its own, so that it never hangs
job() {
	n=$1 how=$2
	shift 2
	timeout 100 $mpirun -n "$n" $how "$@"
}

ivc='--mca btl ivc,self'
switch="$ivc --mca btl_ivc_switch_ms"
tcp='--mca btl tcp,self'
prog=$bin/tests/mpi/mpi-check

which_ones() {
	job 2 "--mca btl_base_verbose 20 $1" "$prog" -r 1 >"$dir/out" 2>&1
	rc=$?
	cat "$dir/out"
	return $rc
}
chosen() { which_ones '--mca btl ^vader' && grep -q 'component ivc' "$dir/out"; }

## without ivcd: as if it were not there
without() {
	job 2 '' "$prog" -r 20 >"$dir/with" 2>&1 || { cat "$dir/with"; return 1; }
	OMPI_MCA_mca_base_component_path=SYS_DEFAULT job 2 '' "$prog" -r 20 \
		>"$dir/bare" 2>&1
	cmp "$dir/with" "$dir/bare"
}
check 'no IVC here: nothing is said, all is as without the component' without
steps_aside() {
	which_ones '--mca btl ivc,tcp,self' && grep -q 'init of component ivc returned failure' "$dir/out"
}
check 'no IVC here: it steps aside for tcp' steps_aside
check 'no IVC here, and told to be there: over the network alone' \
	says 'messages checked' job 3 "$ivc --mca btl_ivc_always 1" "$prog" -r 30
check 'its parameters have a text' says 'Seconds until a peer' \
	ompi_info --param btl ivc --level 9

broker
ok_says() {
	says 'messages checked' "$@"
}
check 'it is chosen before tcp' chosen
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
check 'a rank that computes while channels are left' \
	ok_says job 3 "$switch 3" "$prog" -r 10 -c 3
check 'fragments of 4 KiB' ok_says job 2 "$switch 5 --mca btl_ivc_eager_limit \
	1024 --mca btl_ivc_rndv_eager_limit 1024 --mca btl_ivc_max_send_size 4096" \
	"$prog" -r 60
check 'fragments of 256 KiB' ok_says job 2 "$switch 5 --mca \
	btl_ivc_max_send_size 262144" "$prog" -r 60
check 'a ring that is too small is refused' says 'not used: Invalid argument' \
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
# Python of the system: that is where Debian puts it.
if /usr/bin/python3 -c 'import mpi4py' 2>/dev/null; then
	for how in "$ivc" "$switch 3" "$tcp"; do
		check "mpi4py, $how" says 'mpi4py ok' job 4 "$how" \
			/usr/bin/python3 "$here/objects.py"
	done
else
	skip 'mpi4py is not installed'
fi

## public benchmarks, where they have been built
for p in "$suites"/*.S.x "$suites"/osu_*; do
	[ -x "$p" ] || continue
	for how in "$ivc" "$switch 3" "$tcp"; do
		case $p in
		*.x) check "${p##*/}, $how" says 'SUCCESSFUL' \
			job 4 "$how" "$p" ;;
		*_latency | *_bw | *_bibw) check "${p##*/}, $how" \
			job 2 "$how" "$p" -m 65536 ;;
		*) check "${p##*/}, $how" job 4 "$how" "$p" -m 16384 -i 50 ;;
		esac
	done
done
finish
