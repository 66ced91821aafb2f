#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh,pv time=600 suite=debug guest=init_on_alloc=0
# A guest's frontend breaks every rule of the protocol: the backend and the other
# guests go on.

# shellcheck source=tests/lab/hostile.sh
. /lab/tests/hostile.sh
no_driver 3

# held_by N: the members and connections that Dom0 has for guest N, and the usage that
# Dom0 has charged to guest N
held_by() {
	set -- "$(guest_domid "$1")"
	awk -v d="$1" '/^[0-9]/ { if ($2 == d) m++ } END { print m + 0 }' \
		/sys/kernel/debug/ivc-back/members
	awk -v d="$1" '/^[0-9]/ { if ($3 == d || $5 == d) c++ } END { print c + 0 }' \
		/sys/kernel/debug/ivc-back/channels
	awk -v d="$1" '
		/^#/ { for (i = 2; i <= NF; i++) at[$i] = i - 1; next }
		$1 == d { n += $at["contexts"] + $at["channels"] + $at["pages"] +
			$at["pending"] + $at["closing"] }
		END { print n + 0 }' /sys/kernel/debug/ivc-back/frontends
}
nothing_held() {
	[ "$(held_by "$1" | tr '\n' ' ')" = '0 0 0 ' ]
}

attack() {
	G_TIMEOUT=150 g 3 "/ivc/ivc-hostile $* 2>&1" >"$OUT/$1" ||
		fail "$1: $(tail -n 1 "$OUT/$1")"
	note "guest 3: $(tr '\n' ';' <"$OUT/$1")"
	grep -q '^[0-9]' /sys/kernel/debug/ivc-back/frontends || fail "no frontend is left"
	# It has closed its device, and the others' ends of its channels close
	wait_until 20 nothing_held 3 ||
		fail "$1: Dom0 holds for guest 3: $(held_by 3 | tr '\n' ' ')"
	stream 3000
}

attack nodes
attack states
attack ctlring
attack closes 10
# Programs in both other guests: members that guest 3 must not speak for. Then they
# accept guest 3's offers, and connect to guest 3
for n in 1 2; do
	g $n rm -f /tmp/enough
	g_bg $n victim "su user -c '/ivc/ivc-victim 99 $n 3600 /tmp/enough'"
done
attack messages 8
attack rewrite 8
attack storm 5

# The pages that they grant are checked for old data, too. Therefore init_on_alloc=0:
# otherwise Debian's kernel would zero every page before it allocates it
attack offers $((40 * LAB_SLOWER)) 99
attack ends $((15 * LAB_SLOWER)) 99
for n in 1 2; do
	g $n touch /tmp/enough
	expect_status 0 g_wait $n victim 30 >"$OUT/victim$n"
	note "guest $n: $(cat "$OUT/victim$n")"
	grep -q 'victim: [1-9]' "$OUT/victim$n" || fail "guest $n has not accepted anything"
done

# Channels of guest 1
open() {
	[ -n "$(rings)" ]
}
rings() {
	g 1 "awk '/ivc-channel/ { print \$1, \$2 }' /proc/interrupts"
}
# rung: how often in 4 s
rung() {
	rings >/tmp/before
	sleep 4
	rings >/tmp/after
	# A line that has gone meanwhile may have come back as another channel's
	awk 'FILENAME == ARGV[1] { old[$1] = $2; next }
		{ n += $2 >= old[$1] ? $2 - old[$1] : $2 } END { print n + 0 }' /tmp/before /tmp/after
}
# ringing WHAT LESS: guest 3 rings for channels of guest 1 all the time, which is
# heard fewer than LESS times in 4 s
ringing() {
	times=$(rung)
	note "guest 1 takes $((times / 4)) interrupts a second from $1"
	[ "$times" -lt "$2" ] || fail "guest 1 was rung $times times in 4 s"
}
# An open channel whose process has not asked to be woken: rung all the time, and
# heard once in a tick of the clock (250 a second) at most
g_bg 1 idle "su user -c '$a fate --magic 98 --id 1'"
g_bg 3 storm "/ivc/ivc-hostile doorbell-storm 14 98"
wait_until 20 open || fail "guest 3 has no channel to ring for"
sleep 2
ringing "a channel that is open" 2000
expect_status 0 g_wait 3 storm 60 >"$OUT/doorbell-storm"
note "guest 3: $(cat "$OUT/doorbell-storm")"
[ "$times" -gt 0 ] || fail "guest 1 has not heard of it: $times interrupts"
g_kill 1 idle 9

# Pages of guest 1 that guest 3 maps and never lets go of: guest 1 grants no
# more, and is not rung out of its own time by channels that are long closed
g 1 rm -f /tmp/enough
g_bg 1 victim "su user -c '/ivc/ivc-victim 99 1 3600 /tmp/enough'"
g_bg 3 hold "/ivc/ivc-hostile hold-grants 12 99"
wait_until 60 g 3 'test -e /tmp/ringing' ||
	fail "guest 3 does not come to hold anything: $(g_wait 3 hold 60)"
ringing "channels that are closed" 1000
expect_status 0 g_wait 3 hold 60 >"$OUT/hold-grants"
note "guest 3: $(cat "$OUT/hold-grants")"
g 1 touch /tmp/enough
expect_status 0 g_wait 1 victim 30 >/dev/null

# Gone in each state, and through all states at random: after that only the
# toolstack can give the guest a device again.
attack vanish
ivcctl detach guest3 --force --wait 3 || fail "guest 3 cannot be detached"
ivcctl attach guest3 || fail "guest 3 gets no other device"

driver_back 3
