#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=60 vif=yes attach=no suite=no
# Guests reach each other by TCP over the bridge, the stock way.

g 1 'head -c 500000 /dev/zero >/tmp/file'
g_bg 1 server 'httpd -f -p 7000 -h /tmp'
sleep 0.5
[ "$(g 2 'wget -q -O - http://guest1:7000/file | wc -c')" = 500000 ] ||
	fail "TCP between the guests"
g_kill 1 server
g 1 'ping -c 2 guest2'
