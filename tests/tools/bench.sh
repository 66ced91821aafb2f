#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make check-bench` runs: bench.sh DIRECTORY-THAT-WAS-BUILT-INTO
# Does each installed contender run, and are all results written? Tiny counts: no
# figure is judged. The last line is `N passed, N failed`.

build=${1:?directory that was built into}
bench=$(cd "$(dirname "$0")/../../tools/bench" && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=tests/check.sh
. "$(dirname "$0")/../check.sh"

# query EXPRESSION: is the Python expression true of the results, r?
query() {
	python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
rows = {(f["contender"], f["test"]) for f in r["figures"]}
sys.exit(not eval(sys.argv[2]))' "$dir/results.json" "$1"
}

wide() {
	awk 'length > 120 { print; bad = 1 } END { exit bad }' "$dir/table"
}

run() {
	"$bench/bench.py" --build "$build" --out "$dir" --tiny >"$dir/table"
	rc=$?
	grep -e ' failed: ' "$dir/table"
	return $rc
}

check 'a run of all that is here' run
for c in floor ivc ivc-zc unix pipe tcp; do
	for t in latency uni bi; do
		check "$c, $t" query "('$c', '$t') in rows"
	done
done
check 'ivc-wait' query "('ivc-wait', 'latency') in rows"
check 'memcpy' query "('memcpy', 'uni') in rows"
check 'two-copy' query "('two-copy', 'bi') in rows"
for c in openmpi ompi-cma mpich ucx libfabric; do
	check "$c: measured, or named as missing" query \
		"('$c', 'latency') in rows or '$c' in r['missing']"
done
check 'every figure has its ratio to ivc' query \
	"all('ratio' in f for f in r['figures'])"
check 'percentiles are in order' query \
	"all(0 < f['p10'] <= f['p50'] <= f['p99'] for f in r['figures'])"
check 'channels: three ways to find the ready one' query \
	"len({c['method'] for c in r['channels']}) == 3"
check 'an idle pair' query "r['idle']['ivc']['p50'] > 0"
check 'instructions, or no valgrind' query \
	"'instructions' in r['missing'] or len(r['instructions']) == 9"
check 'the machine and versions' query \
	"r['machine']['kernel'] and len(r['contenders']) >= 9"
check 'nine targets' query "len(r['targets']) == 9"
check 'the table ends with them' grep -q 'an idle waiting pair' "$dir/table"
check 'it fits 120 columns' wide
picture() {
	! command -v gnuplot >/dev/null || [ -s "$dir/bench.png" ]
}
check 'a picture, or no gnuplot' picture
check 'options that make no sense' sh -c "! '$build/bench/pair' --uni 0"
check 'a size out of range' says '^--uni 0: must be a number between 1' \
	"$build/bench/pair" --uni 0
check 'a word too many' says "^'surplus' is one word too many" \
	"$build/bench/pair" surplus
finish
