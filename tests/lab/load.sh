#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pv,pv,pv,pv,pv,pv,pv time=420 suite=no mem=128
# Eight guests, each with 4 channels to each other one and 4 back, who join and
# leave at random, are killed, and now and then destroyed, until shortly before
# the time limit (--time-limit S): nothing is lost, no memory grows.

a=/ivc/ivc-apitest
seconds=$((LAB_TIME - 150 * LAB_SLOWER))
all=$(guest_numbers)

# load N SECONDS: its process; small rings, as there are so many
load() {
	g_bg "$1" load "su user -c '$a load --magic 8 --id $1 --channels 4 --hold $2 --after 60 --within-ms 2000 --tx-size 8192 --rx-size 8192 --timeout 60 --seed $2'"
}

# used: KiB of Dom0 that its kernel has, and of all guests
used() {
	awk '/^(Slab|VmallocUsed|KernelStack):/ { n += $2 } END { print n }' /proc/meminfo
}
guests_used() {
	for n in $all; do
		g "$n" "awk '/^(Slab|VmallocUsed|KernelStack):/ { n += \$2 } END { print n }' /proc/meminfo"
	done | awk '{ n += $1 } END { print n }'
}

# many_channels: are there at least 200? The most that were seen are noted.
most=0
many_channels() {
	channels=$(grep -c '^[0-9]' /sys/kernel/debug/ivc-back/channels)
	[ "$channels" -le "$most" ] || most=$channels
	[ "$most" -ge 200 ]
}

begin=$(cut -d. -f1 /proc/uptime)
left() {
	echo $((begin + seconds - $(cut -d. -f1 /proc/uptime)))
}
for n in $all; do
	load "$n" "$seconds"
done
sleep 20
killed=0 destroyed=0 first='' i=0
while [ "$(left)" -gt 30 ]; do
	i=$((i + 1))
	# A process is killed in whatever it does; another takes its place
	n=$((1 + $(awk -v i=$i 'BEGIN { srand(i); print int(rand() * 8) }')))
	g_kill $n load 9 || fail "guest $n: $(g_wait $n load 1 2>&1 | tail -n 3)"
	sleep 1
	killed=$((killed + 1))
	if [ $((i % 4)) = 0 ] && [ "$(left)" -gt 120 ]; then # it takes up to 40 s
		guest_destroy $n
		guest_start $n || fail "guest $n cannot be made again"
		guest_wait $n 150 || fail "guest $n does not come up again"
		destroyed=$((destroyed + 1))
	fi
	load $n "$(left)"
	note "$((seconds - $(left))) s: $killed killed, $destroyed destroyed, up to $most channels at once"
	[ -n "$first" ] || first="$(used) $(guests_used)"
	# Without the one that has just come there are 168 at most
	sleep 8
	wait_until 22 many_channels || :
done
last="$(used) $(guests_used)"
for n in $all; do
	g_wait "$n" load 90 >"$OUT/load$n" 2>&1 || fail "guest $n: $(tail -n 1 "$OUT/load$n")"
	grep -q '^PASS' "$OUT/load$n" || fail "guest $n: $(tail -n 1 "$OUT/load$n")"
	note "guest $n ($(guest_type "$n")): $(grep '^PASS' "$OUT/load$n")"
done
note "$seconds s, $killed processes killed, $destroyed guests destroyed; up to $most channels at once"
note "KiB of Dom0's kernel and of all guests' kernels: $first, at the end $last"
many_channels || fail "never more than $most channels"
# shellcheck disable=SC2086 # two numbers each
set -- $first $last
[ $(($3 - $1)) -lt 4096 ] || fail "Dom0's kernel has grown by $(($3 - $1)) KiB"
[ $(($4 - $2)) -lt 16384 ] || fail "the guests' kernels have grown by $(($4 - $2)) KiB"
