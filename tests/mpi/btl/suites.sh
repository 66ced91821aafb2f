#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# suites.sh BUILD [SUITES]: `make check-mpi-suites`. Runs public programs that
# verify their results, with IVC, with channels left at random all the time, and
# with stock tcp: Debian's hpcc and NetPIPE, and the programs in the folder SUITES.
# These are NPB's *.S.x, OSU's osu_*, and mpi4py/test, which is a folder of
# mpi4py's sources, of the installed version.
# shellcheck disable=SC2086 # lists of options are meant to be split
bin=$1
suites=${2:-/nonexistent}
here=$(cd "$(dirname "$0")" && pwd)
[ ! -d "$suites" ] || suites=$(cd "$suites" && pwd)
# shellcheck source=tests/mpi/btl/job.sh
. "$here/job.sh"
# Debian installs mpi4py for the system's Python.
python=/usr/bin/python3
limit=300


has() { command -v "$1" >/dev/null; }

# hpcc reads and writes files in the current folder. Each part has a verdict.
hpcc_() {
	rm -rf "$dir/hpcc" && mkdir "$dir/hpcc" || return 1
	sed -e 's/^1000 .*Ns$/320 Ns/' -e 's/^80 .*NBs$/32 NBs/' \
		-e 's/^2  .*Qs$/2 Qs/' -e 's/^0 .*additional problem sizes.*/0/' \
		/usr/share/doc/hpcc/examples/_hpccinf.txt >"$dir/hpcc/hpccinf.txt"
	( cd "$dir/hpcc" && job 4 "$how" hpcc ) || return 1
	verdicts "$dir/hpcc/hpccoutf.txt"
}

verdicts() {
	awk -F= '
		/^Success=1$/ { success = 1 }
		/ PASSED$/ { passed++ }
		/FAILED|^ILLEGAL/ { bad = bad "\n" $0 }
		/tests completed and failed/ && $1 + 0 { bad = bad "\n" $0 }
		/^PTRANS_residual=/ && $2 != 0 { bad = bad "\n" $0 }
		/^MPIRandomAccess(_LCG)?_ErrorsFraction=/ && $2 > 0.01 {
			bad = bad "\n" $0 }
		/^MPIFFT_maxErr=/ { fft = 1; if ($2 > 1e-10) bad = bad "\n" $0 }
		END {
			print passed + 0 " passed" bad
			exit !(success && passed && fft && bad == "")
		}' "$1"
}

# NetPIPE compares every byte that is echoed, and prints a line for each size.
netpipe() {
	job 2 "$how" NPopenmpi -i -n 20 -u 1048576 -o "$dir/np.out" \
		>"$dir/np.log" 2>&1 || { cat "$dir/np.log"; return 1; }
	cat "$dir/np.log"
	! grep -qi 'fail\|error' "$dir/np.log" &&
		grep -q ' 786433 bytes.*Integrity check passed' "$dir/np.log"
}

# Without the tests that start processes, or use windows, for which
# ob1 has nothing over a network.
mpi4py_tests() {
	( cd "$suites/mpi4py/test" && right '^OK' job 4 "$how" $python \
		runtests.py -q -e spawn -e dynproc -e rma -e win )
}

npb() { right 'SUCCESSFUL' job 4 "$how" "$1"; }

# Without -m, which old versions of the programs for two ranks do not know. The
# one-sided programs need osc pt2pt, which Debian's configuration leaves out.
osu() {
	case ${1##*/} in
	*_put_* | *_get_* | *_acc_* | *_fop_* | *_cas_*)
		right '^8 ' job 2 "$how --mca osc pt2pt" "$1" -i 20 -x 2 ;;
	*_latency | *_bw | *_bibw | *_lat | *_latency_mt | *_mbw_mr)
		right '^4194304 ' job 2 "$how" "$1" -i 20 -x 2 ;;
	*barrier) right '[0-9]' job 4 "$how" "$1" -i 20 -x 2 ;;
	*) right '^65536 ' job 4 "$how" "$1" -i 20 -x 2 -m 65536 ;;
	esac
}

broker "$IVC_SOCKET"
for way in ivc 'channels left within 3 ms' tcp; do
	case $way in
	ivc) how=$ivc ;;
	tcp) how=$tcp ;;
	*) how="$switch 3" ;;
	esac
	if has hpcc; then
		check "hpcc, $way" hpcc_
	else
		skip 'hpcc is not installed'
	fi
	if has NPopenmpi; then
		check "NetPIPE, $way" netpipe
	else
		skip 'netpipe-openmpi is not installed'
	fi
	[ ! -d "$suites/mpi4py/test" ] || check "mpi4py's own tests, $way" \
		mpi4py_tests
	for p in "$suites"/*.S.x; do
		[ ! -x "$p" ] || check "${p##*/}, $way" npb "$p"
	done
	for p in "$suites"/osu_*; do
		[ ! -x "$p" ] || check "${p##*/}, $way" osu "$p"
	done
done
finish
