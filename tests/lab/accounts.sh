#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What scenarios of guests that leave have in common: pairs of `shuttle`, and
# their accounts. Not a scenario: read by them.

a=/ivc/ivc-apitest

# watch: attach each guest that appears, as an administrator would
watch() {
	ivcctl attach --all --watch --daemon --pid-file /run/ivcctl.pid
}
# watch_both: on both hosts
watch_both() {
	watch
	on_host2 "ivcctl attach --all --watch --daemon --pid-file /run/ivcctl.pid"
}
unwatch() {
	kill "$(cat /run/ivcctl.pid)"
}

# connected N: its device is (again)
connected() {
	[ "$(xenstore-read "/local/domain/$(guest_domid "$1")/device/ivc/0/state")" = 4 ]
}

# flying N: that many channels are open, both ends counted, here
flying() {
	[ "$(grep -c open /sys/kernel/debug/ivc-back/channels)" -ge "$1" ]
}

# collect GUEST TAG [SECONDS]: its program has ended well; its output is kept
collect() {
	g_wait "$1" "$2" "${3:-60}" >"/tmp/out.$2" 2>&1 || {
		cat "/tmp/out.$2"
		fail "$2 in guest $1: $(grep FAIL "/tmp/out.$2")"
	}
	cat "/tmp/out.$2"
}

# there GUEST TAG: its program has ended well, on host 2
there() {
	on_host2 "g_wait $1 $2 100" >"/tmp/out.$2" 2>&1 ||
		fail "$2, on host 2: $(cat "/tmp/out.$2")"
	cat "/tmp/out.$2"
}

# handed_over: of a guest's kernel log, how the last suspend handed its channels over
handed_over() {
	sed -n 's/.*channels \(handed over in .*\)/\1/p' | tail -n 1
}

# balance N TAG...: the accounts of N channels in the outputs of these programs
# agree: accepted by one end = received by the other + not delivered, both ways.
# $doubt: bytes by which more may have been received, where a peer was cut off: one
# record, which its process had begun to read (docs/reference/protocol.md, 3.4)
doubt=0
balance() {
	_n=$1
	shift
	for _t in "$@"; do
		cat "/tmp/out.$_t"
	done | awk -v want="$_n" -v doubt="$doubt" '
		$1 == "account" {
			k = $2 " " $3 " " $4
			accepted[k] = $6; undelivered[k] = $8; received[k] = $10
			end[k] = $12
		}
		END {
			for (k in accepted) {
				split(k, w, " ")
				o = w[2] " " w[1] " " w[3]
				if (!(o in accepted)) { print "one end only: " k; bad++; continue }
				more = received[o] - (accepted[k] - undelivered[k])
				if (more < 0 || more > doubt) {
					print "channel " k ": accepted " accepted[k] ", undelivered " undelivered[k] ", the other received " received[o]
					bad++
				}
				lost += undelivered[k]; bytes += received[k]; n++
			}
			if (n != 2 * want) { print n " ends, not " 2 * want; bad++ }
			printf "%d channels, %.1f MB delivered, %d bytes not delivered\n", n / 2, bytes / 1e6, lost
			exit bad != 0
		}' >/tmp/balance || fail "accounts: $(cat /tmp/balance)"
	note "$(cat /tmp/balance)"
}

# roam OPTIONS: ivc-roam both ways between guests 1 and 2, over IVC when it can
# be, over TCP when not
roam() {
	g_bg 1 goes "/ivc/ivc-roam --magic 42 --id 1 --peer 2 --listen 5042 --timeout 600 2>&1"
	g_bg 2 stays "/ivc/ivc-roam --magic 42 --id 2 --peer 1 --connect 10.77.0.1:5042 --timeout 600 $1 2>&1"
}

# rounds N GO BACK: guest 1 goes and comes back N times while they stream
rounds() {
	for round in $(seq "$1"); do
		wait_until 60 flying 1 || fail "round $round: no channel"
		sleep 1
		"$2" || fail "round $round: guest 1 cannot go"
		sleep 1
		"$3" || fail "round $round: guest 1 cannot come back"
		note "round $round done"
	done
	wait_until 60 flying 1 || fail "no channel at the end"
	sleep 1
}

# unharmed: the two ivc-roam, `stays` in guest 2 and `goes` in guest 1, are told
# to end, and nothing was lost
unharmed() {
	g_kill 2 stays 15
	collect 2 stays
	collect 1 goes
	for who in stays goes; do
		grep '0 lost, 0 doubled, 0 out of order' /tmp/out.$who >/tmp/last || fail "$who: $(tail -n 1 /tmp/out.$who)"
		note "$who: $(cat /tmp/last)"
	done
}

# again A B: they connect and exchange data as if nothing had been
again() {
	g_bg "$1" sink "$a sink --magic 6 --id 1"
	g "$2" "$a stream --magic 6 --id 2 --peer 1 --messages 2000 --max 3000 --seed 3" ||
		fail "guest $2 cannot reach guest $1 again"
	g_wait "$1" sink 20 || fail "guest $1 cannot be reached again"
}
