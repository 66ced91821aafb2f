#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh hosts=2 time=240 attach=no suite=no
# Live migration of a PVH guest between two hosts; a job in it lives on.

# shellcheck disable=SC2016 # for the guest's shell
g_bg 1 count 'i=0; while [ ! -e /tmp/stop ]; do sleep 0.2; i=$((i+1)); done; echo "counted $i"'
before=$(g 1 cat /proc/sys/kernel/random/boot_id)
migrate_guest 1 || fail "the migration failed"
guest_alive 1 && fail "guest 1 is still here"
[ "$(on_host2 g 1 cat /proc/sys/kernel/random/boot_id)" = "$before" ] ||
	fail "guest 1 did not arrive as it left"
on_host2 g 1 touch /tmp/stop
note "on host 2: $(on_host2 g_wait 1 count 10)"
