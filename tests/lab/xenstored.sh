#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=120 suite=no
# xenstored is replaced while it runs (a live update, which is the only restart
# it has): an open channel goes on, and so does everything that needs xenstored.

a=/ivc/ivc-apitest

g_bg 2 sink "$a sink --magic 7 --id 2 --timeout 60"
g_bg 1 stream "$a stream --magic 7 --id 1 --peer 2 --timeout 60 --until /tmp/enough --max 2000"
for i in 1 2 3; do
	xenstore-control live-update -t 10 "$(readlink /proc/"$(cat /run/xenstored.pid)"/exe)" >"$OUT/update$i" 2>&1 ||
		skip "this xenstored cannot be updated: $(tail -n 1 "$OUT/update$i")"
	g_bg 2 echo "$a echo --magic 3 --id 1 --count 10"
	g 1 "$a cycle --magic 3 --id 2 --peer 1 --count 10 2>&1" || fail "connecting after update $i"
	g_wait 2 echo 30 >/dev/null || fail "the echo"
done
g 1 touch /tmp/enough
expect_status 0 g_wait 1 stream 60
expect_status 0 g_wait 2 sink 60
ivcctl detach guest1 --wait 10 || fail "guest 1 cannot be detached"
xenstore-control live-update -t 10 "$(readlink /proc/"$(cat /run/xenstored.pid)"/exe)"
ivcctl attach guest1 --wait 10 || fail "guest 1 cannot be attached"
guest_destroy 2
guest_create 2 || fail "guest 2 is not made again"
g_bg 2 sink "$a sink --magic 7 --id 2 --timeout 60"
g 1 "$a stream --magic 7 --id 1 --peer 2 --timeout 60 --messages 5000"
expect_status 0 g_wait 2 sink 60
