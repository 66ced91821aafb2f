#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh,pv,pv,pv time=300 suite=no
# Three guests at once whose frontends break every rule they know, each with
# another attack all the time: the two others exchange what they have to.

a=/ivc/ivc-apitest

expect_log 'grant_table.c.*(Bad (ref|flags)|Bad grant)' 'grants that are not there are offered'
expect_log 'g.e. 0x|deferring g.e|still in use' 'the hostile process ends while its pages are mapped'

for n in 3 4 5; do
	g $n 'echo ivc-0 >/sys/bus/xen/drivers/ivc/unbind'
	wait_until 10 g $n rmmod ivc_front || fail "guest $n: ivc-front cannot be unloaded"
done

# Each goes through these from another place, again and again, until told
set -- nodes states ring 'messages 6' 'rewrite 6' 'storm 4' \
	'flood-requests 6' 'flood-members 6 7' 'flood-events 6' 'flood-states 6' 'flood-nodes 6'
for n in 3 4 5; do
	first=$1 second=$2 third=$3
	shift 3
	set -- "$@" "$first" "$second" "$third"
	g_put $n /tmp/attacks <<-END
	while :; do
		$(for attack; do
			echo "[ ! -e /tmp/enough ] || exit 0
			/ivc/ivc-hostile $attack || { echo \"in $attack\"; exit 1; }"
		done)
	done
	END
	g_bg $n attacks "sh /tmp/attacks 2>&1"
done

begin=$(cut -d. -f1 /proc/uptime)
streams=0
while [ $(($(cut -d. -f1 /proc/uptime) - begin)) -lt $((LAB_TIME / 2)) ]; do
	for pair in '1 2' '2 1'; do
		from=${pair% *} to=${pair#* }
		g_bg "$to" sink "su user -c '$a sink --magic 7 --id $to --timeout 100'"
		g_as "$from" user "$a stream --magic 7 --id $from --peer $to --timeout 100 --messages 20000 --max 2000" ||
			fail "the stream between the others: $(g_output "$to" sink)"
		expect_status 0 g_wait "$to" sink 20 >/dev/null
		streams=$((streams + 1))
	done
done
for n in 3 4 5; do
	g $n touch /tmp/enough
done
for n in 3 4 5; do
	g_wait $n attacks $((90 * LAB_SLOWER)) >"$OUT/attacks$n" 2>&1 || fail "guest $n: $(tail -n 2 "$OUT/attacks$n")"
	note "guest $n: $(wc -l <"$OUT/attacks$n") attacks, one after the other"
	[ "$(wc -l <"$OUT/attacks$n")" -ge 5 ] || fail "guest $n has not done much"
done
note "meanwhile $streams streams of 20000 messages, each byte right"
for n in 3 4 5; do
	ivcctl detach guest$n --force --wait 3 || fail "guest $n cannot be detached"
	g $n insmod /ivc/ivc-front.ko
	guest_attach $n || fail "guest $n cannot be attached again"
done
forget_errors 3 4 5
