#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv time=240 vif=yes suite=no
# ivc-pingpong between two guests, beside TCP over netfront and libxenvchan in
# the same run: what `make demo` shows.

# shellcheck source=tests/lab/measure.sh
. /lab/tests/measure.sh
sizes=4,64,1024,8192,65536
run="--tests latency,bandwidth,rate --sizes $sizes --seconds 1"

# shellcheck disable=SC2034 # of g
G_TIMEOUT=120
for label in ivc tcp vchan; do
	side $label "$run"
done

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
