#!/bin/sh
# SPDX-License-Identifier: MIT
# The messages of ivc-pingpong when a resource is missing or ivcd hangs: cause and
# cure, and no word about a peer that never existed.
# lacks.sh DIRECTORY-OF-THE-BINARIES; the last line is `N passed, N failed`.

bin=${1:?directory of the binaries}
dir=$(mktemp -d) || exit 1
export IVC_SOCKET="$dir/s"
# shellcheck source=tests/check.sh
. "$(dirname "$0")/../check.sh"

"$bin/ivcd" 2>"$dir/ivcd" &
ivcd=$!
cleanup() {
	kill -CONT "$ivcd" 2>/dev/null
	kill "$ivcd" "$server" 2>/dev/null
	rm -rf "$dir"
}
server=
trap cleanup EXIT
trap 'exit 130' INT TERM
until grep -q listening "$dir/ivcd"; do
	kill -0 "$ivcd" || exit 1
	sleep 0.1
done

# limited OPTION VALUE ARGUMENT...: a client with that limit
limited() {
	option=$1 value=$2
	shift 2
	(
		# shellcheck disable=SC3045 # -f and -n are in every sh of Linux
		ulimit "$option" "$value" || exit 1
		exec "$bin/ivc-pingpong" --magic 1 --client --tests latency \
			--sizes 8 --iterations 10 "$@"
	)
}
"$bin/ivc-pingpong" --magic 1 --server --loop >"$dir/server" 2>&1 &
server=$!
check 'no free descriptor: which limit to raise' \
	says 'raise ulimit -n' status 2 limited -n 6
check 'rings larger than files may be: which limit to raise' \
	says 'raise ulimit -f' status 2 limited -f 100
check 'smaller rings, as it was told' status 0 limited -f 100 --ring 16K

kill -STOP "$ivcd"
hangs() {
	says 'ivcd does not answer' status 2 "$bin/ivc-pingpong" --magic 1 \
		--client && ! grep 'nothing from' "$dir/out"
}
check 'ivcd hangs: nobody says that the other end is silent' hangs

finish
