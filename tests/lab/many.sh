#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=300
# 64 channels between two guests at once; opened and closed 100 times, or 1,000;
# closed in every state; and nothing is left.

a=/ivc/ivc-apitest

# A channel writes nothing to xenstore, which all guests share. The first line belongs
# to the watch itself, and a node of our own shows that the watch sees the others.
xenstore-watch /local/domain >/tmp/told &
watch=$!
wait_until 10 grep -q . /tmp/told

for pair in "1 2" "2 1" "2 2"; do
	# shellcheck disable=SC2086
	set -- $pair
	g_bg "$1" echo "$a echo --magic 3 --id 1 --count 64"
	G_TIMEOUT=120 g "$2" "$a many --magic 3 --id 2 --peer 1 --channels 64 --count 20 2>&1" ||
		fail "64 channels from guest $2 to guest $1"
	g_wait "$1" echo 30 || fail "the echo in guest $1"
done

cycles=$(as_much 500)
for pair in "1 2" "2 1"; do
	# shellcheck disable=SC2086
	set -- $pair
	g_bg "$1" echo "$a echo --magic 3 --id 1 --count $cycles"
	G_TIMEOUT=200 g "$2" "$a cycle --magic 3 --id 2 --peer 1 --count $cycles 2>&1" ||
		fail "$cycles times from guest $2 to guest $1"
	g_wait "$1" echo 30 || fail "the echo in guest $1"
done

xenstore-write /local/domain/0/many-is-over 1
wait_until 10 grep -q many-is-over /tmp/told
kill $watch
xenstore-rm /local/domain/0/many-is-over
note "xenstore was written $(($(grep -c . /tmp/told) - 2)) times while $((192 + 2 * cycles)) channels came and went"
if grep ivc /tmp/told; then
	fail "of which some are ours"
fi

for pair in "1 2" "2 1" "1 1" "2 2"; do
	# shellcheck disable=SC2086
	set -- $pair
	g_bg "$1" remote "$a remote-peer --magic 3 --id 1"
	G_TIMEOUT=120 g "$2" "$a closers --magic 3 --id 2 --peer 1 2>&1" ||
		fail "closers from guest $2 to guest $1"
	g_wait "$1" remote 10 || fail "the remote peer in guest $1"
done

# The paper's program
g_bg 1 server "$a figure5-server --magic 5 --id 0"
g 2 "$a figure5-client --magic 5 --id 1 2>&1" || fail "Figure 5: client"
g_wait 1 server 20 || fail "Figure 5: server"
