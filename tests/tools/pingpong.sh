#!/bin/sh
# SPDX-License-Identifier: MIT
# ivc-pingpong over sockets: pingpong.sh DIRECTORY-THAT-WAS-BUILT-INTO
# shellcheck disable=SC2086 # lists of options are meant to be split
# One line per check; the last line is `N passed, N failed`.

bin=${1:?directory that was built into}
pp=$bin/tools/ivc-pingpong
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

# A server in the background: its PID in $server, its output in $dir/server.
serve() {
	"$pp" --server "$@" >"$dir/server" 2>&1 &
	server=$!
	pids="$pids $server"
}

# Run a client with a server of its own: pair TRANSPORT ADDRESS CLIENT-OPTIONS...
pair() {
	how=$1 where=$2
	shift 2
	serve "--$how" "$where"
	"$pp" --client "--$how" "$where" "$@" || return 1
	wait "$server" || { cat "$dir/server"; return 1; }
}

verified() {
	says '^verified [0-9]* messages, [0-9]* bytes: none lost, duplicated, reordered or changed$' \
		pair "$@"
}

short='--seconds 0.02 --sizes 1,7,64,4097,65536'
none=$dir/none

## usage
check 'help' status 0 "$pp" --help
check 'help has examples' says 'ivc-pingpong --magic 42 --server' "$pp" --help
check 'version' status 0 "$pp" --version
check 'no transport named' says 'no transport given: give --magic N' \
	"$pp" --client
check 'two transports' status 64 "$pp" --magic 1 --unix "$sock"
check 'unknown option' status 64 "$pp" --bogus
check 'unknown test' status 64 "$pp" --unix "$sock" --tests latency,speed
check 'size 0' says 'smallest is 1' "$pp" --unix "$sock" --sizes 0
check 'size too large' status 64 "$pp" --unix "$sock" --sizes 1024M
check 'size no number' status 64 "$pp" --unix "$sock" --sizes 12x
check 'size negative' status 64 "$pp" --unix "$sock" --sizes -4
check 'min over max' status 64 "$pp" --unix "$sock" --min 64 --max 8
check 'zero copy over a socket' status 64 "$pp" --unix "$sock" -z
check 'a word too many' status 64 "$pp" --unix "$sock" surplus
check 'tcp without a host' status 64 "$pp" --tcp :5042 --client
check 'tcp with a bad port' status 64 "$pp" --tcp localhost:70000 --client
check 'tcp with a host only' says '^ivc-pingpong: --tcp foo: must be HOST:PORT' \
	"$pp" --tcp foo
check 'no such way to wait' says '--wait nap: must be spin, sleep or adaptive' \
	"$pp" --unix "$sock" --wait nap

## no peer
check 'no server, unix' says 'no server within 1 s' \
	"$pp" --unix "$none" --timeout 1
check 'no server, exit 2' status 2 "$pp" --unix "$none" --timeout 1
if [ ! -e /dev/ivc ]; then
	check 'no IVC device' says 'modprobe ivc-front' "$pp" --magic 1 \
		--timeout 1
	check 'no IVC device, exit 2' status 2 "$pp" --magic 1 --timeout 1
fi

## the tests, over both kinds of sockets and every way to wait
check 'all tests, unix' pair unix "$sock" $short
check 'all tests, unix, verified' verified unix "$sock" $short --verify
for wait in spin sleep adaptive; do
	check "all tests, unix, $wait, verified" \
		verified unix "$sock" $short --verify --wait $wait
done
port=$((20000 + $$ % 20000))
check 'all tests, tcp, verified' \
	verified tcp 127.0.0.1:$port $short --verify
check 'all tests, tcp, sleep' pair tcp 127.0.0.1:$port $short --wait sleep
check 'by iterations' pair unix "$sock" --iterations 37 --warmup 3 --max 256
check 'windows of 1' verified unix "$sock" $short --window 1 --verify
check 'mixed sizes' verified unix "$sock" --mixed 100000 --seed 1
check 'mixed sizes up to 1 MiB, tcp' \
	verified tcp 127.0.0.1:$port --mixed 2000 --max 1M
check 'a large message' verified unix "$sock" --sizes 32M --iterations 2 \
	--tests latency --warmup 0 --verify

many() {
	serve --unix "$sock" --loop
	for _ in 1 2 3; do
		"$pp" --unix "$sock" --iterations 10 --sizes 8 || return 1
	done
	kill "$server"
	wait "$server"
}
check 'a server for one client after another' many

# The socket must not get the descriptor number of standard output.
closed() {
	serve --unix "$sock"
	"$pp" --unix "$sock" $short --verify >&-
	wait "$server"
	rc=$?
	cat "$dir/server"
	[ "$rc" = 0 ]
}
check 'a client whose standard output is closed' closed

waits() {
	"$pp" --unix "$sock" --iterations 10 --sizes 8 --tests latency &
	client=$!
	pids="$pids $client"
	sleep 1
	serve --unix "$sock"
	wait "$client" && wait "$server"
}
check 'the client waits for a server' waits

## output
json_ok() {
	pair unix "$sock" $short --json "$dir/a.json" --label 'a "b" \ c' &&
		python3 -m json.tool "$dir/a.json" >/dev/null &&
		grep -q '"complete": true' "$dir/a.json"
}
csv_ok() {
	pair unix "$sock" $short --csv "$dir/a.csv" &&
		awk -F, 'NF != 17 { bad++ } END { exit bad || NR < 17 }' \
			"$dir/a.csv"
}
stdout_json() {
	pair unix "$sock" $short --json - 2>/dev/null | python3 -m json.tool
}
check 'JSON' json_ok
check 'JSON on standard output' stdout_json
check 'CSV' csv_ok
check 'an output that cannot be written' status 64 \
	"$pp" --unix "$sock" --json "$none/a.json"
