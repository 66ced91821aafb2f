#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Search every run of the model of waiting, then break it in many ways: each
# fault must be found. See README.md.
# Usage: wait.sh WORK-DIR   (CC and SPIN from the environment)
set -eu
model=$(dirname "$0")/wait.pml
work=$1
passed=0
failed=0

rm -rf "$work"
mkdir -p "$work"
cp "$model" "$work/wait.pml"
cd "$work"
${SPIN:-spin} -a wait.pml >spin.log || { cat spin.log >&2; exit 2; }
${CC:-gcc} -O2 -w -DSAFETY -DMEMLIM=1500 -o pan pan.c

# search LOCAL READS WRITES MUTANT-NUMBER: into log
search() {
	rm -f ./*.trail
	LOCAL=$1 READS=$2 WRITES=$3 MUTANT=$4 timeout 600 ./pan -m20000 >log 2>&1 || :
}

bad() {
	failed=$((failed + 1))
	echo "wait: FAILED: $*" >&2
	grep -m3 -E '^pan|^error' log >&2 || tail -5 log >&2
}

ok() {
	passed=$((passed + 1))
	echo "wait: $*"
}

# holds LOCAL READS WRITES NAME: nobody sleeps for ever in any run, all of which
# were searched
holds() {
	search "$1" "$2" "$3" 0
	name="$4, $2 reads and $3 writes"
	if grep -q 'errors: 0$' log && ! grep -qE 'too small|MEMLIM|out of memory' log; then
		ok "$name: $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log) states"
	else
		bad "$name"
	fi
}

# mutant LOCAL NAME
mutant() {
	name=M_$(echo "$2" | tr '[:lower:]-' '[:upper:]_')
	search "$1" 1 1 "$(awk -v name="$name" '$2 == name { print $3 }' wait.pml)"
	if grep -q '^pan:1: invalid end state' log; then
		ok "mutant $2: caught"
	else
		bad "mutant $2 SURVIVED"
	fi
}

for how in '0 1 1' '0 2 1' '0 3 0'; do
	# shellcheck disable=SC2086
	holds $how 'an event channel'
done
for how in '1 1 1' '1 3 0' '1 0 3'; do
	# shellcheck disable=SC2086
	holds $how 'a socket'
done
for how in 0 1; do
	for name in no-grace arm-late no-wake all-arm look-first keep-polling; do
		mutant $how $name
	done
done
mutant 0 in-two
mutant 1 no-epoch
mutant 1 epoch-first

echo "$passed passed, $failed failed"
[ $failed = 0 ]
