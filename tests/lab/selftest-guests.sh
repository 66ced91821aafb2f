#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=150 attach=no suite=no
# Guests reboot, power off, stop, go to a file and come back, jobs and all.

for n in 1 2; do
	before=$(g "$n" cat /proc/sys/kernel/random/boot_id)
	g_bg "$n" job 'sleep 4; echo finished'
	guest_save "$n" /tmp/saved
	expect_fail guest_alive "$n"
	guest_restore "$n" /tmp/saved
	rm /tmp/saved
	[ "$(g "$n" cat /proc/sys/kernel/random/boot_id)" = "$before" ] ||
		fail "guest $n did not come back as it went"
	[ "$(g_wait "$n" job 20)" = finished ] || fail "guest $n: its job did not go on"
	note "guest $n: saved and restored"

	guest_pause "$n"
	G_TIMEOUT=1 expect_status 124 g "$n" true
	guest_unpause "$n"
	g "$n" true

	guest_reboot "$n"
	[ "$(g "$n" cat /proc/sys/kernel/random/boot_id)" != "$before" ] ||
		fail "guest $n did not reboot"
	note "guest $n: rebooted"

	guest_shutdown "$n"
	expect_fail guest_alive "$n"
	guest_create "$n"

	[ "$(g "$n" 'yes | head -c 3000000' | md5sum)" = "$(yes | head -c 3000000 | md5sum)" ] ||
		fail "guest $n: 3 MB of output"
	note "guest $n: 3 MB of output came whole"
done
