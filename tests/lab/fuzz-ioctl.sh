#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=240 suite=debug
# An unprivileged process does to /dev/ivc whatever a process can do to a device,
# in both guests at a time; one outside of group ivc does not get that far.

seconds=${FUZZ_SECONDS:-60}

for n in $(guest_numbers); do
	expect_fail g_as "$n" other "/ivc/ivc-ioctl 99 1"
	expect_fail g_as "$n" other 'exec 3<>/dev/ivc'
	# Two processes, which connect to each other and to those of the other guest
	for k in 1 2; do
		g_bg "$n" "fuzz$k" "su user -c '/ivc/ivc-ioctl 99 $seconds'"
	done
done
for n in $(guest_numbers); do
	for k in 1 2; do
		g_wait "$n" "fuzz$k" $((seconds + 60)) >"$OUT/fuzz$n.$k" 2>&1 ||
			fail "guest $n: $(tail -n 1 "$OUT/fuzz$n.$k")"
		note "guest $n ($(guest_type "$n")): $(cat "$OUT/fuzz$n.$k")"
	done
done

# All of it was theirs and went with them; others can do their work
a=/ivc/ivc-apitest
g_bg 2 sink "su user -c '$a sink --magic 7 --id 2 --timeout 30'"
g_as 1 user "$a stream --magic 7 --id 1 --peer 2 --timeout 30 --messages 20000"
expect_status 0 g_wait 2 sink 20
