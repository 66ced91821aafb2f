#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=90
# Guests boot, answer, and have the users and devices tests rely on.

for n in $(guest_numbers); do
	note "guest $n ($(guest_type "$n")): Linux $(g "$n" uname -r)"
	[ "$(g "$n" hostname)" = "guest$n" ] || fail "guest $n: wrong host name"
	[ "$(g_as "$n" user id)" = "uid=1000(user) gid=1000(user) groups=900(ivc),1000(user)" ] ||
		fail "guest $n: user: $(g_as "$n" user id)"
	expect_fail g_as "$n" other 'id | grep ivc'
	g "$n" 'ls -l /dev/xen/evtchn /dev/xen/gntdev /dev/xen/gntalloc' >/dev/null
	if g "$n" '[ -e /dev/ivc ]'; then
		[ "$(g "$n" 'stat -c "%U:%G %a" /dev/ivc')" = "root:ivc 660" ] ||
			fail "guest $n: $(g "$n" ls -l /dev/ivc)"
	fi
done

note "Xen $(xl info xen_version)"

# The control path: status, both streams, bulk, background jobs.
expect_status 7 g 1 'exit 7'
expect_status 137 g 1 'kill -9 $$'
[ "$(g 1 'echo out; echo err >&2' 2>/dev/null)" = out ] || fail "streams are mixed"
[ "$(g 2 'head -c 300000 /dev/zero | tr "\0" x' | wc -c)" = 300000 ] || fail "bulk output is cut"
G_TIMEOUT=2 expect_status 124 g 1 'sleep 60'
g 1 'sleep 1; ! pidof sleep' || fail "a command outlived its time limit"

g_bg 1 job 'sleep 1; echo finished; exit 3'
expect_status 124 g_wait 1 job 0
expect_status 3 g_wait 1 job 10
[ "$(g_output 1 job)" = finished ] || fail "a job's output is lost"
g_bg 2 long 'sleep 1000'
g_kill 2 long
expect_status 143 g_wait 2 long 10

printf "it's\n" | g_put 2 /tmp/file
[ "$(g 2 cat /tmp/file)" = "it's" ] || fail "g_put"
