#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2086 # a list of flags is meant to be split
# Search every run of the model of a channel's end, then break the model in many
# ways: each fault must be found. See README.md.
# Usage: leave.sh WORK-DIR   (CC and SPIN from the environment)
set -eu
# shellcheck source=tests/model/search.sh
. "$(dirname "$0")/search.sh"
begin leave "${1:-}"
# shellcheck disable=SC2119
generate
# "provided" does not go together with partial order reduction.
build pan -DNOREDUCE -DSAFETY
build pan-cycles -DNOREDUCE -DNP
flags="-E -m5000"

# leave0 is LEAVE of end 0, and so on
options() {
	sum=0
	for option; do
		name=$(echo "$option" | tr -d 01 | tr '[:lower:]' '[:upper:]')
		value=$(number "$name")
		case $option in
		*1) value=$((value << 1)) ;;
		esac
		sum=$((sum | value))
	done
	echo $sum
}

# run RECORDS OPTION...
run() {
	export RECORDS="$1" MUTANT=0
	shift
	OPT=$(options "$@")
	export OPT
	search pan $flags
	whole "$*"
}

# acyclic RECORDS OPTION...: no run is infinite, so each comes to an end
acyclic() {
	export RECORDS="$1" MUTANT=0
	shift
	OPT=$(options "$@")
	export OPT
	search pan-cycles -l $flags
	whole "$*: no infinite run"
}

# mutant NAME OPTION...
mutant() {
	name=$1
	shift
	RECORDS=2
	MUTANT=$(fault "$name")
	OPT=$(options "$@")
	export RECORDS MUTANT OPT
	search pan $flags
	caught "$name" 'assertion'
}

# Nothing happens.
run 2 write0 partial
# A guest leaves, and its peer answers; the leaver writes, or the peer.
run 2 write0 leave0 partial
run 2 write1 leave0 partial
run 1 write0 write1 leave0
run 2 write0 leave0 leave1 partial
# ... and a process closes or dies meanwhile, or a guest is destroyed.
run 2 write0 leave0 close0
run 2 write1 leave0 close0
run 2 write0 leave0 close1
run 2 write1 leave0 close1
run 1 write0 leave0 leave1 close0
run 1 write1 leave0 leave1 close0
run 2 write0 leave0 crash0
run 2 write1 leave0 crash0
run 2 write0 leave0 crash1
run 2 write1 leave0 crash1
# The bound may pass at any time, as for a peer that is paused at any point.
run 2 write0 leave0 bound0 partial
run 2 write1 leave0 bound0 partial
run 2 write0 leave0 bound0 leave1
run 2 write1 leave0 bound0 leave1
run 2 write0 leave0 bound0 leave1 bound1
run 2 write1 leave0 bound0 close0
run 2 write1 leave0 bound0 close1
run 2 write1 leave0 bound0 crash0
run 2 write1 leave0 bound0 crash1
# Nobody leaves.
run 2 write0 close0
run 2 write1 close0
run 2 write0 close0 close1
run 2 write0 crash0
run 2 write1 crash0
# The peer closes or dies in the middle of a record.
run 2 write0 close1 partial
run 2 write0 crash1 partial
run 2 write0 leave0 close1 partial
# End 0 has offered and does not know yet that end 1 has accepted.
for who in write0 write1; do
	run 2 offered $who
	run 2 offered $who leave0
	run 2 offered $who leave1
	run 2 offered $who leave0 leave1
	run 2 offered $who leave0 bound0
	run 2 offered $who leave1 bound1
	run 2 offered $who close0
	run 2 offered $who close1
	run 2 offered $who crash0
	run 2 offered $who crash1
done

# Left out: ends begin OPEN, or OFFERED with the acceptance on its way, so no end is
# NEW, and no acceptance is overtaken by EV_GONE; and nothing fails in an OPEN end.
covered include/ivc/protocol/state.h new-offer new-taken new-leave new-gone new-fail \
	new-close offered-gone open-fail

acyclic 1 write0 leave0 leave1
acyclic 1 write0 leave0 bound0
acyclic 1 write0 leave0 close0 close1
acyclic 1 write0 leave0 crash1

mutant keep-early write1 leave0
mutant look-before write0 leave0
mutant status-late write0 leave0
mutant by-pages write0 leave0
mutant leaving-first write0 leave0
mutant taken-late write0 leave0
mutant at-always write0 leave0
mutant begun-ignored write0 leave0 bound0 partial
mutant begun-whole write0 close1 partial
mutant gone-first write0 leave0
mutant close-early write0 leave0
mutant no-notify write0 leave0
mutant keeps-mapped write0 leave0
mutant ends-grants write0 leave0
mutant closing-stays write0 leave0 bound0 close0
mutant no-removal write0 leave0 bound0 paused
mutant one-header write0 leave0 bound0 paused
mutant no-cut-word write0 leave0 bound0 paused
mutant look-then-detach write0 leave0 bound0 paused
mutant part-copied write0 leave0 bound0 paused
mutant walk-first write0 leave0 bound0
mutant at-once write0 leave0 bound0
mutant taken-only write0 leave0 bound0
mutant no-second-look write0 leave0 bound0
mutant cut-undecided write0 leave0 bound0

finish
