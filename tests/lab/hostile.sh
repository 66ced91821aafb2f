#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What scenarios of a hostile frontend in guest 3 (or more) have in common: there is
# no driver of its device, and two others exchange what they have to. Not a
# scenario: read by them.

a=/ivc/ivc-apitest

# The hypervisor, Linux's grant code and xenbus log each use of a grant or port that
# does not exist, as they should.
expect_log 'grant_table.c.*(Bad (ref|flags)|Bad grant)' 'grants that are not there are offered'
expect_log 'g.e. 0x|deferring g.e|still in use' 'the hostile process ends while its pages are mapped'

# no_driver N: guest N's device has no driver from here on
no_driver() {
	guest_unbind "$1"
	wait_until 10 g "$1" rmmod ivc_front || fail "guest $1: ivc-front cannot be unloaded"
}

# stream MESSAGES [MAX [FROM TO]]: verified, of up to MAX bytes, from guest FROM to
# guest TO, both as users
stream() {
	set -- "$1" "${2:-256}" "${3:-1}" "${4:-2}"
	g_bg "$4" sink "su user -c '$a sink --magic 7 --id $4 --timeout 100'"
	g_as "$3" user "$a stream --magic 7 --id $3 --peer $4 --timeout 100 --messages $1 --max $2" ||
		fail "the stream between the others: $(g_output "$4" sink)"
	expect_status 0 g_wait "$4" sink 20 >/dev/null
}

# driver_back N: guest N is one like the others again
driver_back() {
	ivcctl detach "guest$1" --force --wait 3 || fail "guest $1 cannot be detached"
	g "$1" insmod /ivc/ivc-front.ko
	guest_attach "$1" || fail "guest $1 cannot be attached again"
	g_as "$1" user "$a hosts --magic 7 --id $1 --expect none --timeout 10"
	forget_errors "$1"
}
