#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What `make check-roam` runs: check.sh DIRECTORY-THAT-WAS-BUILT-INTO
# shellcheck disable=SC2086 # lists of options are meant to be split
# One line per check; the last line is `N passed, N failed`. All traffic is on
# the loopback interface.

bin=${1:?directory that was built into}
roam=$bin/tools/ivc-roam
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d) || exit 1
pids=
# shellcheck source=tests/check.sh
. "$here/../check.sh"
# A different port for each check, outside of the range of ephemeral ports. Two runs
# at the same time have ports of their own, but for one case in 60.
port() {
	echo $((20000 + $$ % 60 * 200 + passed + failed))
}
export IVC_DEVICE="$dir/none" IVC_SOCKET="$dir/ivcd"

cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null; done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The side that listens, in the background: $listener, output in $dir/listener
listen() {
	"$roam" --magic 7 --id 1 --peer 2 --listen "$(port)" "$@" \
		>"$dir/listener" 2>&1 &
	listener=$!
	pids="$pids $listener"
}

connect() {
	"$roam" --magic 7 --id 2 --peer 1 --connect "127.0.0.1:$(port)" "$@" \
		>"$dir/connector" 2>&1
}

fine='0 lost, 0 doubled, 0 out of order$'

# Run both sides; both must find nothing wrong.
talk() {
	listen $listener_options
	connect "$@"
	c=$?
	wait "$listener"
	l=$?
	cat "$dir/connector" "$dir/listener"
	[ $c = 0 ] && [ $l = 0 ] && grep -q "$fine" "$dir/connector" &&
		grep -q "$fine" "$dir/listener"
}
listener_options=

## options
one="--magic 7 --id 1 --peer 2 --listen $(port)"
two="--magic 7 --id 2 --peer 1 --connect 127.0.0.1:$(port)"
check 'help' status 0 "$roam" --help
check 'help has examples' says 'ivc-roam --magic 42 --id 1' "$roam" --help
check 'version' status 0 "$roam" --version
check 'nothing' status 64 "$roam"
check 'no magic' says 'names the job' "$roam" --id 1 --peer 2 --listen 1
check 'no id' says 'id N is missing' "$roam" --magic 1 --peer 2 --listen 1
check 'the same ids' says 'must have its own' \
	"$roam" --magic 1 --id 2 --peer 2 --listen 1
check 'both ways at once' says 'exclude each other' "$roam" $one --connect x:1
check 'no port' says 'HOST:PORT' \
	"$roam" --magic 1 --id 1 --peer 2 --connect localhost
check 'a bad port' status 64 "$roam" --magic 1 --id 1 --peer 2 --listen 70000
check 'no such mode' says 'latency or stream' "$roam" $two --mode speed
check 'a message too small' says 'between 24' "$roam" $two --size 8
check 'a message too large' status 64 "$roam" $two --size 1M
check 'no number' status 64 "$roam" $two --messages 12x
check 'a negative number' status 64 "$roam" $two --rate -1
check 'no time' status 64 "$roam" $two --seconds 0
check 'an unknown option' status 64 "$roam" $two --bogus
check 'a word too many' status 64 "$roam" $two surplus
for o in '--mode stream' '--size 64' '--seconds 1' '--messages 1' '--rate 1'; do
	check "${o% *} is not for who listens" says 'side with --connect' \
		"$roam" $one $o
done
check 'a table that cannot be written' status 2 "$roam" $two \
	--table "$dir/none/x"
check 'nobody there' says 'start the other side with --listen' \
	"$roam" $two --timeout 1
check 'nobody there, exit 2' status 2 "$roam" $two --timeout 1
# The only ephemeral port is the port that the program connects to.
# shellcheck disable=SC2016 # $0 is that of the inner shell
itself() {
	unshare -rn sh -c 'ip link set lo up
		echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range
		"$0" --magic 7 --id 2 --peer 1 --connect 127.0.0.1:40000 \
			--timeout 1' "$roam"
}
if unshare -rn ip link set lo up 2>/dev/null; then
	check 'it does not connect to itself' says 'nobody at' itself
else
	skip 'it does not connect to itself: no network namespace here'
