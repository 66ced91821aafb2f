#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 vif=yes time=3400 suite=no
# A guest goes to another host and comes back, ten times in a row, while a pair
# of programs streams both ways without pause: over IVC when they are on one
# host, over TCP when they are not. Nothing is lost, doubled, out of order.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

go() {
	migrate_guest 1
}
back() {
	return_guest 1
}

watch_both
roam "--mode stream --seconds 3300"
rounds 10 go back
unharmed
unwatch
