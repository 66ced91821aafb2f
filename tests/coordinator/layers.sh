#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# No file of the coordinator calls one above it in the list of layers that
# internal.h and tcp-internal.h begin with: layers.sh DIRECTORY-THAT-WAS-BUILT-INTO
set -u
objects=$1/coordinator
here=$(cd "$(dirname "$0")/../.." && pwd)

# layers HEADER: the names in its first comment, from top to bottom
layers() {
	awk '/\*\// && n++ { exit }
		/^ \*   [a-z]/ { print $2 }' "$here/coordinator/$1"
}

# check HEADER: every layer there is calls layers below it alone
check() {
	above=''
	for layer in $(layers "$1"); do
		[ -e "$objects/$layer.o" ] || {
			echo "$1 names $layer, which is no file"; return 1; }
		for upper in $above; do
			nm -g --defined-only "$objects/$upper.o" | awk '{ print $3 }' |
				sort >"$dir/has"
			nm -u "$objects/$layer.o" | awk '{ print $2 }' |
				sort >"$dir/wants"
			calls=$(comm -12 "$dir/has" "$dir/wants")
			[ -z "$calls" ] || {
				echo "$layer.c calls $upper.c, which is above it: $calls"
				return 1; }
		done
		above="$above $layer"
	done
	[ -n "$above" ] || { echo "$1 names no layers"; return 1; }
}

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
check internal.h && check tcp-internal.h || exit 1
for o in "$objects"/*.o; do
	layer=$(basename "$o" .o)
	{ layers internal.h; layers tcp-internal.h; } | grep -qx "$layer" || {
		echo "$layer.c is in no list of layers"; exit 1; }
done
