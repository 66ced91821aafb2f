#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv vif=yes time=900 suite=no
# A guest is saved and restored, ten times in a row, while a pair of programs
# streams both ways without pause: over IVC while it runs, over TCP until it is
# found again. Nothing is lost, doubled, out of order.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

save() {
	guest_save 1 /tmp/image
}
restore() {
	guest_restore 1 /tmp/image && rm /tmp/image
}

watch
roam "--mode stream --seconds 800"
rounds 10 save restore
unharmed
unwatch
