#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 time=560 suite=no
# ivcctl migrate: peers are told first; there and back; one that fails.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

host2=/lab/dom0/host2
transfer() {
	g_bg 2 stayer "$a shuttle --magic 7 --id 2 --count 8 --errno EREMCHG --hold 300 2>&1"
	g_bg 1 mover "$a shuttle --magic 7 --id 1 --expect 2 --channels 8 --errno EREMCHG --how moves --hold 300 2>&1"
	wait_until 60 flying 8 || fail "no 8 channels"
	sleep 1
}
millis() {
	awk -v what="$1" 'index($0, what) == 1 { for (i = 2; i < NF; i++) if ($(i + 1) == "ms") print $i }' "$2"
}

watch_both

## a migration that cannot be: the guest is attached again, and goes on here
transfer
expect_fail ivcctl migrate guest1 nowhere -s false --remote false --wait 20
collect 2 stayer
collect 1 mover
balance 8 stayer mover
again 1 2

## beside the same without channels: how long is it frozen?
ivcctl migrate guest1 10.78.0.2 -s "$host2 pipe" --remote "$host2 remote" >/tmp/empty 2>&1 ||
	fail "guest 1 without channels: $(cat /tmp/empty)"
return_guest 1 || fail "guest 1 cannot come back"
transfer
ivcctl migrate guest1 10.78.0.2 -s "$host2 pipe" --remote "$host2 remote" >/tmp/told 2>&1 ||
	fail "guest 1 with channels: $(cat /tmp/told)"
cat /tmp/told
collect 2 stayer
there 1 mover
balance 8 stayer mover
return_guest 1 || fail "guest 1 cannot come back"
transfer
ivcctl migrate guest1 10.78.0.2 --frozen -s "$host2 pipe" --remote "$host2 remote" >/tmp/frozen 2>&1 ||
	fail "guest 1, frozen: $(cat /tmp/frozen)"
collect 2 stayer
there 1 mover
balance 8 stayer mover
return_guest 1 || fail "guest 1 cannot come back"
for how in empty told frozen; do
	note "$how: told and drained in $(millis 'notice and drain' /tmp/$how) ms, blackout $(millis blackout /tmp/$how) ms, back on IVC after $(millis 'back on IVC' /tmp/$how) ms"
done
note "frozen: by the guest's kernel, channels $(g 1 dmesg | handed_over)"
again 2 1
unwatch
