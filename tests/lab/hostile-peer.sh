#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=200
# A process scribbles over all shared memory of its channels that it may write, at
# full speed. Its peers, in the other guest and in its own, get errors and go on, and
# another pair reads its data unchanged.

seconds=${HOSTILE_SECONDS:-20}
messages=$((30000 / LAB_SLOWER))
a=/ivc/ivc-apitest

for n in 1 2; do
	enemy=$((3 - n))
	# Victims on both sides of the hostile peer, and honest streams both ways
	for v in 1 2; do
		g_bg $v victim "su user -c '/ivc/ivc-victim 99 $v $((seconds + 6))'"
		g_bg $v sink "su user -c '$a sink --magic 7 --id $v --timeout 100'"
	done
	g_bg $enemy peer "su user -c '/ivc/ivc-peer 99 $seconds'"
	g_as $n user "$a stream --magic 7 --id 1$n --peer $enemy --timeout 100 --messages $messages --max 20000" ||
		fail "the stream from guest $n"
	g_as $enemy user "$a stream --magic 7 --id 1$enemy --peer $n --timeout 100 --messages $messages --max 20000" ||
		fail "the stream from guest $enemy"
	expect_status 0 g_wait $enemy peer $((seconds + 60)) >"$OUT/peer$enemy"
	note "guest $enemy ($(guest_type $enemy)): $(cat "$OUT/peer$enemy")"
	for v in 1 2; do
		expect_status 0 g_wait $v sink 30 >/dev/null
		expect_status 0 g_wait $v victim $((seconds + 60)) >"$OUT/victim$v"
		note "guest $v: $(cat "$OUT/victim$v")"
		grep -q 'Protocol error' "$OUT/victim$v" ||
			fail "guest $v's victim has not noticed anything"
	done
done
