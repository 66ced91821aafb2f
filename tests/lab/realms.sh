#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh,pvh time=150 attach=no
# Three guests, two magic ids, two realms: everybody sees whom he should, and
# nobody else; a connection across realms is refused.

a=/ivc/ivc-apitest

ivcctl attach guest1 --realm red --wait 10
ivcctl attach guest2 --realm red --wait 10
ivcctl attach guest3 --realm blue --wait 10

# job N MAGIC ID EXPECT FORBID: a member that must see exactly EXPECT
job() {
	g_bg "$1" "m$2.$3" "su user -c '$a hosts --magic $2 --id $3 --expect $4 ${5:+--forbid $5} --hold 8 --timeout 40'"
}

# magic 7 in realm red: 11, 12 (guest 1) and 21 (guest 2); in blue: 31, 32
job 1 7 11 12,21 31,32,13
job 1 7 12 11,21 31,32,13
job 2 7 21 11,12 31,32,13
job 3 7 31 32 11,12,21,33
job 3 7 32 31 11,12,21,33
# magic 8: one in each realm, each alone
job 2 8 13 none 33
job 3 8 33 none 13

sleep 4
save_result /sys/kernel/debug/ivc-back/members
[ "$(grep -c '^[0-9]' /sys/kernel/debug/ivc-back/members)" = 7 ] ||
	fail "the backend has other members"

for j in 1:m7.11 1:m7.12 2:m7.21 3:m7.31 3:m7.32 2:m8.13 3:m8.33; do
	g_wait "${j%:*}" "${j#*:}" 60 || fail "$j saw others than it should"
done

# A member number is no secret: knowing it must not help across realms.
g_bg 3 blue "su user -c '$a echo --magic 9 --id 1 --count 1'"
g_bg 1 red "su user -c '$a hosts --magic 9 --id 2 --expect none --hold 3 --timeout 20'"
wait_until 10 sh -c 'grep -q " 9 1 " /sys/kernel/debug/ivc-back/members'
member=$(awk '$4 == 9 && $5 == 1 { print $1 }' /sys/kernel/debug/ivc-back/members)
out=$(g_as 1 user "$a reach --magic 9 --id 3 --peer $member --errno ENOENT" 2>&1) ||
	fail "a connect across realms: $out"
note "across realms: $out"
g_wait 1 red 30
g_kill 3 blue
wait_until 10 sh -c '! grep -q "^[0-9]" /sys/kernel/debug/ivc-back/members' ||
	fail "members are left: $(cat /sys/kernel/debug/ivc-back/members)"
for n in 1 2 3; do
	ivcctl detach "guest$n" --wait 10
done
