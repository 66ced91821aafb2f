#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# How a channel comes into each of its states and stays there, and what its kernel
# tells of it then. Not a scenario: read by fates.sh.

# The end that is looked at is guest $A's, process 1; its peer is guest $B's,
# process 2. Each case is the other way round, and all anew.
A=1 B=2

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

# tell GUEST: its kernel logs each change of state. The debug kernel, which has no
# dynamic debug, has modules that always do.
tell() {
	g "$1" 'cd /sys/kernel/debug; [ ! -d dynamic_debug ] ||
		echo "file */front/channel*.c +p" >dynamic_debug/control'
}
# renew GUEST: it is there again
renew() {
	guest_create "$1" || fail "guest $1 is not made again"
	tell "$1"
}
# mark: only events from here on count
mark() {
	g $A 'echo fates: from here >/dev/kmsg'
}
# path: what guest A's ends have gone through since, "STATE EVENT NEXT" a line
path() {
	g $A dmesg | awk '/fates: from here/ { n = 0; next }
		match($0, /conn [0-9]+: [a-z]+ [a-z]+ [a-z]+ \(/) {
			split(substr($0, RSTART), w, " ")
			line[n++] = w[3] " " w[4] " " w[5]
		}
		END { for (i = 0; i < n; i++) print line[i] }'
}
# change STATE EVENT: as the table has it
g 1 "$a states" >/tmp/states
change() {
	grep "^$1 $2 " /tmp/states
}
# went STATE EVENT: that was the first thing to happen; passed: it has happened
went() {
	path >/tmp/path
	[ "$(head -n 1 /tmp/path)" = "$(change "$1" "$2")" ]
}
passed() {
	path >/tmp/path
	grep -qx "$(change "$1" "$2")" /tmp/path
}

# end OPTIONS, peer OPTIONS: the processes
end() {
	g_bg $A end "exec $a fate --magic 5 --id 1 --timeout 100 $*"
}
peer() {
	g_bg $B peer "exec $a fate --magic 5 --id 2 --timeout 100 $*"
}
# is STATE [PEER]: process 1's end gets there
is() {
	wait_until 15 state_is "$1" "${2:-2}" ||
		fail "the end is not $1: $(g $A cat /sys/kernel/debug/ivc-front/channels)"
}
state_is() {
	[ "$(g $A "awk '\$5 == $2 { print \$2 }' /sys/kernel/debug/ivc-front/channels")" = "$1" ]
}
# leave_ms GUEST MS: how long it waits for a peer, when it leaves
leave_ms() {
	g "$1" "echo $2 >/sys/module/ivc_front/parameters/leave_ms"
}
# detach GUEST: in the background
detach() {
	ivcctl detach "guest$1" --wait 90 >/tmp/detach 2>&1 &
}
# attached GUEST [OPTIONS]: it is, or becomes so
attached() {
	_n=$1
	shift
	connected "$_n" 2>/dev/null || ivcctl attach "guest$_n" "$@" --wait 20 >/tmp/attach 2>&1 ||
		fail "guest $_n cannot be attached again: $(cat /tmp/attach)"
}
# The guest that may ask once a second, until all is anew
slow=''
# anew: both guests as they were, their parts exchanged
anew() {
	for n in 1 2; do
		guest_unpause $n 2>/dev/null || :
	done
	wait
	[ -z "$slow" ] || ivcctl detach "guest$slow" --wait 20 >/dev/null 2>&1 || :
	slow=''
	for n in 1 2; do
		g $n 'killall -q -9 ivc-apitest; rm -f /tmp/go'
		attached $n
		leave_ms $n 500
	done
	wait_until 20 no_channels || fail "channels stay: $(cat /sys/kernel/debug/ivc-back/channels)"
	n=$A A=$B B=$n
}
no_channels() {
	for n in 1 2; do
		g $n '! grep -q "^[0-9]" /sys/kernel/debug/ivc-front/channels' || return 1
	done
}

# shellcheck disable=SC2016 # a guest's shell
# In the guest, since a second is short: as soon as there is one
until_new='for i in $(seq 1000); do grep -q " new " /sys/kernel/debug/ivc-front/channels && break; done'

## reach_STATE: process 1's end is in it, and stays
# For about 4 s: that is how long its request is in line behind others
reach_new() {
	limited --max-rate 1
	slow=$A
	end --how queue
	wait_until 10 in_line
	mark
	peer --peer 1
	g $A "$until_new"
}
in_line() {
	[ "$(awk '/^[0-9]/ { n++ } END { print n + 0 }' /sys/kernel/debug/ivc-back/members)" = 2 ]
}
reach_offered() {
	peer --until /tmp/go
	end --peer 2
	is offered
}
reach_open() {
	peer
	end --peer 2
	is open
}
reach_ended() {
	reach_open
	g_kill $B peer 9
	is ended
}
# The peer's kernel has to let go of what our process leaves, and cannot
reach_closing() {
	reach_open
	guest_pause $B
	g_kill $A end 9
	is closing
}
# Our guest leaves, and has no answer. Its agent has none either, as its kernel
# hears nothing of xenstore meanwhile; what it went through is seen afterwards.
reach_left() {
	reach_open
	leave_ms $A "${1:-8000}"
	mark
	guest_pause $B
	detach $A
	sleep 2
}
# The peer's leaves, and stands still when it is its turn
reach_kept() {
	reach_open
	leave_ms $B 20000
	guest_pause $A
	detach $B
	sleep 2
	guest_pause $B
	guest_unpause $A
	is kept
}

# limited OPTIONS: guest A's device comes anew, with such limits
limited() {
	ivcctl detach guest$A --wait 20 >/dev/null
	attached $A "$@"
}
# new EVENT END PEER WHAT: a request of a guest over its rate waits for up to a
# second. For so long an end of this guest is new, if the request waits at all. END
# and PEER are begun, and WHAT is called, again and again until EVENT has come to a
# new end
new() {
	limited --max-rate 1
	mark
	for _ in $(seq 30); do
		# shellcheck disable=SC2086 # words
		{
			$3 --how again
			$2 --how rush
		}
		$4 || :
		sleep 1
		! passed new "$1" || break
		g_kill $A end 9 || :
		g_kill $B peer 9 || :
		attached $A --max-rate 1
	done
	g_kill $A end 9 || :
	limited
}
kill_it() {
	g $A "$until_new; killall -9 ivc-apitest"
}
kill_peer() {
	g $A "$until_new"
	g_kill $B peer 9
}