check 'compare' says 'ratio: to' "$pp" --compare "$dir/a.json" "$dir/a.json"
check 'compare with itself is 1.00' says ' 1.00x' \
	"$pp" --compare "$dir/a.json" "$dir/a.json"
echo '{ "program": [1, 2' >"$dir/bad.json"
check 'compare with a broken file' says 'bad.json:2: this is not JSON' \
	"$pp" --compare "$dir/bad.json"
comp_escape() {
	sed "s/\"label\": \"/&$(printf '\033')[2J/" "$dir/a.json" >"$dir/esc.json"
	"$pp" --compare "$dir/esc.json" >"$dir/out" || return 1
	! grep -q "$(printf '\033')" "$dir/out" && grep -q '?\[2J' "$dir/out"
}
check "compare: a label's escape sequence is not shown" comp_escape
check 'compare with something else' status 64 \
	"$pp" --compare "$dir/a.json" /dev/null

## --verify must be able to fail
# caught DIRECTION DEED OFFSET LENGTH CLIENT-OPTIONS...: an end must print that the
# verification failed and exit with 1; the client must not exit with 0.
caught() {
	way=$1 deed=$2 offset=$3 length=$4
	shift 4
	serve --unix "$sock" --timeout 3
	until [ -S "$sock" ]; do sleep 0.05; done
	"$bin/tests/tools/corrupting-relay" "$dir/r" "$sock" "$way" "$deed" "$offset" "$length" &
	relay=$!
	pids="$pids $relay"
	"$pp" --unix "$dir/r" --timeout 3 "$@" >"$dir/client" 2>&1
	c=$?
	kill "$relay" 2>/dev/null
	wait "$server"
	s=$?
	cat "$dir/client" "$dir/server"
	if [ "$deed" = pass ]; then
		[ "$c" = 0 ] && [ "$s" = 0 ]
		return
	fi
	[ "$c" != 0 ] && { [ "$c" = 1 ] || [ "$s" = 1 ]; } &&
		grep -q -e 'verification failed' -e 'bytes are missing' \
			"$dir/client" "$dir/server"
}
# The stream begins with the greeting (48 bytes up, 64 down) and a step (48 up).
one='--tests latency --sizes 64 --iterations 2000 --warmup 0 --verify'
win='--tests bandwidth --sizes 64 --iterations 20 --warmup 0 --verify'
mix='--mixed 5000 --seed 3'
check 'relay: passes unharmed' caught up pass 96 1 $one
for way in up down; do
	for deed in flip drop double; do
		check "relay: latency, $deed one message, $way" \
			caught $way $deed $((96 + 640)) 64 $one
		check "relay: mixed, $deed 100 bytes, $way" \
			caught $way $deed 300000 100 $mix
	done
	check "relay: mixed, swap 1000 bytes, $way" \
		caught $way swap 300000 1000 $mix
done
for deed in flip drop double swap; do
	check "relay: windows, $deed one message" \
		caught up $deed $((96 + 6400)) 64 $win
	check "relay: windows, $deed one byte" \
		caught up $deed $((96 + 6400)) 1 $win
done
named() {
	caught up "$1" $((96 + 640)) 64 $win && grep -q -e "$2" "$dir/server"
}
check 'relay: a loss is called one' named drop 'preceded by a loss'
check 'relay: a duplicate is called one' named double 'duplicated'
check 'relay: a change is called one' named flip 'changed'
check 'relay: a swap is called one' named swap 'out of order'
check 'relay: a byte too many at the end' \
	caught up double $((96 + 2000 * 64 - 2)) 1 $one

## peers that lie or die
lies() {
	serve --unix "$sock" --loop --timeout 5
	"$bin/tests/tools/lying-peer" client "$sock" || return 1
	"$pp" --unix "$sock" --iterations 10 --sizes 8 --verify || return 1
	kill "$server"
	wait "$server"
}
rubbish() {
	"$bin/tests/tools/lying-peer" server "$sock" &
	pids="$pids $!"
	says 'is no ivc-pingpong server' status 2 "$pp" --unix "$sock" &&
		status 2 "$pp" --unix "$none" --timeout 1
}
dies() {
	serve --unix "$sock"
	"$pp" --unix "$sock" --seconds 30 --sizes 8 $2 >"$dir/client" 2>&1 &
	client=$!
	pids="$pids $client"
	sleep 0.5
	if [ "$1" = server ]; then
		kill -9 "$server"
		wait "$client"
	else
		kill -9 "$client"
		wait "$server"
	fi
	rc=$?
	cat "$dir/client" "$dir/server"
	rm -f "$sock"
	[ "$rc" = 2 ] && grep -q -e 'has ended' -e 'has died' "$dir/client" \
		"$dir/server"
}
interrupted() {
	serve --unix "$sock"
	"$pp" --unix "$sock" --seconds 30 --sizes 8 --json "$dir/i.json" &
	client=$!
	pids="$pids $client"
	sleep 0.5
	kill -TERM "$client"
	wait "$client"
	rc=$?
	wait "$server"
	[ "$rc" = 130 ] && python3 -m json.tool "$dir/i.json" &&
		grep -q '"complete": false' "$dir/i.json"
}
check 'every bit of the plan wrong, one at a time' lies
check 'a server that answers rubbish' rubbish
for wait in spin sleep adaptive; do
	check "the server dies, $wait" dies server "--wait $wait"
done
check 'the client dies' dies client
check 'interrupted: what there is, is written' interrupted

finish
