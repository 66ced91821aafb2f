#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=240 suite=no
# A Dom0 that has no memory left, again and again, while guests connect, join,
# leave, are detached, attached and destroyed: a call that fails reports an
# error, and open channels are not affected.

a=/ivc/ivc-apitest

expect_log 'Out of memory|oom-kill|page allocation failure|Call Trace' 'Dom0 is out of memory'

# A hog takes all that is free and a little more, and is the first to be killed
hog() {
	while [ ! -e /tmp/enough ]; do
		free=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
		# shellcheck disable=SC2016 # its own
		sh -c 'echo 1000 >/proc/self/oom_score_adj; exec dd if=/dev/zero of=/dev/null bs='$((free + 40))'M count=1' 2>/dev/null || :
		hogs=$((hogs + 1))
		echo $hogs >/tmp/hogs
	done
}
hogs=0
rm -f /tmp/enough

g 1 rm -f /tmp/enough
g_bg 2 sink "$a sink --magic 7 --id 2 --timeout 60"
g_bg 1 stream "$a stream --magic 7 --id 1 --peer 2 --timeout 60 --until /tmp/enough --max 2000"
hog &
hog=$!
sleep 2
begin=$(cut -d. -f1 /proc/uptime)
rounds=0
while [ $(($(cut -d. -f1 /proc/uptime) - begin)) -lt $((LAB_TIME / 6)) ]; do
	g_bg 2 echo "$a echo --magic 3 --id 1 --count 40"
	g 1 "$a cycle --magic 3 --id 2 --peer 1 --count 40 2>&1" || fail "connecting while Dom0 has no memory"
	g_wait 2 echo 30 >/dev/null || fail "the echo"
	rounds=$((rounds + 1))
done
g 1 touch /tmp/enough
expect_status 0 g_wait 1 stream 60
expect_status 0 g_wait 2 sink 60
# And the device itself
for i in 1 2 3; do
	ivcctl detach guest1 --wait 20 || fail "guest 1 cannot be detached ($i)"
	ivcctl attach guest1 --wait 20 || fail "guest 1 cannot be attached ($i)"
done
touch /tmp/enough
wait $hog
[ "$(cat /tmp/hogs)" -ge 3 ] || fail "memory ran short only $(cat /tmp/hogs) times"
note "memory ran short $(cat /tmp/hogs) times, the kernel killed $(dmesg | grep -c 'Out of memory: Killed') hogs; $rounds rounds of 40 channels meanwhile"
