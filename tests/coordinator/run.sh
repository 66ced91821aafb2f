#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run.sh BUILD PROGRAM [SUITE...]: runs a test program of the coordinator with an
# ivcd of its own.
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
# The ivcd has to survive all tests.
kill -0 $ivcd || { echo "ivcd has ended during the tests"; cat "$dir/log"; exit 1; }
exit $rc
