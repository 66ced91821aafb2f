#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What `make check-faults` runs: run.sh DIRECTORY-THAT-WAS-BUILT-INTO
# Each call of libivc and of ivcd to the system fails, one at a time.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2086 # lists of options are meant to be split
. "$(dirname "$0")/../local/lib.sh"

faults=$bin/tests/faults/faults
inject=$bin/tests/faults/inject.so
truncate -s 4096 "$dir/orders"

# Quotas so low that a leak in ivcd shows soon: for the bystanders, two channels,
# and two that are just being closed.
few='--max-channels 12 --max-contexts 6'

# Faults of the library; ivcd has none.
broker $few
counted env LD_PRELOAD="$inject" IVC_FAULTS="$dir/orders" \
	IVC_ORDER="$dir/orders" "$faults" subject "$ivcd"
broker_end

# The same on a device, as far as possible without a hypervisor.
counted env LD_PRELOAD="$inject" IVC_FAULTS="$dir/orders" \
	IVC_ORDER="$dir/orders" "$faults" device /dev/null

# ivcd's
truncate -s 0 "$dir/orders"
truncate -s 4096 "$dir/orders"
export IVC_FAULTS="$dir/orders"
broker_with() {
	spawn env LD_PRELOAD="$inject" "$bin/tools/ivcd" "$@" 2>"$dir/ivcd.log"
	ivcd=$pid
	until_true "$soon" listening || bad 'ivcd does not start'
}
rm -f "$dir/ivcd.log"
broker_with $few
counted env IVC_ORDER="$dir/orders" "$faults" ivcd "$ivcd"
broker_end
counted env IVC_ORDER="$dir/orders" IVC_INJECT="$inject" "$faults" start \
	"$bin/tools/ivcd"
finish
