#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv time=800 suite=no mem=112
# The paper's 60 guests on one host, tiny ones: each has a channel to each other
# one and back, and every byte that goes over them is right.

a=/ivc/ivc-apitest
seconds=$((360 * LAB_SLOWER))
all=$(guest_numbers)
number=$(echo "$all" | wc -l)

# 60 vCPUs are more than two CPUs can serve at once; Dom0, on whom they all wait,
# comes first, as on any host that is full.
dom0_first || fail "Dom0 cannot be put first"

# To one end for all; some at a time, since each takes seconds to begin
begin=$(cut -d. -f1 /proc/uptime)
for n in $all; do
	left=$((begin + seconds - $(cut -d. -f1 /proc/uptime)))
	g_bg "$n" load "$a load --magic 8 --id $n --channels 1 --hold $left --tx-size 4096 --rx-size 4096 --max 500 --within-ms 40000 --timeout 150" &
	[ $((n % 6)) != 0 ] || wait
	[ $((n % 12)) != 0 ] || note "$n guests have begun"
done
wait
most=0
while [ $(($(cut -d. -f1 /proc/uptime) - begin)) -lt $((seconds - 20)) ]; do
	sleep 9
	channels=$(grep -c ' open ' /sys/kernel/debug/ivc-back/channels)
	[ "$channels" -le "$most" ] || most=$channels
done
note "$number guests, $most channels open at once of $((number * (number - 1)))"
for n in $all; do
	g_wait "$n" load 120 >"$OUT/load$n" 2>&1 || fail "guest $n: $(tail -n 1 "$OUT/load$n")"
	grep -q '^PASS' "$OUT/load$n" || fail "guest $n: $(tail -n 1 "$OUT/load$n")"
done
note "$(cat "$OUT"/load* | awk '/^PASS/ { m += $3; l += $7 } END { print m, "messages answered,", l, "channels opened" }')"
[ "$most" -ge $((number * (number - 1) * 9 / 10)) ] || fail "no full mesh: $most channels"
