#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv vif=yes time=900 suite=no
# A guest is saved and restored, ten times in a row, while a pair of programs
# streams both ways without pause: over IVC while it runs, over TCP until it is
# found again. Nothing is lost, doubled, out of order.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
rounds=10

watch
stream_roam 800
for round in $(seq $rounds); do
	wait_until 60 flying 1 || fail "round $round: no channel"
	sleep 1
	guest_save 1 /tmp/image || fail "round $round: guest 1 cannot be saved"
	sleep 1
	guest_restore 1 /tmp/image || fail "round $round: guest 1 cannot be restored"
	rm /tmp/image
	note "round $round done"
done
wait_until 60 flying 1 || fail "no channel at the end"
sleep 1
unharmed
unwatch
