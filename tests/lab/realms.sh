#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh,pvh time=150 attach=no
# Three guests, two magic ids, two realms: each member sees the members of
# its group and no other; a connection across realms is refused.

a=/ivc/ivc-apitest

ivcctl attach guest1 --realm red --wait 10
ivcctl attach guest2 --realm red --wait 10
ivcctl attach guest3 --realm blue --wait 10

# member GUEST:MAGIC:ID: start it, or with a signal number end it
member() {
	_guest=${1%%:*} _id=${1##*:} _magic=${1#*:}
	_magic=${_magic%:*}
	if [ -n "${2:-}" ]; then
		g_kill "$_guest" "m$_magic.$_id" "$2"
	else
		g_bg "$_guest" "m$_magic.$_id" "su user -c '$a echo --magic $_magic --id $_id'"
	fi
}
members() {
	[ "$(grep -c '^[0-9]' /sys/kernel/debug/ivc-back/members)" = "$1" ]
}

# Of job 7 two in guest 1, one in guest 2, two in guest 3; of job 8 one in each
all="1:7:11 1:7:12 2:7:21 3:7:31 3:7:32 1:8:11 2:8:21 3:8:31"
for m in $all; do
	member "$m"
done
wait_until 20 members 8 || fail "the backend does not have the 8 members"
save_result /sys/kernel/debug/ivc-back/members
g 3 'grep -q "^7 32 " /sys/kernel/debug/ivc-front/contexts' ||
	fail "guest 3: $(g 3 cat /sys/kernel/debug/ivc-front/contexts)"

# sees GUEST MAGIC EXPECT FORBID: one who joins sees exactly EXPECT
sees() {
	g_as "$1" user "$a hosts --magic $2 --id 99 --expect $3 --forbid $4 --hold 1 --timeout 10" ||
		fail "guest $1, job $2: others than $3"
}
sees 1 7 11,12,21 31,32
sees 2 7 11,12,21 31,32
sees 3 7 31,32 11,12,21
sees 1 8 11,21 31
sees 2 8 11,21 31
sees 3 8 31 11,21
sees 1 9 none 11

# A member number is no secret: knowing it must not help across realms or jobs
number() {
	awk -v magic="$1" -v id="$2" '$4 == magic && $5 == id { print $1 }' \
		/sys/kernel/debug/ivc-back/members
}
g_as 1 user "$a reach --magic 7 --id 99 --member $(number 7 31) --errno ENOENT" ||
	fail "across realms"
g_as 3 user "$a reach --magic 7 --id 99 --member $(number 7 11) --errno ENOENT" ||
	fail "across realms, the other way"
g_as 1 user "$a reach --magic 7 --id 99 --member $(number 8 21) --errno ENOENT" ||
	fail "across jobs"
g_as 1 user "$a reach --magic 7 --id 99 --member 123456 --errno ENOENT" ||
	fail "to nobody"
# The same id twice in a job
g_as 2 user "$a echo --magic 7 --id 11" 2>&1 | grep -q EADDRINUSE ||
	fail "one id twice"

# Joins and leaves reach whom they should
member 1:7:12 9
wait_until 10 members 7 || fail "a killed process is still a member"
sees 2 7 11,21 12
member 2:7:22
wait_until 10 members 8
sees 1 7 11,21,22 12

for m in $all 2:7:22; do
	[ "$m" = 1:7:12 ] || member "$m" 9
done
wait_until 10 members 0 || fail "members are left"
for n in 1 2 3; do
	ivcctl detach "guest$n" --wait 10
done

# An invalid realm, by an administrator who writes xenstore by hand: the guest is
# alone, not in a realm with other guests of the same mistake
expect_log 'realm is not' 'that is what it should say'
for n in 1 2; do
	ivcctl attach "guest$n" --realm red --wait 10
	id=$(guest_domid $n)
	echo "ivc-$id-0" >/sys/bus/xen-backend/drivers/ivc/unbind
	xenstore-write "/local/domain/0/backend/ivc/$id/0/realm" 'a b'
	echo "ivc-$id-0" >/sys/bus/xen-backend/drivers/ivc/bind
	guest_attached $n 20 || fail "guest $n does not come back"
	member $n:7:${n}1
done
wait_until 20 members 2 || fail "the backend does not have the 2 members"
sees 1 7 11 21
sees 2 7 21 11
for n in 1 2; do
	member $n:7:${n}1 9
	ivcctl detach "guest$n" --wait 10
done
