#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What scenarios of MPI jobs on two hosts have in common: of four guests two go to
# the other host, and come back at the end. Not a scenario: read by them.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

apart() {
	watch_both
	for n in 3 4; do
		migrate_guest $n || fail "guest $n cannot go"
	done
}
together() {
	for n in 3 4; do
		return_guest $n || fail "guest $n cannot come back"
	done
	unwatch
}
