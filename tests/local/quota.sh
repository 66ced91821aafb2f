# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# One user's share of ivcd and of other users, with any number of processes.

# quotas OPTION...: an ivcd beside the others, for them, its number in $quota
# $limited: a command that starts it.
limited=
quotas() {
	rm -f "$dir/q" "$dir/quota.log"
	# shellcheck disable=SC2086 # words
	spawn $limited "$bin/tools/ivcd" --socket "$dir/q" --realm any "$@" \
		2>"$dir/quota.log"
	quota=$pid
	until_true $soon grep -q listening "$dir/quota.log"
}
at_quotas() {
	IVC_SOCKET=$dir/q "$@"
}
# 16 may wait for a user: another one gets 4 of them, not 4 of each process.
share() {
	quotas --max-pending 16 || return 1
	spawn env IVC_SOCKET="$dir/q" as 12345 "$hostile" waiting 4 >"$dir/waiting"
	until_true $soon grep -q ready "$dir/waiting" || return 1
	at_quotas as 12346 "$hostile" crowd 4 4
	rc=$?
	end "$pid"
	end "$quota"
	return $rc
}
if may_switch; then
	check "a quarter of a user's offers, not of each process's" share
else
	skip "a quarter of a user's offers: needs root"
fi

# ivcd never holds many descriptors of one user, and serves the others.
turned_away() {
	quotas --max-clients 1 || return 1
	at_quotas "$hostile" greedy "$quota" 1
	rc=$?
	end "$quota"
	return $rc
}
check 'descriptors from clients that are turned away are not collected' turned_away
let_in() {
	quotas || return 1
	at_quotas "$hostile" greedy "$quota" 0
	rc=$?
	end "$quota"
	return $rc
}
check 'descriptors from clients that break the rules are not collected' let_in
# 40 packets with 253 descriptors each, none of which ever closes: of all these
# ivcd takes 1024, and then reads no more of that user.
hanging() {
	export LD_PRELOAD="$bin/tests/local/hang.so"
	quotas
	rc=$?
	unset LD_PRELOAD
	[ "$rc" = 0 ] || return 1
	: >"$dir/hanging"
	spawn env IVC_SOCKET="$dir/q" as 12345 "$hostile" hanging 40 >"$dir/hanging"
	until_true $soon grep -q ready "$dir/hanging" || return 1
	# ivcd receives them while it serves others.
	for _ in 1 2 3 4 5; do
		at_quotas as 12346 "$api" hosts --id 1 --timeout $soon || rc=1
		sleep 0.1
	done
	now=$(open_fds "$quota")
	echo "ivcd has $now descriptors"
	end "$pid"
	kill -9 "$quota"
	wait "$quota" 2>/dev/null
	[ "$now" -lt 1200 ] && return $rc
	return 1
}
if may_switch && [ -z "${SLACK:-}" ]; then
	check 'descriptors that never close: so many, and no more' hanging
	limited='prlimit --nofile=1024:1024'
	check 'the same where ivcd may have 1024: others come in' hanging
	limited=
else
	skip 'descriptors that never close: needs root, and no sanitizer'
fi

# More come than ivcd has descriptors for: it neither turns in circles, nor
# forgets those who wait once there is room again.
crowded() {
	rm -f "$dir/q"
	spawn sh -c "ulimit -n 40
		exec '$bin/tools/ivcd' --socket '$dir/q' 2>'$dir/quota.log'"
	quota=$pid
	until_true $soon grep -q listening "$dir/quota.log" || return 1
	spawn env IVC_SOCKET="$dir/q" "$hostile" waiting 60
	crowd=$pid
	until_true $soon grep -q 'no new clients for now' "$dir/quota.log" || return 1
	# Each try is a line of the log: of those beyond 20 in a second it counts
	# how many there were.
	sleep 2
	cat "$dir/quota.log"
	end "$crowd"
	at_quotas "$api" hosts --id 1 --timeout $soon || return 1
	end "$quota"
	! grep -q 'lines more' "$dir/quota.log"
}
check 'more clients than descriptors' crowded
