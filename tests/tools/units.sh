#!/bin/sh
# SPDX-License-Identifier: MIT
# The systemd units of ivcd: units.sh DIRECTORY-THAT-WAS-BUILT-INTO
# One line per check; the last line is `N passed, N failed`.

bin=${1:?directory that was built into}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=tests/check.sh
. "$(dirname "$0")/../check.sh"

# The exposure as systemd rates it, in tenths
unit_exposure() {
	mkdir -p "$dir/units"
	sed "s|@SBINDIR@|$(realpath "$bin/tools")|" tools/ivcd/ivcd.service \
		>"$dir/units/ivcd.service"
	SYSTEMD_UNIT_PATH=$dir/units: systemd-analyze security --offline=true \
		--no-pager --threshold=20 "$dir/units/ivcd.service"
}
if ! command -v systemd-analyze >/dev/null; then
	skip 'the unit is confined: no systemd-analyze here'
elif ! systemd-analyze security --help 2>&1 | grep -q -e --offline; then
	skip 'the unit is confined: this systemd-analyze knows no --offline'
else
	check "ivcd's unit is confined: an exposure of at most 2.0" unit_exposure
fi

finish
