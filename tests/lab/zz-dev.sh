#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=120 attach=no
# development scratch

attach() {
	_d=$(guest_domid "$1")
	_f=/local/domain/$_d/device/ivc/0
	_b=/local/domain/0/backend/ivc/$_d/0
	xenstore-write $_f/backend $_b $_f/backend-id 0 $_f/state 1
	xenstore-chmod -r $_f n$_d r0
	xenstore-chmod $_f/state n$_d r0
	xenstore-write $_b/frontend-id $_d $_b/online 1 $_b/realm default $_b/state 1
	xenstore-chmod -r $_b n0 r$_d
	xenstore-write $_b/frontend $_f
	xenstore-chmod $_b/frontend n0 r$_d
}
for n in $(guest_numbers); do attach $n; done
sleep 2
xenstore-ls -f | grep ivc || true
dmesg | tail -5
cat /sys/kernel/debug/ivc-back/frontends || true
g 1 'dmesg | tail -3; ls -l /dev/ivc'
g 2 'dmesg | tail -3; ls -l /dev/ivc'
g_bg 1 srv '/ivc/ivc-pingpong --magic 42 --server'
sleep 1
cat /sys/kernel/debug/ivc-back/members
g 2 '/ivc/ivc-pingpong --magic 42 --client --seconds 1 --sizes 4,64,1024,8192 2>&1' || true
cat /sys/kernel/debug/ivc-back/channels
g_wait 1 srv 10 || true
g 1 'dmesg | tail -20'
