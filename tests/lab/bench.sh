#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv time=600 vif=yes suite=no
# What `make bench-xen` shows: IVC, libxenvchan and TCP over netfront between two
# guests of one host, and what each message costs in interrupts and hypercalls.

# shellcheck source=tests/lab/measure.sh
. /lab/tests/measure.sh
run="--tests latency,bandwidth,rate --sizes 8,64,1024,8192,65536 --seconds 1"
looked=4

# device_irqs N: seconds, and interrupts of guest N's devices so far; those of its
# timer are left out
device_irqs() {
	echo "$(g "$1" cut -d "' '" -f 1 /proc/uptime) $(irqs "$1" xen-dyn 'xenbus|hvc_console')"
}

# sum DOMID FILE [REGEX]: hypercalls of that domain, all or of these names
sum() {
	hypercalls "$1" "$2" | awk -v re="${3:-.}" '$1 ~ re { n += $2 } END { print n + 0 }'
}

# count LABEL OPTIONS: 8 B to and fro for some time, some of it looked at
count() {
	note "counting $1"
	over "$1"
	g_bg 1 server "$p $server --server $2 2>&1"
	sleep 1
	g_bg 2 client "$p $client --client --tests latency --sizes 8 --seconds 16 $2 --json /tmp/out.json 2>&1"
	sleep 6
	# While it runs, commands in the guests would count, too.
	before="$(device_irqs 1) $(device_irqs 2)"
	xen_trace $looked
	after="$(device_irqs 1) $(device_irqs 2)"
	xen_analyze "/tmp/xenalyze-$1"
	g_wait 2 client 60 >/dev/null || fail "$1: the client"
	g_wait 1 server 20 >/dev/null || fail "$1: the server"
	rate=$(g 2 cat /tmp/out.json | sed -n 's/.*"messages_per_s": \([0-9.]*\).*/\1/p')
	file=/tmp/xenalyze-$1
	one=$(guest_domid 1) two=$(guest_domid 2)
	echo "$1 $rate $before $after" \
		"$(($(sum "$one" "$file") + $(sum "$two" "$file")))" \
		"$(($(sum "$one" "$file" "$notification") + $(sum "$two" "$file" "$notification")))" \
		"$(($(sum "$one" "$file" grant_table_op) + $(sum "$two" "$file" grant_table_op)))" \
		"$(sum 0 "$file")" >>/tmp/counts
}

# shellcheck disable=SC2034 # of g
G_TIMEOUT=120
for label in ivc vchan tcp; do
	side $label "$run"
done
count ivc-spin '--wait spin'
count ivc ''
count ivc-sleep '--wait sleep'
count vchan ''
count tcp ''

{
	echo "Two PV guests of one Xen host (emulated: times are QEMU's, ratios are not)"
	echo
	/ivc/ivc-pingpong --compare /tmp/ivc.json /tmp/vchan.json /tmp/tcp.json
	echo
	echo "For each message of 8 bytes to and fro, both guests together, looked at for $looked s"
	awk -v looked="$looked" '
		BEGIN {
			printf "%-10s %12s %12s %12s %12s %12s %14s\n", "", "messages/s", "interrupts", "notifications", "grant ops", "hypercalls", "Dom0: hypercalls"
		}
		{
			# guests 1 and 2 at first: time $3 $5, count $4 $6; then $7 to $10
			irqs = ($8 - $4) / ($7 - $3) + ($10 - $6) / ($9 - $5)
			n = $2 * looked
			printf "%-10s %12.0f %12.4f %13.4f %12.4f %12.4f %14.4f\n", $1, $2, irqs / $2, $12 / n, $13 / n, $11 / n, $14 / n
		}' /tmp/counts
} >/tmp/table.txt
save_result /tmp/table.txt /tmp/counts