fi
check 'an unknown host' says 'in numbers' \
	"$roam" --magic 7 --id 1 --peer 2 --connect no.such.host.invalid:1

## over TCP
check 'latency' talk --seconds 0.5
check 'latency, by messages' talk --messages 1000
check 'latency, one message' talk --messages 1
check 'latency, the smallest' talk --messages 1000 --size 24
check 'latency, the largest' talk --messages 300 --size 64K
check 'stream' talk --mode stream --seconds 1
check 'stream, by messages' talk --mode stream --messages 20000
check 'stream, small' talk --mode stream --messages 50000 --size 24
exactly() {
	talk --messages 1234 --size 100 || return 1
	grep -q '^1234 messages, 123400 bytes,' "$dir/connector" &&
		grep -q '^1234 messages, 123400 bytes,' "$dir/listener"
}
check 'exactly as many as asked for' exactly
rated() {
	talk --seconds 1 --rate 50 || return 1
	awk '/lost, 0/ { bad = $1 < 20 || $1 > 51 } END { exit bad }' \
		"$dir/connector"
}
check 'rate' rated
idle() {
	( talk --seconds 2 --rate 20 && times ) >"$dir/idle" || return 1
	cat "$dir/idle"
	# Of both together, in two seconds.
	tail -n 1 "$dir/idle" |
		awk -F'[ms ]+' '{ exit $1 * 60 + $2 + $3 * 60 + $4 > 0.5 }'
}
check 'no work when there is none' idle
table() {
	talk --seconds 1 --interval 50 --table "$dir/table" || return 1
	cat "$dir/table"
	awk '!/^#/ { n++; bad += NF != 7 || $2 != "T" }
	     END { exit bad || n < 15 || n > 25 }' "$dir/table"
}
check 'table' table
plots() {
	talk --seconds 0.5 --plot "$dir/plot" --ascii || return 1
	# Three points of the plot, in whichever rows: a machine is now quick, now slow
	awk '/^ *([0-9]+ [a-z]+\+|\|)[ .T]*$/ { n += gsub(/T/, "") } END { exit n < 3 }' "$dir/connector" &&
		grep -q 'over time' "$dir/connector" &&
		[ -s "$dir/plot" ] && [ -s "$dir/plot.dat" ] || return 1
	command -v gnuplot >/dev/null || return 0
	gnuplot "$dir/plot" && [ -s "$dir/plot.png" ]
}
check 'plots' plots
interrupted() { # SIDE MODE
	listen
	connect --mode "$2" &
	connector=$!
	pids="$pids $connector"
	sleep 0.5
	if [ "$1" = listener ]; then
		kill -INT "$listener"
	else
		# The shell that waits for it passes nothing on.
		kill -INT "$(cat /proc/$connector/task/$connector/children)"
	fi
	wait "$connector"
	c=$?
	wait "$listener"
	l=$?
	cat "$dir/connector" "$dir/listener"
	[ $c = 0 ] && [ $l = 0 ] && grep -q "$fine" "$dir/connector"
}
for side in listener connector; do
	for mode in latency stream; do
		check "$mode, ended in good order by the $side" \
			interrupted $side $mode
	done
done
dies() { # MODE
	listen
	connect --mode "$1" --seconds 20 &
	connector=$!
	pids="$pids $connector"
	sleep 0.5
	kill -KILL "$listener"
	wait "$connector"
	c=$?
	cat "$dir/connector"
	[ $c = 2 ] && grep -q 'the other side has gone' "$dir/connector"
}
check 'the other side dies, latency' dies latency
check 'the other side dies, stream' dies stream
stands() { # SECONDS OPTIONS...: the other side stands still for so long
	listen
	s=$1
	shift
	connect "$@" &
	connector=$!
	pids="$pids $connector"
	sleep 0.5
	kill -STOP "$listener"
	sleep "$s"
	kill -CONT "$listener"
	wait "$connector"
	c=$?
	wait "$listener"
	cat "$dir/connector" "$dir/listener"
	return $c
}
check 'it stands still for 1 s' stands 1 --mode stream --seconds 2
check 'it stands still for 3 s' stands 3 --mode stream --seconds 4
check 'the same, latency' stands 3 --seconds 4
check 'it stands still for longer than --timeout' says 'nothing has come' \
	stands 2 --timeout 1

