#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh,pv hosts=2 time=400 suite=no
# A guest with 32 channels to three peers is moved to another host, live, in
# mid-transfer, and back; then to a host without ivc-back.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

# peers: three processes in two guests, and guest 1's 32 channels to them
transfer() {
	g_bg 2 two "$a shuttle --magic 7 --id 2 --count 11 --errno EREMCHG --hold 200 2>&1"
	g_bg 3 three "$a shuttle --magic 7 --id 3 --count 11 --errno EREMCHG --hold 200 2>&1"
	g_bg 3 four "$a shuttle --magic 7 --id 4 --count 10 --errno EREMCHG --hold 200 --zero-copy 2>&1"
	g_bg 1 mover "$a shuttle --magic 7 --id 1 --expect 2,3 --channels 11 --errno EREMCHG --how moves --hold 200 2>&1"
	g_bg 1 mover4 "$a shuttle --magic 7 --id 5 --expect 4 --channels 10 --errno EREMCHG --how moves --hold 200 2>&1"
	wait_until 60 flying 32 || fail "no 32 channels"
	sleep 1
}
stayers() {
	for pair in "2 two" "3 three" "3 four"; do
		# shellcheck disable=SC2086
		collect $pair
	done
}

watch_both
transfer
migrate_guest 1 || fail "guest 1 cannot be migrated"
stayers
there 1 mover
there 1 mover4
balance 32 two three four mover mover4
note "32 channels, $(on_host2 g 1 dmesg | handed_over)"

# There it is alone, and two of its own processes connect; then it returns
on_host2 "g_bg 1 sink '$a sink --magic 6 --id 1'; g 1 '$a stream --magic 6 --id 2 --peer 1 --messages 2000' && g_wait 1 sink 20" ||
	fail "on host 2 guest 1's own processes do not connect"
return_guest 1 || fail "guest 1 cannot come back"
again 1 2
again 3 1

# To a host that has no ivc-back: it ends in a clear state, and mends at home
# shellcheck disable=SC2016 # for host 2's shell
on_host2 'kill $(cat /run/ivcctl.pid); rmmod ivc_back' || fail "ivc-back stays on host 2"
g_bg 2 stayer "$a shuttle --magic 7 --id 2 --count 4 --errno EREMCHG --hold 200 2>&1"
g_bg 1 mover "$a shuttle --magic 7 --id 1 --expect 2 --channels 4 --errno EREMCHG --how moves --hold 200 2>&1"
wait_until 60 flying 4 || fail "no 4 channels"
migrate_guest 1 || fail "guest 1 cannot be migrated to a host without ivc-back"
collect 2 stayer
out=$(on_host2 g 1 "'$a hosts --magic 6 --id 9 --expect none 2>&1'") && fail "IVC without a backend"
echo "$out" | grep -q ENODEV || fail "without a backend: $out"
return_guest 1 || fail "guest 1 cannot come back"
collect 1 mover
balance 4 stayer mover
again 1 2
on_host2 insmod /ivc/ivc-back.ko
unwatch
