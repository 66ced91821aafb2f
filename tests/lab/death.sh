#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=300
# Processes and guests die in the middle of a transfer, devices are detached,
# modules unloaded: the other side reads all data that was sent and gets its error
# within a second. Nothing leaks, and the same guests connect again.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

# It takes milliseconds; each program prints its own. The limit catches an end of
# which no program was told, and no busy machine.
soon=10

# end ERRNO SINK-GUEST FROM-GUEST HOW: HOW is what the sender does to itself
end() {
	g_bg "$2" end "$a expect-end --magic 5 --id 1 --errno $1 --after 100000 --within-ms ${soon}000 --timeout 30"
	g "$3" "$a die --magic 5 --id 2 --peer 1 --after 100000 --how $4" || :
	g_wait "$2" end 30 || fail "$4 in guest $3: guest $2 did not get $1"
	again "$2" "$3"
}

for how in kill abort exit; do
	end ECONNRESET 1 2 $how
	end ECONNRESET 2 1 $how
done
end EPIPE 1 2 close
end EPIPE 2 1 close

# The same when the writer is left: reader killed
g_bg 2 end "$a expect-end --magic 5 --id 1 --errno ECONNRESET --after 1000 --within-ms ${soon}000 --how write --timeout 30"
g 1 "$a die --magic 5 --id 2 --peer 1 --after 1000 --how kill" || :
g_wait 2 end 30 || fail "a writer is not told that its reader was killed"

# victim SINK FROM [,ERRNO]: a pair in the middle of a transfer, FROM about to die
victim() {
	g_bg "$1" end "$a expect-end --magic 5 --id 1 --errno ECONNRESET${3:-} --after 100000 --within-ms 30000 --timeout 60"
	g_bg "$2" die "$a die --magic 5 --id 2 --peer 1 --after 100000 --how wait"
	wait_until 20 open_channel || fail "no channel from guest $2 to guest $1"
	sleep 2
}
open_channel() {
	grep -q open /sys/kernel/debug/ivc-back/channels
}

ms() { awk '{ print int($1 * 1000) }' /proc/uptime; }
# noticed GUEST WHAT: its `expect-end` ends well, soon
noticed() {
	since=$(ms)
	g_wait "$1" end $soon || fail "guest $1 did not notice in time: $2"
	note "$2: guest $1 knew $(($(ms) - since)) ms later"
}

# A guest destroyed; its peer has its error, and the new guest connects
for pair in "1 2" "2 1"; do
	# shellcheck disable=SC2086
	set -- $pair
	victim "$1" "$2"
	guest_destroy "$2"
	noticed "$1" "guest $2 was destroyed"
	guest_create "$2"
	again "$1" "$2"
done

# Detached by the toolstack: both sides are told; attached again, it works
victim 1 2
ivcctl detach guest2 --wait 10 || fail "guest 2 cannot be detached"
noticed 1 "guest 2 was detached"
g_kill 2 die 9
ivcctl attach guest2 --wait 20 || fail "guest 2 cannot be attached again"
again 1 2

# A module in use stays. A driver unbound: its peer is told; then the module
# goes (the kernel holds it while a device is bound), and comes back
expect_fail g 1 rmmod ivc_front
victim 2 1
g_bg 1 file 'exec 3</dev/ivc; sleep 100'
guest_unbind 1
noticed 2 "guest 1's driver was unbound"
expect_fail g 1 rmmod ivc_front
g_kill 1 die 9
# The driver's file, open, is use enough
wait_until 5 g 1 'grep -qx 1 /sys/module/ivc_front/refcnt' || fail "a process has /dev/ivc open, and the module does not know"
expect_fail g 1 rmmod ivc_front
g_kill 1 file 9
wait_until 5 g 1 rmmod ivc_front || fail "ivc-front cannot be unloaded"
expect_fail g 1 test -e /dev/ivc
g 1 insmod /ivc/ivc-front.ko
wait_until 10 connected 1 ||
	fail "guest 1 did not connect again after rmmod and insmod"
g 1 'chown root:ivc /dev/ivc'
again 1 2

# ivc-back unloaded under open channels: both are told; back, all is well
victim 1 2 ,ENODEV
expect_fail rmmod ivc_back
back_unbind
noticed 1 "ivc-back was unbound"
rmmod ivc_back
g_kill 2 die 9
insmod /ivc/ivc-back.ko
for n in 1 2; do
	wait_until 20 connected "$n" ||
		fail "guest $n did not connect again after ivc-back came back"
done
again 1 2
