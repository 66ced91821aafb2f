#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 vif=yes time=330 suite=no
# The paper's Figure 12: latency over time, with two migrations in it.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
watch_both
g_bg 1 goes "/ivc/ivc-roam --magic 42 --id 1 --peer 2 --listen 5042 --timeout 600 2>&1"
g_bg 2 stays "/ivc/ivc-roam --magic 42 --id 2 --peer 1 --connect 10.77.0.1:5042 --seconds 800 --timeout 600 --interval 1000 --table /tmp/roam.txt --plot /tmp/roam.gp --ascii 2>&1"
wait_until 60 flying 1 || fail "no channel on host 1"
sleep 8
migrate_guest 1 || fail "guest 1 cannot be migrated"
sleep 8
return_guest 1 || fail "guest 1 cannot come back"
wait_until 60 flying 1 || fail "no channel after the return"
sleep 8
unharmed
g 2 cat /tmp/roam.txt >"$OUT/roam.txt"
g 2 cat /tmp/roam.gp >"$OUT/roam.gp"
cp /tmp/out.stays "$OUT/figure12.txt"
unwatch
