# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2086,SC2034,SC2154
# For scripts that run MPI jobs on this machine, with an ivcd of their own. The script
# sets $bin, the build folder, and $here, this folder. $dir is a folder for its files.
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
	for p in $ivcd; do
		kill "$p" && wait "$p"
	done 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# broker [SOCKET [OPTION...]]: starts ivcd. Each ivcd is another host for the ranks.
broker() {
	socket=${1:-$IVC_SOCKET}
	[ $# = 0 ] || shift
	"$bin/tools/ivcd" --socket "$socket" --max-rate 1000000 "$@" \
		2>"$socket.log" &
	ivcd="$ivcd $!"
	tries=500
	until grep -q listening "$socket.log" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { bad "ivcd does not start on $socket"; return; }
		sleep 0.02
	done
}

# job RANKS OPTIONS PROGRAM...: runs mpirun, for at most $limit seconds
job() {
	ranks=$1 options=$2
	shift 2
	timeout "${limit:-100}" $mpirun -n "$ranks" $options "$@"
}

# right TEXT COMMAND...: passes if the command succeeds and prints TEXT
right() {
	text=$1
	shift
	"$@" >"$dir/out" 2>&1
	rc=$?
	cat "$dir/out"
	[ $rc = 0 ] || { echo "exit status $rc"; return 1; }
	grep -q -e "$text" "$dir/out" && return 0
	echo "not in the output: $text"
	return 1
}

ivc='--mca btl ivc,self'
# A smaller ring makes a new channel faster.
switch="$ivc --mca btl_ivc_ring_size 262144 --mca btl_ivc_switch_ms"
tcp='--mca btl tcp,self'
