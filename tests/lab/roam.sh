#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 vif=yes time=3400 suite=no
# A guest goes to another host and comes back, ten times in a row, while a pair
# of programs streams both ways without pause: over IVC when they are on one
# host, over TCP when they are not. Nothing is lost, doubled, out of order.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
rounds=10

watch_both
stream_roam 3300
for round in $(seq $rounds); do
	wait_until 60 flying 1 || fail "round $round: no channel on host 1"
	sleep 1
	migrate_guest 1 || fail "round $round: guest 1 cannot be migrated"
	sleep 1
	return_guest 1 || fail "round $round: guest 1 cannot come back"
	note "round $round done"
done
wait_until 60 flying 1 || fail "no channel at the end"
sleep 1
unharmed
unwatch
