#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What `make check-arm64` runs: run.sh DIRECTORY-THAT-WAS-BUILT-INTO
# The ring, the library and ivcd compiled for another processor, one whose
# memory accesses are not in order, and run by qemu-user. (On x86 that does not
# take the liberties that the processor has; the compiler does.)
real=$(cd "${1:?directory that was built into}" && pwd)
wrapped=$(mktemp -d) || exit 1

# wrap PROGRAM: the same name, run by qemu
wrap() {
	mkdir -p "$wrapped/$(dirname "$1")"
	printf '#!/bin/sh\nexec qemu-aarch64 %s "$@"\n' "$real/$2" >"$wrapped/$1"
	chmod 755 "$wrapped/$1"
}
wrap tests/local/ivc-apitest static/ivc-apitest
wrap tools/ivcd tools/ivcd
set -- "$wrapped"
local=$(dirname "$0")/../local
# shellcheck source=tests/local/lib.sh
. "$local/lib.sh"
trap 'cleanup; rm -rf "$wrapped"' EXIT

readelf -h "$real/tools/ivcd" | grep -q AArch64 || bad 'not built for arm64'
# shellcheck disable=SC2119 # its arguments are for ivcd
broker
# shellcheck source=tests/local/scenarios.sh
. "$local/scenarios.sh"
broker_end
finish
