#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Search every run of the model of a channel's end, then break the model in many
# ways: each fault must be found. See README.md.
# Usage: leave.sh WORK-DIR   (CC and SPIN from the environment)
set -eu
model=$(dirname "$0")/leave.pml
work=$1
passed=0
failed=0
memory=1500 # MB, of which a search may use all
depth=5000

rm -rf "$work"
mkdir -p "$work"
cp "$model" "$work/leave.pml"
cd "$work"
${SPIN:-spin} -a leave.pml >spin.log || { cat spin.log >&2; exit 2; }
# "provided" does not go together with partial order reduction.
build() {
	out=$1
	shift
	${CC:-gcc} -O2 -w -DNOREDUCE -DMEMLIM=$memory "$@" \
		-o "$out" pan.c
}
build pan -DSAFETY
build pan-cycles -DNP

# What leave.pml defines a name as
number() {
	value=$(sed -n "s,^#define $1 \(([^)]*)\|[0-9]*\).*,\1,p" leave.pml)
	[ -n "$value" ] || { echo "model: no $1 in leave.pml" >&2; exit 2; }
	# shellcheck disable=SC2004 # "1 << 3" is not a number to every shell
	echo $(($value))
}

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

# search PROGRAM FLAG...: into log; OPT, MUTANT and RECORDS are set
search() {
	program=./$1
	shift
	rm -f ./*.trail
	timeout 600 "$program" "$@" -E -m$depth >log 2>&1 || true
}

ok() {
	passed=$((passed + 1))
	echo "model: $*"
}

bad() {
	failed=$((failed + 1))
	echo "model: FAILED: $*" >&2
	grep -m3 -E '^pan|^error' log >&2 || tail -5 log >&2
	cp log "failed-$failed.log"
	! [ -f leave.pml.trail ] || mv leave.pml.trail "failed-$failed.trail"
}

states() {
	sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log
}

# A search that did not reach every state proves nothing.
whole() {
	grep -q 'errors: 0$' log && grep -q 'elapsed time' log &&
		! grep -qE 'not completed|too small|MEMLIM|out of memory' log
}

# run RECORDS OPTION...
run() {
	export RECORDS="$1" MUTANT=0
	shift
	OPT=$(options "$@")
	export OPT
	search pan
	if whole; then
		ok "$*: $(states) states, $(sed -n \
			's/.*elapsed time \([0-9.]*\).*/\1/p' log) s"
	else
		bad "$*"
	fi
}

# acyclic RECORDS OPTION...: no run is infinite, so each comes to an end
acyclic() {
	export RECORDS="$1" MUTANT=0
	shift
	OPT=$(options "$@")
	export OPT
	search pan-cycles -l
	if whole; then
		ok "$*: no infinite run, $(states) states"
	else
		bad "$*: an infinite run, or not searched to the end"
	fi
}

# mutant NAME OPTION...
mutant() {
	name=$1
	shift
	RECORDS=2
	MUTANT=$(number "M_$(echo "$name" | tr '[:lower:]-' '[:upper:]_')")
	OPT=$(options "$@")
	export RECORDS MUTANT OPT
	search pan
	if grep -q 'errors: 1$' log && grep -q '^pan:1: assertion' log; then
		ok "mutant $name: caught: $(sed -n \
			's/^pan:1: assertion violated *\(.*\) (at depth.*/\1/p' \
			log | cut -c1-50)"
	else
		bad "mutant $name SURVIVED"
	fi
}

# Nothing happens.
run 2 write0 partial
# A guest leaves, and its peer answers: who writes is the leaver, or the peer.
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

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
