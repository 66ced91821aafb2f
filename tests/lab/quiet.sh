#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=200
# While two guests poll, no interrupt, no event-channel notification and no
# hypercall belongs to a message: counted in the guests, and by Xen's own trace.

# shellcheck source=tests/lab/measure.sh
. /lab/tests/measure.sh

# counts N: interrupts of guest N's channel, doorbells it has rung, and heard
counts() {
	g "$1" "awk '/ivc-channel/ { i += \$2 } END { print i + 0 }' /proc/interrupts
		awk '\$1 > 0 { k += \$10; w += \$11 } END { print k + 0, w + 0 }' /sys/kernel/debug/ivc-front/channels" | tr '\n' ' '
}
# messages TEXT: how many the server says it has served
messages() {
	echo "$1" | awk '/^served/ { print $2 }'
}

# measure SERVER CLIENT: 40 s of ping-pong, 4 s of them looked at
measure() {
	g_bg "$1" server "$p --magic 1 --server --wait spin 2>&1"
	g_bg "$2" client "$p --magic 1 --client --wait spin --tests latency --sizes 8 --batch 5000 --seconds 40 2>&1"
	wait_until 20 g "$2" 'grep -q open /sys/kernel/debug/ivc-front/channels' ||
		fail "no channel"
	sleep 2
	before="$(counts 1) $(counts 2)"
	xen_trace_begin
	sleep 4
	xen_trace_end "/tmp/xenalyze-$1-$2"
	after="$(counts 1) $(counts 2)"
	g "$2" 'grep -q open /sys/kernel/debug/ivc-front/channels' ||
		fail "the 40 s were over before the counts were taken: a machine this slow cannot tell"
	g_wait "$2" client 60
	served=$(g_wait "$1" server 10)
	n=$(($(messages "$served") * 4 / 40))
	[ "$n" -gt 10000 ] || fail "too few messages for a count: $served"
	[ "$before" = "$after" ] ||
		fail "interrupts, kicks, wake-ups while both sides poll: $before, then $after"
	note "guests $1 and $2: about $n messages in 4 s; doorbell interrupts, kicks and wake-ups: 0"

	for guest in "$1" "$2"; do
		hypercalls "$(guest_domid "$guest")" "/tmp/xenalyze-$1-$2" >/tmp/calls
		[ -s /tmp/calls ] || fail "Xen's trace has nothing of guest $guest"
		calls=$(tr '\n' ' ' </tmp/calls)
		# The timer tick is there: the trace does see hypercalls
		grep -q vcpu_op /tmp/calls || fail "the trace misses the timer: $calls"
		rung=$(total "$notification|^grant_table_op" </tmp/calls)
		others=$(($(total </tmp/calls) - rung - $(total '^iret' </tmp/calls)))
		note "guest $guest ($(guest_type "$guest")): notifications and grant_table_op $rung; others $others and iret, of its timer and scheduler: $calls"
		# One for each message would be n at least. Beside messages a kernel
		# has xenstore, a console and processes, none of which does much.
		[ $((rung * 1000)) -lt "$n" ] || fail "guest $guest: $rung are too many beside $n messages"
		# iret ends a PV guest's system call: a process that waits long, on a
		# loaded machine, reads the clock often.
		[ $((others * 2)) -lt "$n" ] || fail "guest $guest: $others are too many beside $n messages"
	done
}

# rings SERVER CLIENT: the same pair asleep: each message is a notification, and
# the trace must show it. Otherwise the trace above could have missed them all
rings() {
	g_bg "$1" server "$p --magic 1 --server --wait sleep 2>&1"
	xen_trace_begin
	g "$2" "$p --magic 1 --client --wait sleep --tests latency --sizes 8 --iterations 1000 --warmup 0 2>&1" >/dev/null ||
		fail "the pair that sleeps: status $?"
	xen_trace_end /tmp/xenalyze-asleep
	g_wait "$1" server 10 >/dev/null
	for guest in "$1" "$2"; do
		hypercalls "$(guest_domid "$guest")" /tmp/xenalyze-asleep >/tmp/calls
		# More than a connection takes
		[ "$(total "$notification" </tmp/calls)" -gt 200 ] ||
			fail "the trace shows no notification of guest $guest that sleeps: $(cat /tmp/calls)"
	done
}

command -v xentrace >/dev/null || fail "no xentrace in Dom0"
measure 1 2
measure 2 1
rings 1 2
