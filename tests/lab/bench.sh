#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv time=600 vif=yes suite=no
# What `make bench-xen` shows: IVC, libxenvchan and TCP over netfront between two
# guests of one host, and what each message costs in interrupts and hypercalls.

# shellcheck source=tests/lab/measure.sh
. /lab/tests/measure.sh
run="--tests latency,bandwidth,rate --sizes 8,64,1024,8192,65536 --seconds 1"

# device_irqs N: interrupts of guest N's devices so far, without its timer
device_irqs() {
	irqs "$1" xen-dyn 'xenbus|hvc_console'
}

# sum DOMID FILE [REGEX]: hypercalls of that domain, all or of these names
sum() {
	hypercalls "$1" "$2" | total "${3:-}"
}

# counted LABEL OPTIONS N: N round trips of 8 B, and the counts of each kind
# meanwhile: interrupts, notifications, grant operations, hypercalls, Dom0's
counted() {
	over "$1"
	file=/tmp/xenalyze-$1-$3
	g_bg 1 server "$p $server --server $2 2>&1"
	sleep 1
	before=$(($(device_irqs 1) + $(device_irqs 2)))
	xen_trace_begin
	g 2 "$p $client --client --tests latency --sizes 8 --warmup 0 --iterations $3 $2 >/tmp/out.txt 2>&1" ||
		fail "$1: $(g 2 cat /tmp/out.txt)"
	xen_trace_end "$file"
	after=$(($(device_irqs 1) + $(device_irqs 2)))
	g_wait 1 server 20 >/dev/null || fail "$1: the server"
	one=$(guest_domid 1) two=$(guest_domid 2)
	echo "$((after - before))" \
		"$(($(sum "$one" "$file" "$notification") + $(sum "$two" "$file" "$notification")))" \
		"$(($(sum "$one" "$file" grant_table_op) + $(sum "$two" "$file" grant_table_op)))" \
		"$(($(sum "$one" "$file") + $(sum "$two" "$file")))" \
		"$(sum 0 "$file")"
}

# count LABEL OPTIONS N: by the difference of 3 N and N round trips, so that the
# events of starting and ending the programs do not count
count() {
	note "counting $1"
	less=$(counted "$1" "$2" "$3") || fail "$less"
	more=$(counted "$1" "$2" $((3 * $3))) || fail "$more"
	echo "$1 $3 $less $more" >>/tmp/counts
}

# shellcheck disable=SC2034 # of g
G_TIMEOUT=120
for label in ivc vchan tcp; do
	side $label "$run"
done
count ivc-spin '--wait spin' 200000
count ivc '' 200000
count ivc-sleep '--wait sleep' 20000
count vchan '' 10000
count tcp '' 1000

{
	echo "Two PV guests of one Xen host (emulated: times are QEMU's, ratios are not)"
	echo
	/ivc/ivc-pingpong --compare /tmp/ivc.json /tmp/vchan.json /tmp/tcp.json
	echo
	echo "Of each message of 8 bytes, to and fro, both guests together"
	awk '
		BEGIN {
			printf "%-10s %12s %13s %12s %12s %16s\n", "", "interrupts", "notifications", "grant ops", "hypercalls", "Dom0: hypercalls"
		}
		{
			# $2 round trips: $3 to $7; three times as many: $8 to $12
			n = 4 * $2
			printf "%-10s %12.4f %13.4f %12.4f %12.4f %16.4f\n", $1, ($8 - $3) / n, ($9 - $4) / n, ($10 - $5) / n, ($11 - $6) / n, ($12 - $7) / n
		}' /tmp/counts
} >/tmp/table.txt
save_result /tmp/table.txt /tmp/counts
