#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run a test program of the coordinator with an ivcd of its own:
# run.sh DIRECTORY-THAT-WAS-BUILT-INTO PROGRAM [SUITE...]
set -u
bin=$1
shift
dir=$(mktemp -d) || exit 1
export IVC_TRANSPORT=local IVC_SOCKET="$dir/s"
"$bin/tools/ivcd" --socket "$IVC_SOCKET" --max-rate 1000000 2>"$dir/log" &
ivcd=$!
trap 'kill $ivcd 2>/dev/null; wait $ivcd; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
tries=500
until grep -q listening "$dir/log" 2>/dev/null; do
	tries=$((tries - 1))
	[ $tries -gt 0 ] || { cat "$dir/log"; exit 1; }
	sleep 0.02
done
"$@"
rc=$?
# Nothing may be left of all this.
kill -0 $ivcd || { echo "ivcd has gone"; cat "$dir/log"; exit 1; }
exit $rc
