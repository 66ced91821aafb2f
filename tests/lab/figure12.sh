#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 vif=yes time=330 suite=no
# The paper's Figure 12: latency over time, with two migrations in it.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
watch_both
roam "--seconds 800 --interval 1000 --table /tmp/roam.txt --plot /tmp/roam.gp --ascii"
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
