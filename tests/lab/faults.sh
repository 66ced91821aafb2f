#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=400 suite=debug
# On the debug kernel: each allocation in the life of a channel fails once; then
# many of those of both modules, at random; then each on the way of loading a module
# that finds a device. An error each time, and no leak.

[ "$LAB_DEBUG" = yes ] || skip "only on the debug kernel (make check-debug)"
a=/ivc/ivc-apitest

# Linux complains when an interrupt is freed whose entry in /proc could not be made.
# The first line of any other complaint is still seen.
expect_log 'remove_proc_entry\+|Call Trace' 'allocations of irq/proc.c fail, too'
expect_log 'kmemleak: Cannot allocate' 'nor has kmemleak all it wants'

# Which allocations: those that may sleep, too; and no word about each
# shellcheck disable=SC2016
may_fail='for f in failslab fail_page_alloc fail_usercopy; do
	d=/sys/kernel/debug/$f; echo 0 >$d/verbose
	[ ! -e $d/ignore-gfp-wait ] || echo N >$d/ignore-gfp-wait
	[ ! -e $d/min-order ] || echo 0 >$d/min-order; done'
# some PERCENT MODULE [DEPTH]: of those that MODULE makes, so many calls deep
# shellcheck disable=SC2016
some='some() { for f in failslab fail_page_alloc; do d=/sys/kernel/debug/$f
	at=$(cat /sys/module/$2/sections/.text)
	end=$(printf "%x" $(($at + $(awk -v m=$2 "\$1 == m { print \$2 }" /proc/modules))))
	echo $at >$d/require-start; echo 0x$end >$d/require-end
	echo ${3:-16} >$d/stacktrace-depth; echo -1 >$d/times; echo $1 >$d/probability; done; }'

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

# Loading a module without a device, and binding it to one. Linux's own allocations
# on the way fail, too: Linux complains when it removes an entry that it could not add.
expect_log 'sysfs_remove_group\+|kobject_add_internal failed' 'allocations of sysfs fail, too'
# walks RUN MODULE BUS DEVICE: RUN runs it, in a guest or here; it is not loaded
walks() {
	_run=$1 _dev=$4
	$_run "echo 0 >/sys/bus/$3/drivers_autoprobe"
	for walk in "load /ivc/ivc-$2.ko ivc_$2" "bind $3 $4"; do
		[ "${walk%% *}" = load ] || $_run "insmod /ivc/ivc-$2.ko"
		G_TIMEOUT=400 $_run "/ivc/ivc-faults $walk 2>&1" >/tmp/walk || fail "$_run: $(tail -n 1 /tmp/walk)"
		note "$_run: $(tail -n 1 /tmp/walk)"
	done
	$_run "echo 1 >/sys/bus/$3/drivers_autoprobe; rmmod ivc_$2; insmod /ivc/ivc-$2.ko"
}
in_dom0() {
	/bin/busybox sh -c "$1"
}
for n in 1 2; do
	guest_unbind $n
	g $n rmmod ivc_front
	walks "g $n" front xen ivc-0
	g $n 'chown root:ivc /dev/ivc; chmod 660 /dev/ivc'
done
back_unload
walks in_dom0 back xen-backend "ivc-$(guest_domid 1)-0"

# xenbus's thread connects a device: allocations of that thread fail at random. Not
# deeper: a watch that Linux could not remove would stay for ever, and keep the next
# watch from being set.
/bin/busybox sh -c "$some; some 4 ivc_back 8"
g 1 "$some; some 4 ivc_front 8"
came=0
for _ in $(seq 15); do
	ivcctl detach guest1 --force --wait 5 >/dev/null 2>&1 || :
	! ivcctl attach guest1 --wait 3 >/dev/null 2>&1 || came=$((came + 1))
done
/bin/busybox sh -c "$some; some 0 ivc_back"
g 1 "$some; some 0 ivc_front"
note "guest 1: attached $came times of 15"
ivcctl detach guest1 --force --wait 5 >/dev/null 2>&1 || :
ivcctl attach guest1 --wait 20 || fail "guest 1 cannot be attached any more"
guest_attached 2 20 || fail "guest 2 does not come back"
forget_errors 1 2

g_bg 2 sink "su user -c '$a sink --magic 7 --id 2 --timeout 60'"
g_as 1 user "$a stream --magic 7 --id 1 --peer 2 --timeout 60 --messages 5000"
expect_status 0 g_wait 2 sink 60
