#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 time=1700 suite=no
# Live migration of both ends at once, beside a peer that is stopped, and beside
# one that answers to nothing.

# shellcheck disable=SC2016 # for a guest's shell
# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

# transfer HOW-THE-STAYER-ENDS...: 6 channels between guests 1 and 2
transfer() {
	g_bg 2 stayer "$a shuttle --magic 7 --id 2 --count 6 --errno EREMCHG $* --hold 900 --timeout 600 2>&1"
	g_bg 1 mover "$a shuttle --magic 7 --id 1 --expect 2 --channels 6 --errno EREMCHG --how moves --hold 900 --timeout 600 2>&1"
	wait_until 60 flying 6 || fail "no 6 channels"
	sleep 1
}

watch_both
## both at once: they connect again on the other host
transfer --how moves
migrate_guest 2 &
migrate_guest 1 || fail "guest 1 cannot be migrated beside guest 2"
wait $! || fail "guest 2 cannot be migrated beside guest 1"
there 1 mover
there 2 stayer
balance 6 stayer mover
on_host2 "g_bg 1 sink '$a sink --magic 6 --id 1'; g 2 '$a stream --magic 6 --id 2 --peer 1 --messages 2000' && g_wait 1 sink 20" ||
	fail "they do not meet on host 2"
return_guest 2 || fail "guest 2 cannot come back"
return_guest 1 || fail "guest 1 cannot come back"
again 1 2

## the peer's processes are stopped: their kernel answers for them
transfer
g 2 'kill -STOP $(pidof ivc-apitest)'
migrate_guest 1 || fail "guest 1 cannot be migrated beside a stopped process"
g 2 'kill -CONT $(pidof ivc-apitest)'
collect 2 stayer
there 1 mover
balance 6 stayer mover
return_guest 1 || fail "guest 1 cannot come back"
again 1 2

## the peer's guest answers to nothing: it is cut off, and hears of it later
transfer
# shellcheck disable=SC2034 # of balance
doubt=8192
guest_pause 2
migrate_guest 1 || fail "guest 1 cannot be migrated beside a paused guest"
guest_unpause 2
collect 2 stayer
there 1 mover
balance 6 stayer mover
on_host2 g 1 dmesg | grep -q 'cut off' || fail "nobody was cut off"
return_guest 1 || fail "guest 1 cannot come back"
again 2 1
unwatch
