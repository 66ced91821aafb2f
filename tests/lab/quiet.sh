#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=200
# While two guests poll, no interrupt, no event-channel notification and no
# hypercall belongs to a message: counted in the guests, and by Xen's own trace.

# shellcheck source=tests/lab/measure.sh
. /lab/tests/measure.sh

# console LEVEL: which words of the guests' kernels go there
console() {
	for guest in $(guest_numbers); do
		g "$guest" "dmesg -n $1"
	done
}

# kicks N: doorbells that guest N's channel has rung, and heard
kicks() {
	g "$1" "awk '\$1 > 0 { k += \$10; w += \$11 } END { print k + 0, w + 0 }' /sys/kernel/debug/ivc-front/channels"
}
# messages TEXT: how many the server says it has served
messages() {
	echo "$1" | awk '/^served/ { print $2 }'
}

# measure SERVER CLIENT: 30 s of ping-pong, 4 s of them looked at
measure() {
	g_bg "$1" server "$p --magic 1 --server --wait spin 2>&1"
	g_bg "$2" client "$p --magic 1 --client --wait spin --tests latency --sizes 8 --batch 5000 --seconds 30 2>&1"
	wait_until 20 g "$2" 'grep -q open /sys/kernel/debug/ivc-front/channels' ||
		fail "no channel"
	sleep 2
	before="$(irqs 1 ivc-channel) $(irqs 2 ivc-channel) $(kicks 1) $(kicks 2)"
	xen_trace_begin
	sleep 4
	xen_trace_end "/tmp/xenalyze-$1-$2"
	after="$(irqs 1 ivc-channel) $(irqs 2 ivc-channel) $(kicks 1) $(kicks 2)"
	g "$2" 'grep -q open /sys/kernel/debug/ivc-front/channels' ||
		fail "the 30 s were over before the counts were taken: a machine this slow cannot tell"
	g_wait "$2" client 60
	served=$(g_wait "$1" server 10)
	n=$(($(messages "$served") * 4 / 30))
	[ "$n" -gt 10000 ] || fail "too few messages for a count: $served"
	[ "$before" = "$after" ] ||
		fail "interrupts, kicks, wake-ups while both sides poll: $before, then $after"
	note "guests $1 and $2: about $n messages in 4 s; doorbell interrupts, kicks and wake-ups: 0"

	for guest in "$1" "$2"; do
		calls=$(hypercalls "$(guest_domid "$guest")" "/tmp/xenalyze-$1-$2")
		[ -n "$calls" ] || fail "Xen's trace has nothing of guest $guest"
		# The timer tick is there: the trace does see hypercalls
		echo "$calls" | grep -q vcpu_op || fail "the trace misses the timer: $calls"
		if echo "$calls" | grep -E "$notification|^grant_table_op"; then
			fail "guest $guest: $calls"
		fi
		total=$(echo "$calls" | awk '$1 != "iret" { n += $2 } END { print n }')
		note "guest $guest ($(guest_type "$guest")): notifications 0, grant_table_op 0; all others $total, of its timer and scheduler: $(echo "$calls" | tr '\n' ' ')"
		# One for each message would be n. iret is how a PV guest's system
		# calls end: who waits long on a loaded machine reads the clock often.
		[ $((total * 2)) -lt "$n" ] ||
			fail "guest $guest: $total hypercalls are too many beside $n messages"
	done
}

# rings SERVER CLIENT: the same pair asleep; each message is a notification, and
# the trace shows it: else it would show none above, whatever there was
rings() {
	g_bg "$1" server "$p --magic 1 --server --wait sleep 2>&1"
	xen_trace_begin
	g "$2" "$p --magic 1 --client --wait sleep --tests latency --sizes 8 --seconds 3 2>&1" >/dev/null
	xen_trace_end /tmp/xenalyze-asleep
	g_wait "$1" server 10 >/dev/null
	for guest in "$1" "$2"; do
		calls=$(hypercalls "$(guest_domid "$guest")" /tmp/xenalyze-asleep)
		# More than a connection takes
		echo "$calls" | awk -v re="$notification" '$1 ~ re { n += $2 } END { exit n < 200 }' ||
			fail "the trace shows no notification of guest $guest that sleeps: $calls"
	done
}

command -v xentrace >/dev/null || fail "no xentrace in Dom0"
# A kernel that says something notifies its console
console 1
measure 1 2
measure 2 1
rings 1 2
console 8
