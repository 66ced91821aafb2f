#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Search every run of the model of a pair that switches, then break the model:
# each fault must be found. See README.md.
# Usage: switch.sh WORK-DIR   (CC and SPIN from the environment)
set -eu
model=$(cd "$(dirname "$0")" && pwd)/switch.pml
work=$1
passed=0
failed=0

rm -rf "$work"
mkdir -p "$work"
cd "$work"

# What switch.pml defines a name as
number() {
	value=$(sed -n "s,^#define $1 \([0-9]*\).*,\1,p" "$model")
	[ -n "$value" ] || { echo "model: no $1 in $model" >&2; exit 2; }
	echo "$value"
}

# search MUTANT MESSAGES OPTION...: into log
search() {
	opt=0
	mutant=$1 n=$2
	shift 2
	for o; do
		opt=$((opt + $(number "$(echo "$o" | tr '[:lower:]' '[:upper:]')")))
	done
	rm -f ./*.trail
	${SPIN:-spin} -DN="$n" -DOPT=$opt -DMUTANT="$mutant" -a "$model" \
		>spin.log || { cat spin.log >&2; exit 2; }
	${CC:-gcc} -O2 -w -DSAFETY -DMEMLIM=1500 -o pan pan.c
	timeout 600 ./pan -E -m5000 >log 2>&1 || true
}

ok() {
	passed=$((passed + 1))
	echo "model: $*"
}

bad() {
	failed=$((failed + 1))
	echo "model: FAILED: $*" >&2
	grep -m3 -E '^pan|^error' log >&2 || tail -5 log >&2
}

# run MESSAGES OPTION...: every state must have been reached, and be right
run() {
	search 0 "$@"
	if grep -q 'errors: 0$' log && grep -q 'elapsed time' log &&
		! grep -qE 'not completed|too small|MEMLIM|out of memory' log
	then
		ok "switch, $*: $(sed -n \
			's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log) states"
	else
		bad "switch, $*"
	fi
}

# mutant NAME MESSAGES OPTION...
mutant() {
	name=$1
	shift
	search "$(number "M_$(echo "$name" | tr '[:lower:]-' '[:upper:]_')")" "$@"
	if grep -q '^pan:1: assertion' log; then
		ok "mutant $name: caught"
	else
		bad "mutant $name SURVIVED"
	fi
}

run 2
run 2 leave0
run 2 leave0 leave1
run 2 death
run 2 leave0 leave1 death
run 2 death cut
run 1 twice leave0 leave1
run 1 twice death
run 1 twice death leave0 leave1
run 1 twice death cut

mutant read-early 2 leave0 death
mutant no-hold 2 leave0 death
mutant back-all 2 leave0 death
mutant new-first 2 leave0 death
mutant stop-is-back 2 leave0 death
mutant no-answer 1 death twice
mutant no-skip 2 death cut
mutant drained-early 2 leave0 death
mutant close-early 2 leave0 death
mutant drop-known 2 death
mutant no-leave 2 leave0
mutant say-early 1 death twice

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
