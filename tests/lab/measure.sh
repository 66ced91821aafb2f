#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What scenarios that measure with ivc-pingpong have in common. Not a scenario:
# read by them.

p=/ivc/ivc-pingpong

# over LABEL: $server and $client, the options of the two ends: IVC, TCP over
# netfront, libxenvchan; between guest 1, the server, and guest 2
over() {
	case $1 in
	ivc*) server="--magic 42" client="--magic 42" ;;
	tcp*) server="--tcp :5042" client="--tcp 10.77.0.1:5042" ;;
	vchan*)
		server="--vchan-server $(guest_domid 2)"
		client="--vchan $(guest_domid 1)"
		;;
	esac
}

# side LABEL OPTIONS-OF-THE-CLIENT: one measurement, in /tmp/LABEL.json
side() {
	note "measuring $1"
	over "$1"
	g_bg 1 server "$p $server --server 2>&1"
	sleep 1
	g 2 "$p $client --client $2 --json /tmp/out.json --label $1 >/tmp/out.txt 2>&1" ||
		fail "$1: $(g 2 cat /tmp/out.txt)"
	g 2 cat /tmp/out.json >"/tmp/$1.json"
	g_wait 1 server 20 >/dev/null || fail "$1: the server"
	save_result "/tmp/$1.json"
}

# irqs N NAME [NOT]: interrupts of guest N so far whose lines in /proc/interrupts
# match NAME, and not NOT
irqs() {
	g "$1" "awk '/$2/ && !/${3:-^$}/ { for (i = 2; i <= NF && \$i ~ /^[0-9]+\$/; i++) n += \$i } END { print n + 0 }' /proc/interrupts"
}

# hypercalls DOMID FILE: what Xen's trace, told by xenalyze, has of that domain,
# "name count" a line
hypercalls() {
	awk -v dom="Domain $1 --" '
		/^\|-- Domain/ { in_dom = index($0, dom) }
		in_dom && /\[ *[0-9]+\]: / && $1 ~ /^[a-z_]+$/ { print $1, $NF }
		in_dom && /^ *\[ *[a-z_]+\] / { gsub(/[][]/, " "); print $1, $2 }
	' "$2"
}

# total [REGEX]: of such lines, all or of these names
total() {
	awk -v re="${1:-.}" '$1 ~ re { n += $2 } END { print n + 0 }'
}

# What xenalyze calls a notification: its older name is that of an older call
# shellcheck disable=SC2034 # for who reads this
notification='^(evtchn_op|event_channel_op)'

# xen_trace_begin, xen_trace_end FILE: all hypercalls between the two calls, by kind.
# The guests are paused when the trace begins, so that each is scheduled anew: before
# its first scheduling the owner of a CPU is not known. The hypercalls of a guest with
# a CPU of its own would belong to no guest; and xenalyze, which notes only the guest
# of a PVH guest's first hypercall, would name none of them.
xen_trace_begin() {
	for guest in $(guest_numbers); do
		guest_pause "$guest"
	done
	xentrace -D -e 0x002af000 -T 120 /tmp/trace >/dev/null 2>&1 &
	tracer=$!
	# It has opened the buffers when there is a file.
	wait_until 10 test -e /tmp/trace
	for guest in $(guest_numbers); do
		guest_unpause "$guest"
	done
}
xen_trace_end() {
	kill -INT "$tracer"
	wait "$tracer" || :
	xenalyze --summary --svm-mode /tmp/trace >"$1" 2>/dev/null
	rm /tmp/trace
	save_result "$1"
}
