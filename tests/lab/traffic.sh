#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pvh,pvh time=420 mem=160 cpus=4
# A million verified messages of mixed sizes, ten with --full: PV-PV, PVH-PVH, PV-PVH, and
# between two processes of one guest; by users without privileges.

a=/ivc/ivc-apitest

# pair FROM TO MAGIC MESSAGES MAX [OPTION...]: a verified stream from guest to
# guest, with both copies and in place; MESSAGES with --full
pair() {
	from=$1 to=$2 magic=$3 n=$(as_much "$4") max=$5
	shift 5
	g "$to" "su user -c '$a sink --magic $magic --id 1 $* >/tmp/sink.$magic 2>&1; echo \$? >/tmp/status.$magic' &"
	G_TIMEOUT=100 g_as "$from" user "$a stream --magic $magic --id 2 --peer 1 \
		--messages $n --max $max --seed $magic $* 2>&1" ||
		fail "guest $from to $to: $(g "$to" cat /tmp/sink."$magic")"
	wait_until 30 g "$to" "test -s /tmp/status.$magic" ||
		fail "guest $to does not come to an end"
	[ "$(g "$to" cat /tmp/status."$magic")" = 0 ] ||
		fail "guest $to: $(g "$to" cat /tmp/sink."$magic")"
	note "guest $from ($(guest_type "$from")) to $to ($(guest_type "$to")), $n messages up to $max bytes $*: $(g "$to" tail -1 /tmp/sink."$magic")"
}

# g_as N other: not in group ivc, no way in
expect_fail g_as 1 other "$a hosts --magic 1 --id 1 --expect none --timeout 1"

pair 1 2 11 2450000 256
pair 3 4 12 2400000 256
pair 1 3 13 1200000 256
pair 4 2 14 1200000 256 --zero-copy
pair 1 1 15 1500000 256
pair 3 3 16 1200000 256
# Larger ones: every size of record, rings of other sizes
pair 2 1 21 50000 20000
pair 4 3 22 10000 20000 --tx-size 4096
pair 3 1 23 20000 60000 --tx-size 1048576 --zero-copy
