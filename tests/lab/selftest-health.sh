#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=120 attach=no suite=no
# Each health check finds the fault that it exists for, and passes without the fault.

inner=$OUT/inner

begin() {
	rm -rf "$inner"
	mkdir "$inner"
	cp "$OUT/held-before" "$inner/"
	health_begin "$inner"
}

# reported REGEX: the check must fail, and say why
reported() {
	if HEALTH_SETTLE=0 health_end "$inner"; then
		fail "the health check does not see: $1"
	fi
	grep -qE "$1" "$inner/health.txt" || {
		cat "$inner/health.txt"
		fail "the health check sees something, but not: $1"
	}
	note "seen: $(grep -E -m 1 "$1" "$inner/health.txt")"
}

content() {
	health_end "$inner" || {
		cat "$inner/health.txt"
		fail "the health check complains of nothing"
	}
}

begin
content

# Logs: a guest's kernel, Dom0's, Xen's, and a guest that is dead.
expect_log 'lab selftest' 'written here'
begin
g 1 'echo "<4>WARNING: lab selftest" >/dev/kmsg'
reported 'guest1.dmesg.*WARNING: lab selftest'
begin
echo '<3>BUG: lab selftest' >/dev/kmsg
reported 'dom0.dmesg.*BUG: lab selftest'
expect_log 'key .g. pressed|gnttab_usage_print' 'a debug key, to have a line in the log of Xen'
begin
xl debug-keys g
reported 'xen.log.*gnttab'
expect_log 'sysrq triggered crash|Call Trace|BUG|Oops|Domain [0-9]+ .*crashed' 'guest 2 is crashed'
begin
g_bg 2 crash 'sleep 0.5; echo c >/proc/sysrq-trigger'
labctl gone guest2 20 || fail "guest 2 does not crash"
reported 'guest2.console.*Kernel panic'
guest_create 2

# Usage: a grant, an event channel, a node.
begin
g_bg 1 grant "agent hold-grant $(guest_domid 2)"
sleep 0.5
reported 'leak: held now: +grant guest1 guest2 1'
g_kill 1 grant
content
begin
g_bg 2 port "agent hold-port $(guest_domid 1)"
sleep 0.5
reported 'leak: held now: +evtchn guest2 unbound guest1 1'
g_kill 2 port
content
begin
xenstore-write /local/domain/0/backend/ivc/77/0/state 4
reported 'leak: held now: +node /local/domain/dom0/backend/ivc/domain77/0/state'
xenstore-rm /local/domain/0/backend/ivc/77
xenstore-rm /local/domain/0/backend/ivc
content