## hostile peers
hostile() {
	"$here/hostile.py" "$@"
}
# The hostile peer listens: the connecting side must report the error.
server() { # DEED TEXT
	hostile listen "$(port)" "$1" &
	h=$!
	pids="$pids $h"
	"$roam" --magic 7 --id 1 --peer 2 --connect "127.0.0.1:$(port)" \
		--seconds 2 --timeout 3 >"$dir/connector" 2>&1
	c=$?
	wait "$h"
	cat "$dir/connector"
	[ $c != 0 ] && [ $c -lt 3 ] && grep -q -e "$2" "$dir/connector"
}
# The hostile peer connects: the listening side must reject it and go on waiting.
client() { # DEED TEXT
	listen
	hostile connect "$(port)" "$1"
	connect --messages 10 --timeout 3
	c=$?
	wait "$listener"
	l=$?
	cat "$dir/connector" "$dir/listener"
	[ $c = 0 ] && [ $l = 0 ] && grep -q -e "$2" "$dir/listener"
}
# The hostile peer sends a correct hello: its later faults must end the run.
traitor() { # DEED TEXT
	listen --timeout 3
	hostile connect "$(port)" "$1"
	wait "$listener"
	l=$?
	cat "$dir/listener"
	[ $l != 0 ] && [ $l -lt 3 ] && grep -q -e "$2" "$dir/listener"
}
before='garbage:is.no.ivc-roam text:is.no.ivc-roam silence:no.greeting
	bye:closed.the.connection other-mark:is.no.ivc-roam other-magic:--magic.8
	other-id:--id.3 data-first:is.no.ivc-roam'
plan='no-such-mode:does.not.know size-0:does.not.know size-huge:does.not.know'
after='hello:has.gone unknown-frame:breaks.the.protocol huge-frame:breaks.the.protocol
	empty-data:breaks.the.protocol short-switch:breaks.the.protocol
	switch-to-0:breaks.the.protocol switch-back:breaks.the.protocol
	second-hello:breaks.the.protocol no-message:no.message.where
	bad-sum:CRC-32.is.wrong bad-length:no.message.where
	end-at-once:has.gone cut-short:has.gone'
for d in $before $after; do
	check "a server: ${d%%:*}" server "${d%%:*}" "${d#*:}"
done
for d in $before $plan; do
	check "a client: ${d%%:*}" client "${d%%:*}" "${d#*:}"
done
for d in $after; do
	check "a client: ${d%%:*}" traitor "${d%%:*}" "${d#*:}"
done

## over IVC, as ivcd has it: channels that stay
unset IVC_DEVICE
broker() {
	"$bin/tools/ivcd" --socket "$IVC_SOCKET" 2>"$dir/ivcd.log" &
	ivcd=$!
	pids="$pids $ivcd"
	until [ -S "$IVC_SOCKET" ]; do sleep 0.05; done
}
# One switch to IVC, and soon: nine of ten messages go by IVC. On a busy machine it
# comes later, so that the run is to be longer.
on_ivc() {
	for s in 1 4 16; do
		talk "$@" --seconds $s || return 1
		grep -q ' 1 switches to IVC, 0 switches to TCP' \
			"$dir/connector" &&
			awk '$1 == "IVC" { n = $2 }
			     $1 == "TCP" { exit n < 10 * $2 }' \
				"$dir/connector" && return
	done
	return 1
}
late() {
	listen
	connect --seconds 4 &
	connector=$!
	pids="$pids $connector"
	sleep 0.5
	broker
	wait "$connector"
	c=$?
	wait "$listener"
	cat "$dir/connector" "$dir/listener"
	[ $c = 0 ] && grep -q ' 1 switches to IVC' "$dir/connector"
}
check 'ivcd comes later' late
check 'latency by IVC' on_ivc
check 'stream by IVC' on_ivc --mode stream
listener_options='--spin 0'
check 'latency by IVC, sleeping' on_ivc --spin 0
check 'stream by IVC, sleeping' on_ivc --mode stream --spin 0
check 'by IVC, no work when there is none' idle
listener_options=
check 'the side with the lower id connects by TCP' on_ivc --id 2
restart() {
	listen
	connect --mode stream --seconds 3 &
	connector=$!
	pids="$pids $connector"
	sleep 1
	kill "$ivcd"
	wait "$ivcd"
	rm -f "$IVC_SOCKET"
	sleep 0.5
	broker
	wait "$connector"
	c=$?
	wait "$listener"
	cat "$dir/connector" "$dir/listener"
	[ $c = 0 ] && grep -q 'IVC is available again' "$dir/listener"
}
check 'ivcd goes and comes back' restart
check 'the other side dies, by IVC' dies stream
kill "$ivcd"

