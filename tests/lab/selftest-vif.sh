#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=60 vif=yes attach=no suite=no
# Guests reach each other by TCP over the bridge, the stock way.

g_bg 1 server 'nc -l -p 7000 | wc -c'
sleep 1
g 2 'head -c 500000 /dev/zero | nc guest1 7000'
[ "$(g_wait 1 server 10)" = 500000 ] || fail "TCP from guest 2 to guest 1"
g 1 'ping -c 2 guest2'
