#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh,pv,pv,pv time=300 suite=no
# Three guests at once whose frontends break every rule they know, each with
# another attack all the time: the two others exchange what they have to.

# shellcheck source=tests/lab/hostile.sh
. /lab/tests/hostile.sh

for n in 3 4 5; do
	no_driver $n
done

# Each goes through these from another place, again and again, until told
set -- nodes states ctlring 'messages 6' 'rewrite 6' 'storm 4' \
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
	stream 20000 2000 1 2
	stream 20000 2000 2 1
	streams=$((streams + 2))
done
for n in 3 4 5; do
	g $n touch /tmp/enough
done
for n in 3 4 5; do
	g_wait $n attacks 90 >"$OUT/attacks$n" 2>&1 || fail "guest $n: $(tail -n 2 "$OUT/attacks$n")"
	attacks=$(grep -vc '^[.][.][.]' "$OUT/attacks$n")
	note "guest $n: $attacks attacks, one after the other"
	[ "$attacks" -ge 5 ] || fail "guest $n has not done much"
done
note "meanwhile $streams streams of 20000 messages, each byte right"
for n in 3 4 5; do
	driver_back $n
done
