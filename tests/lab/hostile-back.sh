#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=480 suite=debug
# A backend that lies to both guests in every way: their kernels and processes go
# on, come back to it each time, and are as before when ivc-back is back.

seconds=${HOSTILE_SECONDS:-30}
a=/ivc/ivc-apitest

back_unload

# A reply takes 5 s to be given up, HOSTS asks for 10 s, CONNECT twice
for n in 1 2; do
	g_bg $n load "su user -c '/ivc/ivc-ioctl 99 $((seconds + 150)) 45'"
	ivc-hostile-back "$(guest_domid $n)" "$seconds" >"$OUT/back$n" 2>&1 &
	eval "back$n=$!"
done
for n in 1 2; do
	eval "wait \$back$n" || fail "guest $n: $(cat "$OUT/back$n")"
	note "guest $n ($(guest_type $n)): $(cat "$OUT/back$n")"
done
for n in 1 2; do
	g_wait $n load 240 >"$OUT/load$n" 2>&1 || fail "guest $n: $(cat "$OUT/load$n")"
	note "guest $n: $(cat "$OUT/load$n")"
done

# A broken control ring counts as a backend that has gone, though this backend only
# says no more: ENODEV at once, not ETIMEDOUT
ivc-hostile-back "$(guest_domid 1)" 20 stay &
stay=$!
sleep 4
g_as 1 user "$a hosts --magic 1 --id 1 --expect none --timeout 1 2>&1" >"$OUT/broken" &&
	fail "guest 1 is in a group without a backend"
grep -q 'ENODEV\|No such device' "$OUT/broken" || fail "guest 1: $(cat "$OUT/broken")"
wait $stay

insmod /ivc/ivc-back.ko
# Guest 1 has closed its device, because its backend went without a word: the toolstack
# must detach the guest. Guest 2 connects again by itself.
ivcctl detach guest1 --force --wait 10 || fail "guest 1 cannot be detached"
guest_attach 1 || fail "guest 1 cannot be attached again"
for n in 1 2; do
	guest_attached $n 20 || fail "guest $n does not come back to ivc-back"
done
forget_errors 1 2
g_bg 2 sink "su user -c '$a sink --magic 7 --id 2 --timeout 30'"
g_as 1 user "$a stream --magic 7 --id 1 --peer 2 --timeout 30 --messages 20000"
expect_status 0 g_wait 2 sink 20
