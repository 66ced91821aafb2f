#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=300 suite=debug
# On the debug kernel: each allocation in the life of a channel fails once; then
# many of those of both modules, at random; then each on the way of loading a module
# that finds a device. An error each time, and no leak.

[ "$LAB_DEBUG" = yes ] || skip "only on the debug kernel (make check-debug)"
a=/ivc/ivc-apitest

# Linux itself complains of an interrupt that it could not enter in /proc, when it
# goes; the first line of anything else would still be seen.
expect_log 'remove_proc_entry\+|Call Trace' 'allocations of irq/proc.c fail, too'
expect_log 'kmemleak: Cannot allocate' 'nor has kmemleak all it wants'

# Which allocations: those that may sleep, too; and no word about each
# shellcheck disable=SC2016
may_fail='for f in failslab fail_page_alloc fail_usercopy; do
	d=/sys/kernel/debug/$f; echo 0 >$d/verbose
	[ ! -e $d/ignore-gfp-wait ] || echo N >$d/ignore-gfp-wait
	[ ! -e $d/min-order ] || echo 0 >$d/min-order; done'
# one PERCENT MODULE: of those that MODULE makes
# shellcheck disable=SC2016
some='some() { for f in failslab fail_page_alloc; do d=/sys/kernel/debug/$f
	at=$(cat /sys/module/$2/sections/.text)
	end=$(printf "%x" $(($at + $(awk -v m=$2 "\$1 == m { print \$2 }" /proc/modules))))
	echo $at >$d/require-start; echo 0x$end >$d/require-end
	echo 16 >$d/stacktrace-depth; echo -1 >$d/times; echo $1 >$d/probability; done; }'

for n in 1 2; do
	g $n "$may_fail"
	other=$((3 - n))
	g_bg $other victim "su user -c '/ivc/ivc-victim 99 1 200'"
	for how in connect accept; do
		G_TIMEOUT=200 g $n "/ivc/ivc-faults $how 99 2>&1" >"$OUT/$how$n" ||
			fail "guest $n: $(tail -n 1 "$OUT/$how$n")"
		note "guest $n ($(guest_type $n)): $(cat "$OUT/$how$n")"
	done
	g_kill $other victim 9
done

/bin/busybox sh -c "$may_fail; $some; some 10 ivc_back"
for n in 1 2; do
	g $n "$some; some 5 ivc_front"
	g_bg $n load "su user -c '/ivc/ivc-ioctl 99 40 60'"
done
for n in 1 2; do
	g_wait $n load 200 >"$OUT/load$n" 2>&1 || fail "guest $n: $(cat "$OUT/load$n")"
	g $n "$some; some 0 ivc_front"
done
/bin/busybox sh -c "$some; some 0 ivc_back"

# Those of Linux itself on that way are tried, too.
for n in 1 2; do
	g $n 'rmmod ivc_front'
	G_TIMEOUT=400 g $n "/ivc/ivc-faults load /ivc/ivc-front.ko ivc_front 2>&1" >"$OUT/insmod$n" ||
		fail "guest $n: $(tail -n 1 "$OUT/insmod$n")"
	note "guest $n ($(guest_type $n)): $(cat "$OUT/insmod$n")"
	g $n 'insmod /ivc/ivc-front.ko'
	guest_attached $n $((20 * LAB_SLOWER))
	g $n 'chown root:ivc /dev/ivc; chmod 660 /dev/ivc'
done
for d in /sys/bus/xen-backend/drivers/ivc/ivc-*; do
	echo "${d##*/}" >/sys/bus/xen-backend/drivers/ivc/unbind
done
rmmod ivc_back
/ivc/ivc-faults load /ivc/ivc-back.ko ivc_back >"$OUT/insmod0" 2>&1 ||
	fail "Dom0: $(tail -n 1 "$OUT/insmod0")"
note "Dom0: $(cat "$OUT/insmod0")"
insmod /ivc/ivc-back.ko
for n in 1 2; do
	guest_attached $n $((20 * LAB_SLOWER))
done

g_bg 2 sink "su user -c '$a sink --magic 7 --id 2 --timeout 60'"
g_as 1 user "$a stream --magic 7 --id 1 --peer 2 --timeout 60 --messages 5000"
expect_status 0 g_wait 2 sink 60
