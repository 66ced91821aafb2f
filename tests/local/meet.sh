# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Who may connect: users, groups, namespaces; and the quotas.

# apart: is uid 12346 out of sight of 12345?
apart() {
	spawn as 12345 "$api" hosts --magic 7 --id 1 --expect 2 --hold 1 \
		--timeout $soon
	a=$pid
	spawn as 12345 "$api" echo --magic 7 --id 2
	b=$pid
	as 12346 "$api" hosts --magic 7 --id 1 --expect none --hold 1 \
		--forbid 2 || return 1
	wait "$a" || return 1
	end "$b"
}
# A member number is no secret: knowing it must not help.
reach() {
	spawn as 12345 "$api" remote-peer --magic 7 --id 1
	a=$pid
	until_true $soon grep -q 'member [0-9]*: id 1 in group 0x7, .* uid 12345' \
		"$dir/ivcd.log" || return 1
	member=$(sed -n 's/.*member \([0-9]*\): id 1 in group 0x7.* uid 12345/\1/p' \
		"$dir/ivcd.log" | tail -1)
	as 12346 "$api" reach --magic 7 --id 2 --member "$member" --errno ENOENT
	rc=$?
	end "$a"
	return $rc
}
across() { # UID UID
	spawn as "$1" "$api" sink --magic 7 --id 1
	a=$pid
	as "$2" "$api" stream --magic 7 --id 2 --peer 1 --messages 1000 \
		--timeout $soon || return 1
	wait "$a"
}
if may_switch; then
	check 'two users are apart' apart
	check 'two users: a member number does not help' reach
	check 'one user, other than ivcd' across 12345 12345
	broker_end
	broker --realm any --verbose
	check 'two users in one realm' across 12345 12346
	broker_end
	export gid=777
	broker --realm gid --verbose
	check 'two users of one group' across 12345 12346
	apart_gid() {
		gid=778
		spawn as 12345 "$api" hosts --magic 7 --id 1 --expect none \
			--hold 1 --forbid 2
		a=$pid
		gid=779
		as 12345 "$api" hosts --magic 7 --id 2 --expect none \
			--hold 1 --forbid 1 && wait "$a"
	}
	check 'two groups are apart' apart_gid
	gid=
	broker_end
	broker --verbose
else
	skip 'two users: needs root'
fi

# Each in user, network, PID and IPC namespaces of its own.
namespaces() {
	spawn alone "$api" sink --magic 7 --id 1
	a=$pid
	alone "$api" stream --magic 7 --id 2 --peer 1 --messages 5000 \
		--timeout $soon --both || return 1
	wait "$a"
}
if alone true 2>/dev/null; then
	check 'two user, network, PID and IPC namespaces' namespaces
else
	skip 'namespaces: they cannot be made here'
fi

# Quotas
broker_end
broker --max-contexts 2 --max-channels 8 --max-bytes 1200000 --max-clients 3 \
	--verbose
fails() { # TEXT COMMAND...
	text=$1
	shift
	out=$("$@" 2>&1) && return 1
	echo "$out"
	echo "$out" | grep -q "$text"
}
third() {
	one echo --magic 2 --id 1
	one_ready && until_true $soon state members 1 || return 1
	spawn "$api" echo --magic 2 --id 2 >/dev/null
	two=$pid
	until_true $soon state members 2 || return 1
	fails EDQUOT "$api" hosts --magic 2 --id 3 || return 1
	end "$one"
	until_true $soon state members 1 &&
		"$api" hosts --magic 2 --id 3 --expect 2
	rc=$?
	end "$two"
	return $rc
}
check 'a third context of two: EDQUOT' third
too_many() { # OPTION...
	# It accepts one channel, so that the limit is not its own.
	one remote-peer --magic 2 --id 1
	one_ready || return 1
	fails EDQUOT "$api" many --magic 2 --id 2 --peer 1 --timeout $soon "$@" ||
		return 1
	end "$one"
	until_true $soon state channels 0 || return 1
	# And all of the quota is free again
	one echo --magic 2 --id 1
	one_ready || return 1
	"$api" many --magic 2 --id 2 --peer 1 --channels 2 --timeout $soon
	rc=$?
	end "$one"
	return $rc
}
check 'more channels than allowed: EDQUOT' too_many --channels 9 \
	--tx-size 4096 --rx-size 4096
check 'more memory than allowed: EDQUOT' too_many --channels 1 \
	--tx-size 2097152
many_clients() {
	one echo --magic 2 --id 1
	one_ready || return 1
	"$hostile" packets >/dev/null # several at a time, but not for long
	until_true $soon state clients 1 || return 1
	"$api" cycle --magic 2 --id 2 --peer 1 --count 10
	rc=$?
	end "$one"
	return $rc
}
check 'clients come and go' many_clients
pending() {
	broker_end
	broker --max-pending 3 --verbose
	one echo --magic 2 --id 1 --count 64
	one_ready || return 1
	# After EBUSY it waits, and all channels are established.
	"$api" many --magic 2 --id 2 --peer 1 --channels 64 --count 2 \
		--timeout $soon || return 1
	one_ends
}
check 'a backlog of 3: EBUSY, and all come to be' pending
broker_end
broker --max-rate 200 --verbose
slow() {
	one echo --magic 2 --id 1
	one_ready || return 1
	start=$(date +%s%N)
	"$api" cycle --magic 2 --id 2 --peer 1 --count 120 --timeout $soon ||
		return 1
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "120 channels at 200 requests a second took $ms ms"
	end "$one"
	[ $ms -gt 1000 ]
}
check 'the rate of requests is kept, without an error' slow
broker_end
broker --verbose --stall $stall
