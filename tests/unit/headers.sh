#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Each header compiles alone, and twice, without a warning.
# Usage: headers.sh INCLUDE-DIR c|c++ HEADER...
set -eu
dir=$1
lang=$2
shift 2
case $lang in
c) compiler="${CC:-gcc} -std=c11 -Wpedantic" ;;
c++) compiler="${CXX:-g++} -std=c++11" ;;
*) exit 2 ;;
esac
n=0
for h; do
	# A header of macros alone would make an empty program, which C forbids.
	printf '#include <ivc/%s>\n#include <ivc/%s>\nextern int end;\n' "$h" "$h" |
		$compiler -Wall -Wextra -Werror -I"$dir" -fsyntax-only \
			-x "$lang" -
	n=$((n + 1))
done
echo "headers: $n compile alone in $lang"
