# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What a scenario can call; README.md beside this file has the table.
# A scenario runs in Dom0 under "set -eu", with this sourced and $OUT its
# directory for results.  Functions on guests as such are in
# scripts/lab/dom0/guests.sh.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC1091
. /lab/dom0/env
. /lab/dom0/guests.sh
. /lab/tests/health.sh

# How many seconds g waits for a command that prints nothing; a scenario may set it.
# Of a machine that is neither slow nor busy: see wait_until in guests.sh.
G_TIMEOUT=60

_log() {
	read -r _up _ </proc/uptime
	printf '%8s %s\n' "$_up" "$*" >>"${OUT:-/run/lab}/commands.log"
}

# note MESSAGE...: into the log, and onto the terminal of whoever waits
note() {
	_log "note: $*"
	echo "note: $*" >&2
	[ ! -e /dev/lab/events ] || echo "note $*" >/dev/lab/events
}

# fail MESSAGE...: the scenario has failed
fail() {
	_log "FAIL: $*"
	echo "FAIL: $*" >&2
	_said=yes
	[ ! -e /dev/lab/events ] || echo "note FAIL: $*" >/dev/lab/events
	exit 1
}

_said=no

# skip MESSAGE...: it cannot be tested here (counts as passed, but is shown)
skip() {
	note "SKIP: $*"
	exit 77
}

# g N COMMAND...: run a shell command in guest N as root; its output, its status
g() {
	_n=$1
	shift
	_log "g $_n: $*"
	labctl exec -t "$G_TIMEOUT" "guest$_n" "$*"
}

_quote() {
	printf "'%s'" "$(printf %s "$*" | sed "s/'/'\\\\''/g")"
}

# g_as N USER COMMAND...: likewise, as USER (user may use ivc, other may not)
g_as() {
	_n=$1 _user=$2
	shift 2
	g "$_n" "su $_user -c $(_quote "$*")"
}

# g_bg N TAG COMMAND...: start it in the background; survives migration
g_bg() {
	_n=$1 _tag=$2
	shift 2
	g "$_n" "agent bg $_tag $(_quote "$*")"
}

# g_wait N TAG [SECONDS]: its output and status once it ended; 124 = it runs on and
# has printed nothing for so long
g_wait() {
	_log "g_wait $*"
	labctl exec -t $((${3:-60} + 10)) "guest$1" \
		"agent wait $2 $((${3:-60} * LAB_SLOWER))"
}

# g_kill N TAG [SIGNAL NUMBER]: signal job TAG and its children (default 15)
g_kill() {
	g "$1" "agent kill $2 ${3:-}"
}

# g_output N TAG: what it printed so far
g_output() {
	g "$1" "cat /run/lab/$2.out"
}

# g_put N PATH: stdin into a file of guest N (small files: it goes by commands)
g_put() {
	g "$1" ": >$2"
	base64 -w 3000 | while read -r _piece; do
		labctl exec -t "$G_TIMEOUT" "guest$1" "echo $_piece | base64 -d >>$2" || exit 1
	done
}

# as_much N: N with `lab --full`; else a tenth, and of that as much less as the
# machine is slower, so that a scenario takes about the same time everywhere
as_much() {
	if [ "$LAB_FULL" = yes ]; then echo "$1"; else echo $(($1 / 10 / LAB_SLOWER + 1)); fi
}

# expect_fail COMMAND...: passes when COMMAND fails
expect_fail() {
	if "$@"; then
		fail "should have failed: $*"
	fi
}

# expect_status STATUS COMMAND...: passes when COMMAND ends with STATUS
expect_status() {
	_want=$1 _got=0
	shift
	"$@" || _got=$?
	[ "$_got" = "$_want" ] || fail "status $_got instead of $_want: $*"
}

# expect_log REGEX REASON: the health check shall not mind such a line
expect_log() {
	_log "expect_log $1: ${2:?expect_log needs a reason}"
	echo "$1" >>"$OUT/expect_log"
}

# forget_errors N...: what drivers complained of stays in xenstore, as with every
# Xen device
forget_errors() {
	xenstore-rm /local/domain/0/error/backend/ivc 2>/dev/null || :
	for _n; do
		xenstore-rm "/local/domain/$(guest_domid "$_n")/error/device/ivc" 2>/dev/null || :
	done
}

# save_result FILE...: bring it back to the host
save_result() {
	cp "$@" "$OUT/"
}

# on_host2 COMMAND...: run it in host 2's Dom0, where all of these functions
# exist too; output and status
on_host2() {
	_log "on_host2: $*"
	/lab/dom0/host2 run "$*" </dev/null
}

# migrate_guest N: live, to host 2
migrate_guest() {
	_log "migrate_guest $1"
	/lab/dom0/host2 migrate "guest$1" && on_host2 "labctl ready guest$1 30"
}

# return_guest N: live, from host 2 back to here
return_guest() {
	on_host2 "/lab/dom0/host2 migrate guest$1" && labctl ready "guest$1" 30
}
