#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Search every run of the model of waiting, then break it in many ways: each
# fault must be found. See README.md.
# Usage: wait.sh WORK-DIR   (CC and SPIN from the environment)
set -eu
# shellcheck source=tests/model/search.sh
. "$(dirname "$0")/search.sh"
begin wait "${1:-}"
# shellcheck disable=SC2119
generate
build pan -DSAFETY

# look LOCAL READS WRITES MUTANT: into log
look() {
	export LOCAL="$1" READS="$2" WRITES="$3" MUTANT="$4"
	search pan -m20000
}

# holds LOCAL READS WRITES NAME: nobody sleeps for ever in any run, all of which
# were searched
holds() {
	look "$1" "$2" "$3" 0
	whole "$4, $2 reads and $3 writes"
}

# mutant LOCAL NAME
mutant() {
	look "$1" 1 1 "$(fault "$2")"
	caught "$2" 'invalid end state'
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

finish
