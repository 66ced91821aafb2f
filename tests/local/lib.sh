# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the checks of the local transport can call, beside tests/check.sh.

bin=${1:?directory that was built into}
here=$(cd "$(dirname "$0")" && pwd)
api=$bin/tests/local/ivc-apitest
hostile=$bin/tests/local/hostile
dir=$(mktemp -d) || exit 1
# Users without privileges need access, too.
chmod 755 "$dir"
export IVC_TRANSPORT=local IVC_SOCKET="$dir/s"
pids='' one=''
# shellcheck source=tests/check.sh
. "$here/../check.sh"
# Seconds in which what takes milliseconds must have come about. A machine that
# is busy with something else is not a failure.
soon=30
# Seconds after which ivcd disconnects a client that does not read
stall=3

cleanup() {
	for p in $pids; do kill -9 "$p" 2>/dev/null; done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

bad() {
	failed=$((failed + 1))
	echo "FAIL $*"
	# Its remains must not be in the way of the next one.
	[ -z "$one" ] || kill -9 "$one" 2>/dev/null
	for f in log one ivcd.log; do
		[ ! -s "$dir/$f" ] || sed "s/^/     $f | /" "$dir/$f" | tail -20
	done
}

# counted COMMAND...: each of its lines that begins with ok or FAIL is a check;
# passes none if it has not come to its end
counted() {
	"$@" >"$dir/counted" 2>&1
	rc=$?
	grep -v '^ok ' "$dir/counted"
	p=$(grep -c '^ok ' "$dir/counted")
	f=$(grep -c '^FAIL ' "$dir/counted")
	passed=$((passed + p))
	failed=$((failed + f))
	if [ "$p" = 0 ] || { [ "$rc" != 0 ] && [ "$f" = 0 ]; }; then
		bad "$* ends with $rc"
		cat "$dir/counted"
	else
		echo "ok   $p checks: ${*##*/}"
	fi
}

# How many descriptors does that process have?
open_fds() {
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

# In the background, remembered: spawn COMMAND...; its number in $!
# (a function cannot set $! for its caller, so it is copied to $pid)
spawn() {
	"$@" &
	pid=$!
	pids="$pids $pid"
}

# until_true SECONDS COMMAND...
until_true() (
	tries=$(($1 * 50))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.02
	done
)

listening() {
	grep -q listening "$dir/ivcd.log" 2>/dev/null
}

# broker [OPTION...]: an ivcd, its number in $ivcd
broker() {
	rm -f "$dir/ivcd.log"
	spawn "$bin/tools/ivcd" --socket "$IVC_SOCKET" "$@" 2>"$dir/ivcd.log"
	ivcd=$pid
	until_true $soon listening || bad 'ivcd does not start'
}

broker_end() {
	kill "$ivcd"
	wait "$ivcd"
	rc=$?
	[ "$rc" = 0 ] || bad "ivcd ends with $rc"
	pids=
}

states() {
	grep -c ' state: ' "$dir/ivcd.log"
}

more_states() {
	[ "$(states)" -gt "$1" ]
}

# state WHAT N: does ivcd have N of them (clients, members, channels)?
state() {
	told=$(states)
	kill -USR1 "$ivcd" || return 1
	until_true $soon more_states "$told" || return 1
	grep ' state: ' "$dir/ivcd.log" | tail -1 | grep -q " $1 $2\b"
}

# The other half of a pair: one COMMAND [OPTION...], its output in $dir/one
one() {
	spawn "$api" "$@" >"$dir/one" 2>&1
	one=$pid
}

one_ends() {
	wait "$one"
	rc=$?
	one=
	return $rc
}

# end PID: end a process that is not needed any more
end() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

one_ready() {
	until_true $soon grep -q ready "$dir/one"
}
