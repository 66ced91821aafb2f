#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh attach=no time=240
# ivcctl: the nodes it writes, their owners, detach, the policy, --watch.

# With the drivers in place the states move by themselves; without, never.
[ -e /ivc/ivc-back.ko ] && g 1 'grep -q ivc_front /proc/modules' && drivers=yes || drivers=no
[ -x /ivc/ivcctl ] || skip "no ivcctl in the payload"
note "drivers: $drivers"

one=$(guest_domid 1) two=$(guest_domid 2)
fe() { echo "/local/domain/$1/device/ivc/0"; }
be() { echo "/local/domain/0/backend/ivc/$1/0"; }
node() { xenstore-read "$1" 2>/dev/null || echo absent; }
is() {
	[ "$(node "$1")" = "$2" ] || fail "$1 is '$(node "$1")', not '$2'"
}
# perms PATH: as (n3,r0); the second form is of xenstore-ls of directories
perms() {
	xenstore-ls -f -p "${1%/*}" | sed -n "s|^$1 = .*(\(.*\))\$|\1|p"
}
owned() {
	[ "$(perms "$1")" = "$2" ] || fail "$1 is owned '$(perms "$1")', not '$2'"
}
gone() {
	[ "$(node "$1")" = absent ] || fail "$1 is still there"
}
# says TEXT COMMAND...: whatever its status
says() {
	text=$1
	shift
	out=$("$@" 2>&1) || :
	case $out in
	*"$text"*) ;;
	*) fail "not said: '$text', but: $out" ;;
	esac
}
attached() { [ "$(node "$(fe "$1")/backend")" != absent ]; }
detached() { ! attached "$1" && [ "$(node "$(be "$1")/state")" = absent ]; }

## nothing attached yet, and guests that cannot be attached
says 'no guest is attached' ivcctl list
says 'no guest called' ivcctl attach nobody
says 'there is no domain 999' ivcctl attach 999
expect_status 1 ivcctl attach nobody
expect_status 1 ivcctl detach guest1
says 'is not attached' ivcctl detach guest1
says 'is not attached' ivcctl realm guest1

## the nodes and their permissions
ivcctl attach guest1 --realm red --max-channels 7
xenstore-ls -f -p >"$OUT/xenstore.txt"
is "$(fe "$one")/backend" "$(be "$one")"
is "$(fe "$one")/backend-id" 0
is "$(be "$one")/frontend" "$(fe "$one")"
is "$(be "$one")/frontend-id" "$one"
is "$(be "$one")/online" 1
is "$(be "$one")/realm" red
is "$(be "$one")/max-channels" 7
is "$(be "$one")/max-contexts" 64
is "$(be "$one")/max-pages" 16384
is "$(be "$one")/max-pending" 64
is "$(be "$one")/max-rate" 5000
for n in backend backend-id state; do
	owned "$(fe "$one")/$n" "n$one,r0"
done
for n in frontend frontend-id online realm max-channels max-pages state; do
	owned "$(be "$one")/$n" "n0,r$one"
done
says 'attached already' ivcctl attach "$one"
expect_status 1 ivcctl attach guest1
says red ivcctl realm guest1
says guest1 ivcctl list
says '"realm": "red"' ivcctl list --json
if [ "$drivers" = no ]; then
	is "$(fe "$one")/state" 1
	is "$(be "$one")/state" 1
fi

## --wait tells which side is missing
if [ "$drivers" = yes ]; then
	says 'guest2 is connected' ivcctl attach guest2 --wait 20
	is "$(fe "$two")/state" 4
	is "$(be "$two")/state" 4
	says connected ivcctl list
	says requests/s ivcctl stat --count 1
	ivcctl list --members >"$OUT/members.txt"
	ivcctl list --channels >"$OUT/channels.txt"
else
	expect_status 1 ivcctl attach guest2 --wait 2
	ivcctl detach guest2
	says 'the guest did not come' ivcctl attach guest2 --wait 1
	ivcctl detach guest2
	says 'the backend did not come' ivcctl attach guest2 --wait 1
fi

## another realm; detach; nothing is left
ivcctl realm guest1 blue
is "$(be "$one")/realm" blue
is "$(be "$one")/max-channels" 7
ivcctl detach guest1
ivcctl detach "$two" --wait 20
detached "$one" || fail "guest1 has nodes left"
! xenstore-ls -f | grep /ivc/ || fail "nodes are left"

## two at once: one of them attaches
(ivcctl attach guest1 && echo won >/tmp/a) 2>/dev/null &
(ivcctl attach guest1 && echo won >/tmp/b) 2>/dev/null &
wait
[ "$(cat /tmp/a /tmp/b 2>/dev/null)" = won ] || fail "two attached the same guest"
ivcctl detach guest1

## what a dead domain has left does not keep its successor out
xenstore-write "$(be "$one")/frontend" /local/domain/old "$(be "$one")/state" 4
says 'attached guest1' ivcctl attach guest1
is "$(be "$one")/frontend" "$(fe "$one")"
ivcctl detach guest1