## a fake libivc with constant trouble
roam=$bin/tests/roam/ivc-roam-fake
export IVC_DEVICE="$dir/host"
fake() { # SEED OPTIONS...
	export FAKE_SEED="$1"
	shift
	rm -f "$IVC_DEVICE"
	: >"$IVC_DEVICE"
	# At least one switch must happen; on a busy machine that takes longer.
	for s in 4 16 64; do
		talk "$@" --seconds $s || return 1
		awk '/switches to IVC/ { n += $5 } END { exit !n }' \
			"$dir/connector" "$dir/listener" && return
	done
	return 1
}
for seed in 1 2 3 4; do
	check "trouble $seed, latency" fake $seed
	check "trouble $seed, stream" fake $seed --mode stream
done
check 'trouble, large messages' fake 5 --size 64K
check 'trouble, at a rate' fake 6 --mode stream --rate 2000

## the stream, with random schedules
test_stream=$bin/tests/roam/test-stream
check '20000 schedules' "$test_stream" 1 20000
check '20000 more' "$test_stream" "$(date +%s)" 20000

# mutant NAME SED-SCRIPT: the stream that the script breaks must fail the test
mutant() {
	sed -e "$2" "$here/../../tools/roam/stream.c" >"$dir/stream.c"
	if cmp -s "$here/../../tools/roam/stream.c" "$dir/stream.c"; then
		echo 'the line to break is not there'
		return 1
	fi
	"${CC:-gcc}" -std=c11 -D_GNU_SOURCE -O1 -w -Iinclude -Itools/roam \
		-o "$dir/mutant" "$here/test-stream.c" "$dir/stream.c" ||
		return 1
	! timeout 60 "$dir/mutant" 1 20000
}
while read -r name script; do
	check "mutant: $name" mutant "$name" "$script"
done <<'END'
recalls-from-the-hello-on s/s->skip = (size_t)lost - s->left/s->skip = 0/
takes-the-hello-for-data s/(uint64_t)lost < l->written ? (size_t)lost/1 ? (size_t)lost/
recalls-the-first-part-only s/s->left -= (size_t)n;/s->left = 0;/
uses-what-the-peer-has-not-got s/l->heard == HELLO_BYTES &&$/1 \&\&/
switches-before-what-came-back s/if (!s->out && !s->back)/if (!s->out)/
writes-before-what-came-back s/if (s->back)$/if (0)/
reads-TCP-too-early s/if (s->in && f.type != FRAME_END)/if (0)/
drops-what-is-unread s/return has_ended(l) && ivc_peek(l->ch, &p) < 0;/return has_ended(l);/
keeps-what-is-empty s/return has_ended(l) && ivc_peek(l->ch, &p) < 0;/(void)p; return false;/
drops-what-is-being-read s/if (l == s->in ||/if (/
drops-what-is-being-recalled s/ || l == s->back)/)/
goes-back-to-an-old-one s/usable(l) && l->gen > s->out_gen &&/usable(l) \&\&/
reads-the-hello-as-data s/	if (l->heard < HELLO_BYTES)$/	if (0)/
sees-no-end-without-writing s/return check_out(s);/return 0;/
forgets-how-much-it-wrote s/written += (uint64_t)n;/written = (uint64_t)n;/
stays-at-the-end s/			s->in = NULL;/;/
END

finish
