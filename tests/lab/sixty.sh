#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv,pv time=600 suite=no mem=80
# The paper's 60 guests on one host, tiny ones: each has a channel to each other
# one and back, and every byte that goes over them is right.

a=/ivc/ivc-apitest
seconds=$((180 * LAB_SLOWER))
all=$(guest_numbers)
number=$(echo "$all" | wc -l)

for n in $all; do
	g_bg "$n" load "$a load --magic 8 --id $n --channels 1 --hold $seconds --tx-size 4096 --rx-size 4096 --max 500 --timeout 150"
done
most=0
for _ in $(seq $((seconds / 10))); do
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