## the policy
cat >/tmp/policy <<-END
	guest guest1 realm=green max-pages=100 # and not more
	guest guest2 deny
END
ivcctl attach --all --policy /tmp/policy >"$OUT/all.txt"
is "$(be "$one")/realm" green
is "$(be "$one")/max-pages" 100
detached "$two" || fail "guest2 was denied, and is attached"
ivcctl detach guest1
echo 'guest * relm=green' >>/tmp/policy
says '/tmp/policy:3: ' ivcctl attach --all --policy /tmp/policy
expect_status 1 ivcctl attach --all --policy /tmp/policy
detached "$one" || fail "a policy with an error attached a guest"
ivcctl attach --all --once
attached "$one" || fail "without a policy all are attached: not guest1"
attached "$two" || fail "without a policy all are attached: not guest2"
is "$(be "$two")/realm" default
ivcctl detach guest1
ivcctl detach guest2

## --watch: guests come and go; leftovers of a dead one are removed
echo 'guest guest* realm=green' >/tmp/policy
xenstore-write "$(be 999)/frontend" /local/domain/999/device/ivc/0
ivcctl attach --all --watch --policy /tmp/policy --pid-file /run/ivcctl.pid >"$OUT/watch.txt" 2>&1 &
watcher=$!
wait_until 10 attached "$one" || fail "--watch did not attach guest1"
wait_until 10 attached "$two" || fail "--watch did not attach guest2"
[ "$(cat /run/ivcctl.pid)" = $watcher ] || fail "the pid file is wrong"
says 'a daemon runs already' ivcctl attach --all --watch --pid-file /run/ivcctl.pid
gone "$(be 999)/frontend"
guest_destroy 1
wait_until 10 detached "$one" || fail "nodes of a destroyed guest are left"
guest_start 1
labctl ready guest1 60
one=$(guest_domid 1)
wait_until 10 attached "$one" || fail "--watch did not attach the new guest1"
is "$(be "$one")/realm" green

# By hand means by hand, until the policy is read again.
ivcctl detach guest2
xl rename guest1 guest1b && xl rename guest1b guest1
sleep 1
detached "$two" || fail "--watch attached again what was detached by hand"
echo 'guest * realm=yellow' >/tmp/policy
kill -HUP $watcher
wait_until 10 attached "$two" || fail "SIGHUP did not attach guest2"
is "$(be "$two")/realm" yellow

# A guest that crashed is dead, also if xl keeps it for a look.
expect_log 'Kernel panic|sysrq|[cC]rash|Call Trace' 'guest2 is told to crash'
expect_log 'PCI: Fatal: No config space' 'a PVH guest, which has no PCI, boots here'
guest_destroy 2
guest_config 2 | sed 's/^on_crash.*/on_crash="preserve"/' >/run/lab/guest2.cfg
xl create -q /run/lab/guest2.cfg
labctl ready guest2 60
two=$(guest_domid 2)
wait_until 10 attached "$two" || fail "--watch did not attach the new guest2"
labctl exec -t 2 guest2 'echo 1 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger' >/dev/null 2>&1 || :
wait_until 20 detached "$two" || fail "nodes of a crashed guest are left: $(xl list)"
says 'is dead' ivcctl attach "$two"
xl destroy guest2
guest_create 2

kill $watcher
wait $watcher || fail "--watch ended with $?"
[ ! -e /run/ivcctl.pid ] || fail "the pid file is left"
says stopped cat "$OUT/watch.txt"

## in the background
ivcctl attach --all --watch --daemon --policy /tmp/policy --pid-file /run/ivcctl.pid
wait_until 10 attached "$(guest_domid 2)" || fail "--daemon did not attach guest2"
kill "$(cat /run/ivcctl.pid)"
wait_until 5 test ! -e /run/ivcctl.pid || fail "the daemon does not end"
echo 'nonsense' >/tmp/policy
expect_status 1 ivcctl attach --all --watch --daemon --policy /tmp/policy

## xenstored gone: said so, and not hung
if command -v socat >/dev/null; then
	socat UNIX-LISTEN:/run/proxy,fork UNIX-CONNECT:/run/xenstored/socket &
	proxy=$!
	wait_until 5 test -S /run/proxy
	XENSTORED_PATH=/run/proxy ivcctl attach --all --watch >"$OUT/lost.txt" 2>&1 &
	watcher=$!
	sleep 2
	# The listener, and the child that has the connection.
	for p in $proxy $(pidof socat); do
		kill "$p" 2>/dev/null || :
	done
	status=0
	wait $watcher || status=$?
	[ $status = 1 ] || fail "without xenstored --watch ends with $status"
	says 'xenstored has gone' cat "$OUT/lost.txt"
fi
for n in 1 2; do
	ivcctl detach "guest$n" >/dev/null 2>&1 || :
done
xenstore-ls -f >"$OUT/xenstore-end.txt"
! grep /ivc/ "$OUT/xenstore-end.txt" || fail "nodes are left"
