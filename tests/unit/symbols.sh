#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The shared library exports what ivc.h declares, all of it and nothing else.
# Usage: symbols.sh LIBRARY HEADER
set -eu
lib=$1
header=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
nm -D --defined-only "$lib" | awk '$2 == "T" { print $3 }' |
	sed 's/@.*//' | sort >"$tmp/exported"
# Declarations begin in the first column; comments and bodies do not.
${CC:-gcc} -E -P -I"$(dirname "$header")/.." "$header" |
	grep -o '\bivc_[a-z_]*(' | tr -d '(' | sort -u >"$tmp/declared"
if ! diff -u "$tmp/declared" "$tmp/exported"; then
	echo "symbols: $lib does not export what $header declares" >&2
	exit 1
fi
others=$(nm -D --defined-only "$lib" | awk '$2 != "T" && $2 != "A"')
if [ -n "$others" ]; then
	echo "symbols: exports more than functions: $others" >&2
	exit 1
fi
echo "symbols: $(wc -l <"$tmp/exported") functions, all IVC_0.1"
