#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=120 attach=no
# A guest past its quota gets an error, and its neighbour notices nothing.

a=/ivc/ivc-apitest

ivcctl attach guest1 --max-contexts 3 --max-channels 4 --max-pages 100 --wait 10
ivcctl attach guest2 --wait 10

# Contexts: the fourth is refused
for i in 1 2 3; do
	g_bg 1 c$i "$a echo --magic 2 --id $i"
done
members() {
	[ "$(grep -c '^[0-9]' /sys/kernel/debug/ivc-back/members)" = "$1" ]
}
wait_until 10 members 3
out=$(g 1 "$a echo --magic 2 --id 4 2>&1") && fail "a fourth context"
echo "$out" | grep -q 'Disk quota exceeded\|EDQUOT' || fail "past max-contexts: $out"
for i in 1 2 3; do
	g_kill 1 c$i
done
wait_until 10 members 0

# Channels and pages: 4 channels, of 19 pages each; then two more pages than 100
g_bg 2 echo "$a echo --magic 2 --id 1"
out=$(g 1 "$a many --magic 2 --id 2 --peer 1 --channels 5 2>&1") && fail "a fifth channel"
echo "$out" | grep -q 'Disk quota exceeded\|EDQUOT' || fail "past max-channels: $out"
out=$(g 1 "$a many --magic 2 --id 2 --peer 1 --channels 1 --tx-size 524288 2>&1") &&
	fail "131 pages of 100"
echo "$out" | grep -q 'Disk quota exceeded\|EDQUOT' || fail "past max-pages: $out"
g 1 "$a many --magic 2 --id 2 --peer 1 --channels 4 2>&1" || fail "four channels are allowed"

# The neighbour has its own
g_kill 2 echo
g_bg 2 echo2 "$a echo --magic 2 --id 1 --count 8"
g 2 "$a many --magic 2 --id 2 --peer 1 --channels 8 2>&1" || fail "guest 2 is hurt"
g_wait 2 echo2 10
ivcctl detach guest1 --wait 10
ivcctl detach guest2 --wait 10
