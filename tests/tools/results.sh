#!/bin/sh
# SPDX-License-Identifier: MIT
# The result files of the tools when the disk is full, a run is killed, or a run
# measures nothing: results.sh DIRECTORY-OF-THE-BINARIES
# One line per check; the last line is `N passed, N failed`.

bin=${1:?directory of the binaries}
pp=$bin/ivc-pingpong
roam=$bin/ivc-roam
ctl=$bin/ivcctl
dir=$(mktemp -d) || exit 1
sock=$dir/s
pids=
# shellcheck source=tests/check.sh
. "$(dirname "$0")/../check.sh"

cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null; done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# measure OPTION...: a short run with a server of its own; the client's status
measure() {
	"$pp" --server --unix "$sock" >"$dir/server" 2>&1 &
	server=$!
	pids="$pids $server"
	"$pp" --client --unix "$sock" --iterations 20 --warmup 0 --sizes 8,16 \
		--tests latency "$@"
	status=$?
	wait "$server"
	return $status
}

json_valid() {
	python3 -m json.tool "$1" >/dev/null
}

# left_over: a file beside the results that a run has forgotten
left_over() {
	find "$dir" -name '*.??????' ! -name '*.json' | grep .
}

## a full disk
full_table() {
	measure >/dev/full 2>"$dir/said"
	got=$?
	cat "$dir/said"
	[ $got = 2 ] && grep -q 'standard output cannot be written: No space left' "$dir/said"
}
full_file() {
	says 'cannot write all of /dev/full: No space left' \
		status 2 measure "$1" /dev/full
}
full_help() {
	! "$@" >/dev/full
}
check 'a table on a full disk is an error' full_table
check 'CSV on a full disk is an error' full_file --csv
check 'JSON on a full disk is an error' full_file --json
check 'ivc-pingpong --help on a full disk is an error' full_help "$pp" --help
check 'ivc-roam --help on a full disk is an error' full_help "$roam" --help
[ ! -x "$ctl" ] || check 'ivcctl --help on a full disk is an error' \
	full_help "$ctl" --help

# roam OPTION...: a short conversation; the status of the side that connects
roam() {
	port=$((20000 + $$ % 20000))
	"$roam" -q --magic 8 --id 1 --peer 2 --listen $port >"$dir/listener" 2>&1 &
	listener=$!
	pids="$pids $listener"
	"$roam" -q --magic 8 --id 2 --peer 1 --connect 127.0.0.1:$port \
		--messages 200 "$@"
	status=$?
	wait "$listener"
	return $status
}
roam_writes() {
	roam --table "$dir/t" --plot "$dir/p" && [ -s "$dir/t" ] &&
		[ -s "$dir/p" ] && [ -s "$dir/p.dat" ]
}
roam_nowhere() {
	says "cannot write $dir/none/x: No such file" status 2 \
		roam --plot "$dir/none/x" && ! grep -q 'IVC ' "$dir/out"
}
check 'ivc-roam: a table and a plot' roam_writes
check 'ivc-roam: a table on a full disk is an error' \
	says 'cannot write all of /dev/full' status 2 roam --table /dev/full
check 'ivc-roam: a plot that cannot be written is told before the run' \
	roam_nowhere

## earlier results
keeps_old() {
	measure --csv "$dir/a.csv" --json "$dir/a.json" || return 1
	cp "$dir/a.csv" "$dir/b.csv"
	cp "$dir/a.json" "$dir/b.json"
	status 2 "$pp" --client --unix "$dir/none" --timeout 1 \
		--csv "$dir/a.csv" --json "$dir/a.json" || return 1
	cmp "$dir/a.csv" "$dir/b.csv" && cmp "$dir/a.json" "$dir/b.json" &&
		! left_over
}
replaces_old() {
	echo "old" >"$dir/target.csv"
	chmod 640 "$dir/target.csv"
	ln -s target.csv "$dir/link.csv"
	measure --csv "$dir/link.csv" || return 1
	[ -L "$dir/link.csv" ] && [ "$(wc -l <"$dir/target.csv")" = 3 ] &&
		[ "$(stat -c %a "$dir/target.csv")" = 640 ] && ! left_over
}
# A file with two names keeps both.
replaces_linked() {
	seq 1000 >"$dir/one.csv"
	ln "$dir/one.csv" "$dir/two.csv"
	measure --csv "$dir/one.csv" || return 1
	cmp "$dir/one.csv" "$dir/two.csv" &&
		[ "$(wc -l <"$dir/two.csv")" = 3 ]
}
to_a_pipe() {
	mkfifo "$dir/pipe"
	cat "$dir/pipe" >"$dir/piped" &
	reader=$!
	measure --json "$dir/pipe" || return 1
	wait $reader
	json_valid "$dir/piped"
}
check 'a run without a server leaves the old results' keeps_old
check 'new results go to where a link leads, with its mode' replaces_old
check 'new results have all names of the old ones' replaces_linked
check 'JSON through a pipe' to_a_pipe

## a run that is killed
# rows N: the table has so many lines of figures
rows() {
	[ "$(grep -c '^ *[0-9]' "$dir/table")" -ge "$1" ]
}
killed() {
	"$pp" --server --unix "$sock" >"$dir/server" 2>&1 &
	server=$!
	"$pp" --client --unix "$sock" --seconds 0.2 --max 4096 \
		--csv "$dir/k.csv" --json "$dir/k.json" >"$dir/table" 2>&1 &
	client=$!
	pids="$pids $server $client"
	until rows 3 || ! kill -0 $client; do sleep 0.02; done
	kill -9 $client || return 1
	wait $client
	wait $server
	cat "$dir/k.json"
	[ "$(wc -l <"$dir/k.csv")" -ge 4 ] && json_valid "$dir/k.json" &&
		grep -q '"complete": false' "$dir/k.json"
}
check 'a killed run leaves its rows, as CSV and as JSON' killed

## bytes that are no text
label() {
	measure --label "$(printf 'a\377\355\240\200\303\251"\\\001')" \
		--json "$dir/l.json" &&
		python3 -c 'import json, sys
assert json.load(open(sys.argv[1], encoding="utf-8"))["label"] == \
	"a\ufffd\ufffd\ufffd\ufffd\u00e9\"\\\u0001"' "$dir/l.json"
}
check 'a label that is no UTF-8' label

[ ! -x "$ctl" ] || check 'ivcctl: a policy without an end' \
	says '/dev/zero: over' prlimit --as=300000000 \
	"$ctl" policy --policy /dev/zero
check 'compare: a file without an end' says 'cannot read /dev/zero: File too' \
	"$pp" --compare /dev/zero /dev/zero
check 'compare: a directory' says 'Is a directory' "$pp" --compare "$dir" "$dir"

finish
