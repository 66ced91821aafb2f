#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh,pv time=400 suite=no
# A guest whose frontend speaks the protocol in every wrong way: the backend and
# the other guests go on, and a flood leaves another pair 80 % of its throughput.

a=/ivc/ivc-apitest

# The hypervisor, Linux's grant code and xenbus say what they think of a grant or
# port that is none: that is what they are there for.
expect_log 'grant_table.c.*(Bad (ref|flags)|Bad grant)' 'grants that are not there are offered'
expect_log 'g.e. 0x|deferring g.e|still in use' 'the hostile process ends while its pages are mapped'

# Guest 3's device has no driver from here on
g 3 'echo ivc-0 >/sys/bus/xen/drivers/ivc/unbind'
wait_until 10 g 3 rmmod ivc_front || fail "guest 3: ivc-front cannot be unloaded"

# stream MESSAGES: verified, from guest 1 to guest 2, both as users
stream() {
	g_bg 2 sink "su user -c '$a sink --magic 7 --id 2 --timeout 100'"
	g_as 1 user "$a stream --magic 7 --id 1 --peer 2 --timeout 100 --messages $1 --max 256" ||
		fail "the stream between the others: $(g_output 2 sink)"
	expect_status 0 g_wait 2 sink 20 >/dev/null
}

# took COMMAND...: hundredths of a second of it
took() {
	read -r _from _ </proc/uptime
	"$@" >/dev/null
	read -r _to _ </proc/uptime
	echo "$_from $_to" | awk '{ printf "%d\n", ($2 - $1) * 100 }'
}

attack() {
	G_TIMEOUT=$((150 * LAB_SLOWER)) g 3 "/ivc/ivc-hostile $* 2>&1" >"$OUT/$1" ||
		fail "$1: $(tail -n 1 "$OUT/$1")"
	note "guest 3: $(tr '\n' ';' <"$OUT/$1")"
	grep -q '^[0-9]' /sys/kernel/debug/ivc-back/frontends || fail "no frontend is left"
	stream 3000
}

attack nodes
attack states
attack ring
attack messages 8
attack rewrite 8
attack storm 5

# Programs of both others take what guest 3 offers, and connect to it
for n in 1 2; do
	g_bg $n victim "su user -c '/ivc/ivc-victim 99 $n 3600 /tmp/enough'"
done
attack offers $((40 * LAB_SLOWER)) 99
for n in 1 2; do
	g $n touch /tmp/enough
	expect_status 0 g_wait $n victim $((30 * LAB_SLOWER)) >"$OUT/victim$n"
	note "guest $n: $(cat "$OUT/victim$n")"
	grep -q 'victim: [1-9]' "$OUT/victim$n" || fail "guest $n has not accepted anything"
done

# Pages of guest 1 that guest 3 maps and never lets go of: guest 1 grants no
# more, and is not rung out of its own time by channels that are long closed
rings() {
	g 1 "awk '/ivc-channel/ { n += \$2; some = 1 } END { if (!some) exit 1; print n }' /proc/interrupts"
}
g_bg 1 victim "su user -c '/ivc/ivc-victim 99 1 $((40 * LAB_SLOWER))'"
g_bg 3 held "/ivc/ivc-hostile held 12 99"
wait_until 20 rings >/dev/null || fail "guest 3 does not come to hold anything"
sleep 7
before=$(rings)
sleep 4
rung=$(($(rings) - before))
note "guest 1 takes $((rung / 4)) interrupts a second from channels that are closed"
[ "$rung" -lt 1000 ] || fail "guest 1 was rung $rung times in 4 s"
expect_status 0 g_wait 3 held 60 >"$OUT/held"
note "guest 3: $(cat "$OUT/held")"
expect_status 0 g_wait 1 victim $((60 * LAB_SLOWER)) >/dev/null

# Floods. What they cost is compared with a guest that only uses its CPU, since
# all guests share two of them here.
messages=200000
g_bg 3 busy 'while :; do :; done'
busy=$(took stream $messages)
g_kill 3 busy 9
idle=$(took stream $messages)
note "a stream takes $idle cs beside an idle guest, $busy cs beside a busy one"
for flood in requests members events states nodes; do
	g_bg 3 flood "/ivc/ivc-hostile flood-$flood $((busy / 100 + 8)) 7"
	sleep 2
	flooded=$(took stream $messages)
	expect_status 0 g_wait 3 flood 100 >"$OUT/flood"
	note "flood of $flood: $flooded cs, $((busy * 100 / flooded)) % of the throughput beside a busy guest, $((idle * 100 / flooded)) % beside an idle one; $(cat "$OUT/flood")"
	[ $((busy * 100 / flooded)) -ge 80 ] || slow="${slow:-} $flood"
done
[ -z "${slow:-}" ] || fail "less than 80 % beside a flood of$slow"

# Gone in each state, and through all states at random: after that only the
# toolstack can give the guest a device again.
attack vanish
ivcctl detach guest3 --force --wait 3 || fail "guest 3 cannot be detached"
g 3 insmod /ivc/ivc-front.ko
guest_attach 3 || fail "guest 3 cannot be attached again"
g_as 3 user "$a hosts --magic 7 --id 3 --expect none --timeout 10"
