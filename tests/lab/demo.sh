#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv time=240 vif=yes suite=no
# ivc-pingpong between two guests, beside TCP over netfront and libxenvchan in
# the same run: what `make demo` shows.

p=/ivc/ivc-pingpong
sizes=4,64,1024,8192,65536
run="--tests latency,bandwidth,rate --sizes $sizes --seconds 1 --json"

# side LABEL SERVER-OPTIONS CLIENT-OPTIONS: one measurement, its JSON saved
side() {
	note "measuring $1"
	g_bg 1 server "$p $2 --server 2>&1"
	sleep 1
	g 2 "$p $3 --client $run /tmp/out.json --label $1 >/tmp/out.txt 2>&1" ||
		fail "$1: $(g 2 cat /tmp/out.txt)"
	g 2 cat /tmp/out.json >"/tmp/$1.json"
	g_wait 1 server 20 >/dev/null || fail "$1: the server"
	save_result "/tmp/$1.json"
}

# shellcheck disable=SC2034 # of g
G_TIMEOUT=120
side ivc "--magic 42" "--magic 42"
side tcp "--tcp 5042" "--tcp 10.77.0.1:5042"
side vchan "--vchan-server $(guest_domid 2)" "--vchan $(guest_domid 1)"

note "verifying"
g_bg 1 server "$p --magic 43 --server 2>&1"
g 2 "$p --magic 43 --client --mixed 100000 --verify 2>&1" | tail -1 >/tmp/verified.txt
g_wait 1 server 20 >/dev/null

{
	echo "Two PV guests of one Xen host (emulated: times are QEMU's, ratios are not)"
	echo
	/ivc/ivc-pingpong --compare /tmp/ivc.json /tmp/tcp.json /tmp/vchan.json
	echo
	cat /tmp/verified.txt
} >/tmp/table.txt
save_result /tmp/table.txt
