#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=500
# Guests are saved, restored, copied (a suspend that is cancelled), with channels
# in mid-transfer: nothing is lost, both sides are told, and they connect again.

# shellcheck disable=SC2016 # for a guest's shell
# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

# transfer MOVER STAYER N: N channels between them, both ways, without pause
transfer() {
	g_bg "$2" stayer "$a shuttle --magic 7 --id $2 --count $3 --errno EREMCHG --hold 60 2>&1"
	g_bg "$1" mover "$a shuttle --magic 7 --id $1 --expect $2 --channels $3 --errno EREMCHG --how moves --zero-copy --hold 60 2>&1"
	wait_until 30 flying "$3" || fail "no $3 channels"
	sleep 1
}
settle() {
	collect "$2" stayer
	collect "$1" mover
	balance "$3" stayer mover
	grep -q 'moved and arrived' /tmp/out.mover || fail "the mover was not told"
	grep -q stayed /tmp/out.stayer || fail "the stayer was told that it moved"
}

# The guest that moves, and the guest that stays: with --full both the PV and the PVH
# guest do all moves, else each does some.
first=2:1 second=1:2
[ "$LAB_FULL" = no ] || first="1:2 2:1" second="1:2 2:1"

watch
mkdir /tmp/full
mount -t tmpfs -o size=10m full /tmp/full
for pair in $first; do
	set -- "${pair%:*}" "${pair#*:}"
	## saved, restored
	transfer "$1" "$2" 8
	guest_save "$1" /tmp/image || fail "guest $1 cannot be saved"
	collect "$2" stayer
	guest_restore "$1" /tmp/image || fail "guest $1 cannot be restored"
	rm /tmp/image
	settle "$1" "$2" 8
	again "$1" "$2"
	note "$(g "$1" dmesg | grep 'handed over')"

	## copied: the guest goes on where it was
	transfer "$1" "$2" 8
	xl save -c "guest$1" /tmp/image || fail "guest $1 cannot be copied"
	rm /tmp/image
	settle "$1" "$2" 8
	again "$2" "$1"

	## saved to where there is no room: the suspend is called off
	transfer "$1" "$2" 8
	expect_fail guest_save "$1" /tmp/full/image
	labctl ready "guest$1" 30 || fail "guest $1 does not go on"
	settle "$1" "$2" 8
	again "$1" "$2"
done
umount /tmp/full

## both at once
g_bg 2 stayer "$a shuttle --magic 7 --id 2 --count 6 --errno EREMCHG --how moves --hold 90 2>&1"
g_bg 1 mover "$a shuttle --magic 7 --id 1 --expect 2 --channels 6 --errno EREMCHG --how moves --hold 90 2>&1"
wait_until 30 flying 6 || fail "no 6 channels"
sleep 1
guest_save 1 /tmp/image1 &
guest_save 2 /tmp/image2 || fail "guest 2 cannot be saved beside guest 1"
wait $! || fail "guest 1 cannot be saved beside guest 2"
for n in 1 2; do
	guest_restore $n /tmp/image$n || fail "guest $n cannot be restored"
	rm /tmp/image$n
done
collect 1 mover
collect 2 stayer
balance 6 stayer mover
again 1 2

## the peer's process is stopped: its kernel answers for it
transfer 1 2 4
g 2 'kill -STOP $(pidof ivc-apitest)'
guest_save 1 /tmp/image || fail "guest 1 cannot be saved"
g 2 'kill -CONT $(pidof ivc-apitest)'
guest_restore 1 /tmp/image || fail "guest 1 cannot be restored"
settle 1 2 4

## the peer's guest is stopped, and answers to nothing: it is cut off
# shellcheck disable=SC2034 # of balance
doubt=8192
for pair in $second; do
	set -- "${pair%:*}" "${pair#*:}"
	transfer "$1" "$2" 4
	guest_pause "$2"
	guest_save "$1" /tmp/image || fail "guest $1 cannot be saved beside a paused one"
	guest_unpause "$2"
	guest_restore "$1" /tmp/image || fail "guest $1 cannot be restored"
	settle "$1" "$2" 4
	g "$1" dmesg | grep -q 'cut off' || fail "nobody was cut off"
	again "$1" "$2"
done
unwatch
