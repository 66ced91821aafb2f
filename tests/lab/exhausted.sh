#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=300 attach=no suite=no dom0=xen.fifo_events=0
# Guests without a grant, an event channel or a mapping left, and a Dom0 without
# event channels: each step fails in its turn, says so, and leaves nothing behind.

[ "$LAB_DEBUG" = no ] || skip "gntalloc cannot be loaded again on the debug kernel"
a=/ivc/ivc-apitest
expect_log 'max_grant_frames reached|gnttab_expand' 'the table is full because we fill it'

# there_are N WHAT: how many of them guest N has left
there_are() {
	g "$1" "echo 100000 >/sys/module/xen_gntalloc/parameters/limit
		/ivc/ivc-exhaust $2 count 2>/dev/null"
	[ "$2" = ports ] || g "$1" 'rmmod xen_gntalloc && insmod /modules/xen-gntalloc.ko limit=100000'
}

# exhaust N WHAT TAKE: in the background, once all that is closed is let go of
exhaust() {
	sleep 1
	g_bg "$1" exhaust "/ivc/ivc-exhaust $2 $3"
	wait_until 20 g "$1" 'grep -q ^exhausts /run/lab/exhaust.out' || fail "guest $1: $(g_output "$1" exhaust)"
}

# Tables that are soon full: 2048 grants. Of mappings a PVH guest may have few.
for n in 1 2; do
	guest_destroy $n
	GUEST_XL='max_grant_frames=4'
	[ "$(guest_type $n)" = pv ] || GUEST_XL="$GUEST_XL
max_maptrack_frames=4"
	guest_create $n || fail "guest $n is not made with a small grant table"
	ivcctl attach guest$n --max-channels 4000 --max-pages 100000 --wait 10
	grants=$(there_are $n grants) ports=$(there_are $n ports)
	note "guest $n has $grants grants and $ports ports left"
	eval "grants$n=$grants ports$n=$ports"
	# short WHAT LEFT COMMAND...: while there are only so many left
	g_put $n /tmp/short <<-'END'
	what=$1 left=$2
	shift 2
	: >/tmp/exhaust
	/ivc/ivc-exhaust $what $(($(cat /tmp/$what) - left)) >/tmp/exhaust 2>&1 &
	p=$!
	until grep -q . /tmp/exhaust; do sleep 0.02; done
	grep -q ^exhausts /tmp/exhaust || { cat /tmp/exhaust; exit 3; }
	"$@"
	s=$?
	kill -9 $p
	wait $p
	exit $s
	END
	g $n "echo $grants >/tmp/grants; echo $ports >/tmp/ports"
	# refused WHAT LEFT...: connecting fails with ENOSPC
	g_put $n /tmp/refused <<-END
	what=\$1
	shift
	sleep 1
	for left; do
		sh /tmp/short \$what \$left $a cycle --magic 3 --id 2 --peer 1 \
			--count 1 --timeout 10 >/tmp/out 2>&1 &&
			{ echo "connected with \$left \$what"; exit 1; }
		grep -q ENOSPC /tmp/out || { echo "\$left \$what:"; cat /tmp/out; exit 1; }
	done
	sh /tmp/short \$what \$((left + 1)) $a cycle --magic 3 --id 2 --peer 1 \
		--count 1 --timeout 10 2>&1
	END
done

# accepter N WHAT LEFT...: guest N has no room to accept; but with one more it has
accepter() {
	n=$1 what=$2 have=0
	eval "have=\$$what$n"
	shift 2
	for left; do
		exhaust "$n" "$what" $((have - left))
		out=$(g $((3 - n)) "$a cycle --magic 3 --id 2 --peer 1 --count 1 --timeout 10 2>&1") &&
			fail "guest $n accepts with $left $what"
		echo "$out" | grep -q ECONNREFUSED || fail "guest $n cannot accept with $left $what: $out"
		g_kill "$n" exhaust 9
	done
	exhaust "$n" "$what" $((have - left - 1))
	g $((3 - n)) "$a cycle --magic 3 --id 2 --peer 1 --count 1 --timeout 10 2>&1" ||
		fail "guest $n does not accept with $((left + 1)) $what"
	g_kill "$n" exhaust 9
}

# A channel of the default size: 16 pages, two control pages, and the directory
for n in 1 2; do
	g_bg $((3 - n)) echo "$a echo --magic 3 --id 1"
	G_TIMEOUT=100 g $n "sh /tmp/refused grants $(seq -s " " 0 18)" ||
		fail "guest $n offers without grants"
	g $n "sh /tmp/refused ports 0" || fail "guest $n offers without event channels"
	g_kill $((3 - n)) echo 9
	note "guest $n ($(guest_type $n)): connecting fails with 0 to 18 grants left, with no port; not with one more"
	sleep 1
	g_bg $n echo "$a echo --magic 3 --id 1 --errno ENOSPC"
	accepter $n grants 0 1 17 18
	accepter "$n" ports 0
	g_kill "$n" echo 9
done

# As many channels as mappings last, and then again as many as before
g_bg 1 echo "$a echo --magic 4 --id 1 2>&1"
out=$(G_TIMEOUT=100 g 2 "$a many --magic 4 --id 2 --peer 1 --channels 90 --tx-size 4096 2>&1") &&
	fail "guest 2 maps more than it may"
echo "$out" | grep -q ENOSPC || fail "guest 2 without mappings: $out"
g 2 "$a many --magic 4 --id 2 --peer 1 --channels 20 --tx-size 4096 2>&1" ||
	fail "guest 2 has lost mappings"
g_kill 1 echo 9

# A device cannot be connected: it fails, and can be tried again
unattachable() {
	ivcctl attach guest1 --wait 5 && fail "guest 1 is attached without $*"
	ivcctl detach guest1 --force --wait 5 || fail "guest 1 cannot be detached without $*"
	forget_errors 1
}
ivcctl detach guest1 --wait 10
sleep 3 # of channels just closed the last grants are ended by a timer
grants=$(there_are 1 grants) ports=$(there_are 1 ports)
for short in "grants $grants" "grants $((grants - 1))" "ports $ports"; do
	# shellcheck disable=SC2086 # two words
	exhaust 1 $short
	unattachable "$short"
	g_kill 1 exhaust 9
done
# Dom0 has 4096 here, since it uses the older kind of them (dom0=); else 131072
ports=$(ivc-exhaust ports count) || fail "Dom0's ports cannot be used up"
ivc-exhaust ports "$ports" >/tmp/exhaust 2>&1 &
exhaust=$!
wait_until 60 grep -q . /tmp/exhaust
note "Dom0 $(cat /tmp/exhaust)"
grep -q ^exhausts /tmp/exhaust || fail "Dom0: $(cat /tmp/exhaust)"
unattachable "ports of Dom0"
kill -9 $exhaust
wait $exhaust || :
ivcctl attach guest1 --wait 10 || fail "guest 1 cannot be attached again"

g_bg 2 sink "$a sink --magic 7 --id 2 --timeout 30"
g 1 "$a stream --magic 7 --id 1 --peer 2 --timeout 30 --messages 5000"
expect_status 0 g_wait 2 sink 20
for n in 1 2; do
	ivcctl detach guest$n --wait 10
	guest_destroy $n
	GUEST_XL='' guest_create $n
done
