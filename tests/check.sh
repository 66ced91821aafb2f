# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# What test scripts outside of the lab call. Each check is one line; finish()
# prints `N passed, N failed`. Read by them; $dir is theirs, for what is written.

passed=0 failed=0 skipped=0

ok() {
	passed=$((passed + 1))
	echo "ok   $*"
}

bad() {
	failed=$((failed + 1))
	echo "FAIL $*"
	sed 's/^/     | /' "$dir/log"
}

skip() {
	skipped=$((skipped + 1))
	echo "skip $*"
}

# check NAME COMMAND...: passes if the command does
check() {
	name=$1
	shift
	if "$@" >"$dir/log" 2>&1; then ok "$name"; else bad "$name"; fi
}

# status N COMMAND...: passes if the command exits with N
status() {
	want=$1
	shift
	"$@"
	got=$?
	[ "$got" = "$want" ] || { echo "exit status $got, not $want"; return 1; }
}

# says TEXT COMMAND...: passes if the command says that. `says TEXT status N
# COMMAND...`: and if it exits with N
says() {
	text=$1
	shift
	"$@" >"$dir/out" 2>&1
	rc=$?
	cat "$dir/out"
	[ "$1" != status ] || [ "$rc" = 0 ] || return 1
	grep -q -e "$text" "$dir/out" && return 0
	echo "exit status $rc, and not said: $text"
	return 1
}

finish() {
	[ "$skipped" = 0 ] || echo "$skipped skipped"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
