#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The fuzzers of this folder, built in DIR:
#
#   run.sh DIR check            the inputs kept in corpus/, then as many mutations
#                               of them as take a few seconds, the same each time;
#                               then some of them with the peer in a thread
#   run.sh DIR search SECONDS   new ones, all fuzzers in turn; a third of the time
#                               with the peer in a thread
#   run.sh DIR keep             the least of what a search has left in DIR that
#                               reaches as much, into corpus/
#
# An input that breaks something is left in DIR/found, to be run by
# DIR/FUZZER FILE, and the status is not 0.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:?usage: run.sh DIR check|search|keep}
fuzzers="reader writer channel"
max=600

# unpack FUZZER: one input a line, in hexadecimal, becomes one input a file
unpack() {
	local n=0 line

	mkdir -p "$dir/$1.corpus" "$dir/found"
	while read -r line; do
		n=$((n + 1))
		# shellcheck disable=SC2001 # ${//} knows no "what was found"
		printf '%b' "$(sed 's/../\\x&/g' <<<"$line")" \
			>"$dir/$1.corpus/$(printf %04d $n)"
	done <"$here/corpus/$1"
}

# fuzz FUZZER OPTION...: quiet unless it finds something
fuzz() {
	local name=$1
	shift

	"$dir/$name" -max_len=$max -artifact_prefix="$dir/found/$name-" \
		-print_final_stats=1 "$@" >"$dir/$name.log" 2>&1 || {
		tail -n 60 "$dir/$name.log"
		echo "fuzz: $name found something, see above and $dir/found"
		exit 1
	}
}

runs_of() {
	sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$1.log"
}

check() {
	local f n storms

	for f in $fuzzers; do
		rm -rf "$dir/$f.corpus"
		unpack "$f"
		fuzz "$f" -seed=1 -runs=60000 "$dir/$f.corpus"
		n=$(runs_of "$f")
		storms=$(find "$dir/$f.corpus" -name '0*0' | sort)
		# shellcheck disable=SC2086 # a list of files
		IVC_FUZZ_STORM=1 fuzz "$f" $storms
		echo "fuzz: $f: $n scripts, $(wc -w <<<"$storms") storms: nothing found"
	done
}

search() {
	local seconds=$(($1 / 9)) f n

	for f in $fuzzers; do
		unpack "$f"
		fuzz "$f" -max_total_time=$((2 * seconds)) "$dir/$f.corpus"
		n=$(runs_of "$f")
		IVC_FUZZ_STORM=1 fuzz "$f" -max_total_time=$seconds
		echo "fuzz: $f: $n scripts, $(runs_of "$f") storms: nothing found"
	done
}

keep() {
	local f file

	for f in $fuzzers; do
		rm -rf "$dir/$f.least"
		mkdir -p "$dir/$f.least"
		fuzz "$f" -merge=1 "$dir/$f.least" "$dir/$f.corpus"
		for file in "$dir/$f.least"/*; do
			od -An -v -tx1 "$file" | tr -d ' \n'
			echo
		done | sort >"$here/corpus/$f"
		wc -l "$here/corpus/$f"
	done
}

case ${2:-} in
check) check ;;
search) search "${3:?how many seconds?}" ;;
keep) keep ;;
*) sed -n '/^#  /s/^# //p' "$0" && exit 2 ;;
esac
