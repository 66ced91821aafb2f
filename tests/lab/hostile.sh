#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What scenarios of a hostile frontend in guest 3 have in common: it has no driver
# of its device, and two others exchange what they have to. Not a scenario: read
# by them.

a=/ivc/ivc-apitest

# The hypervisor, Linux's grant code and xenbus say what they think of a grant or
# port that is none: that is what they are there for.
expect_log 'grant_table.c.*(Bad (ref|flags)|Bad grant)' 'grants that are not there are offered'
expect_log 'g.e. 0x|deferring g.e|still in use' 'the hostile process ends while its pages are mapped'

# Guest 3's device has no driver from here on
g 3 'echo ivc-0 >/sys/bus/xen/drivers/ivc/unbind'
wait_until 10 g 3 rmmod ivc_front || fail "guest 3: ivc-front cannot be unloaded"

# stream MESSAGES: verified, from guest 1 to guest 2, both as users
stream() {
	g_bg 2 sink "su user -c '$a sink --magic 7 --id 2 --timeout 100'"
	g_as 1 user "$a stream --magic 7 --id 1 --peer 2 --timeout 100 --messages $1 --max 256" ||
		fail "the stream between the others: $(g_output 2 sink)"
	expect_status 0 g_wait 2 sink 20 >/dev/null
}

# driver_back: guest 3 is one like the others again
driver_back() {
	ivcctl detach guest3 --force --wait 3 || fail "guest 3 cannot be detached"
	g 3 insmod /ivc/ivc-front.ko
	guest_attach 3 || fail "guest 3 cannot be attached again"
	g_as 3 user "$a hosts --magic 7 --id 3 --expect none --timeout 10"
	forget_errors 3
}
