#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh PROGRAM...: run each test program, and add up.
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=1:${ASAN_OPTIONS-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS-}"
export TSAN_OPTIONS="halt_on_error=1:abort_on_error=1:${TSAN_OPTIONS-}"
passed=0
failed=0
for program; do
	out=$("$program")
	printf '%s\n' "$out"
	line=$(printf '%s\n' "$out" | tail -n 1)
	n=$(expr "$line" : '.*: \([0-9]*\) passed, [0-9]* failed$') || n=0
	m=$(expr "$line" : '.* passed, \([0-9]*\) failed$') || [ "$n" -gt 0 ] || m=1
	passed=$((passed + n))
	failed=$((failed + m))
done
echo "kernel: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
