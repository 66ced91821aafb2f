#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# layers.sh BUILD: checks that no file of the coordinator calls a file above it in
# the lists of layers at the top of internal.h and tcp-internal.h.
set -u
objects=$1/coordinator
here=$(cd "$(dirname "$0")/../.." && pwd)

# layers HEADER: the layers in its first comment, from top to bottom
layers() {
	awk '/\*\// && n++ { exit }
		/^ \*   [a-z]/ { print $2 }' "$here/coordinator/$1"
}

# check HEADER: every layer calls only layers below it
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
