#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Search every run of the model of a pair that switches, then break the model:
# each fault must be found. See README.md.
# Usage: switch.sh WORK-DIR   (CC and SPIN from the environment)
set -eu
# shellcheck source=tests/model/search.sh
. "$(dirname "$0")/search.sh"
begin switch "${1:-}"

# look MUTANT MESSAGES OPTION...: into log
look() {
	opt=0
	mutant=$1 n=$2
	shift 2
	for o; do
		opt=$((opt + $(number "$(echo "$o" | tr '[:lower:]' '[:upper:]')")))
	done
	generate -DN="$n" -DOPT=$opt -DMUTANT="$mutant"
	build pan -DSAFETY
	search pan -E -m5000
}

# run MESSAGES OPTION...: every state must have been reached, and be right
run() {
	look 0 "$@"
	whole "$*"
}

# mutant NAME MESSAGES OPTION...
mutant() {
	name=$1
	shift
	look "$(fault "$name")" "$@"
	caught "$name" 'assertion'
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

covered coordinator/state.h

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

finish
