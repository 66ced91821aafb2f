#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv time=600 suite=no
# A guest's frontend floods the backend with requests of every kind: another pair
# keeps 80 % of its throughput, and every byte of its data is right.

# shellcheck source=tests/lab/hostile.sh
. /lab/tests/hostile.sh
no_driver 3

# took COMMAND...: hundredths of a second of it. What it prints shows the lab that
# it moves.
took() {
	read -r _from _ </proc/uptime
	"$@" >"$OUT/took"
	read -r _to _ </proc/uptime
	echo "$_from $_to" | awk '{ printf "%d\n", ($2 - $1) * 100 }'
}

# Floods. The cost of a flood is compared with the cost of a guest that only uses its
# CPU, since all guests share two CPUs here. The figure is the median of three runs,
# since the guests are placed on the CPUs in different ways.
messages=$((500000 / LAB_SLOWER))
median() {
	for _ in 1 2 3; do
		took stream $messages
	done | sort -n | sed -n 2p
}
g_bg 3 busy 'while :; do :; done'
busy=$(median)
g_kill 3 busy 9
idle=$(median)
note "a stream takes $idle cs beside an idle guest, $busy cs beside a busy one"
for flood in requests members events states nodes; do
	g_bg 3 flood "/ivc/ivc-hostile flood-$flood $((busy * 5 / 100 + 8)) 7"
	sleep 2
	flooded=$(median)
	expect_status 0 g_wait 3 flood 200 >"$OUT/flood"
	note "flood of $flood: $flooded cs, $((busy * 100 / flooded)) % of the throughput beside a busy guest, $((idle * 100 / flooded)) % beside an idle one; $(cat "$OUT/flood")"
	[ $((busy * 100 / flooded)) -ge 80 ] || slow="${slow:-} $flood"
done
[ -z "${slow:-}" ] || fail "less than 80 % beside a flood of$slow"

driver_back 3
