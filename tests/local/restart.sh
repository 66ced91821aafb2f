# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# ivcd ends, and may be started again: channels go on.

kill_broker() {
	kill -9 "$ivcd"
	wait "$ivcd" 2>/dev/null
}

# Traffic all along, an ivcd that is killed and comes back three times
under_traffic() {
	rm -f "$dir/enough"
	one sink --magic 4 --id 1 --count 2 --spin 0
	spawn "$api" stream --magic 4 --id 2 --peer 1 --until "$dir/enough" \
		--max 2000 --timeout $soon --both
	stream=$pid
	until_true $soon state channels 1 || return 1
	for _ in 1 2 3; do
		kill_broker
		sleep 0.2
		broker --verbose --stall $stall
		until_true $soon state members 2 || return 1
		# The new ivcd knows both ends of it
		until_true $soon state channels 2 || return 1
	done
	: >"$dir/enough"
	wait "$stream" || return 1
	until_true $soon state channels 0 || return 1
	# The sink has registered again by itself, and accepts another channel
	"$api" stream --magic 4 --id 3 --peer 1 --messages 1000 --timeout $soon ||
		return 1
	one_ends
}
check 'ivcd restarted three times under traffic' under_traffic

told() {
	one events --magic 4 --id 1 --count 5 --timeout $soon
	spawn "$api" remote-peer --magic 4 --id 2
	remote=$pid
	until_true $soon grep -q 'join id 2' "$dir/one" || return 1
	kill_broker
	until_true $soon grep -q 'leave id 2' "$dir/one" || return 1
	broker --verbose --stall $stall
	one_ends
	rc=$?
	cat "$dir/one"
	end "$remote"
	[ "$rc" = 0 ] && [ "$(cut -d' ' -f2 "$dir/one" | tr '\n' ,)" = \
		'join,detached,leave,attached,join,events:,' ]
}
check 'programs are told of it' told

# Without ivcd: a peer's death, a peer's close, and calls that need ivcd
dies_alone() { # HOW ERRNO
	one expect-end --magic 4 --id 1 --errno "$2" --after 5000 \
		--within-ms ${soon}000 --timeout $soon
	rm -f "$dir/die"
	spawn "$api" die --magic 4 --id 2 --peer 1 --after 5000 --how wait \
		>"$dir/die"
	die=$pid
	until_true $soon state channels 1 || return 1
	until_true $soon grep -q '^die: after' "$dir/die" || return 1
	kill_broker
	start=$(date +%s%N)
	kill -9 "$die"
	wait "$die" 2>/dev/null
	one_ends || { cat "$dir/one"; return 1; }
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "heard of it after $ms ms"
	broker --verbose --stall $stall
}
check 'a peer killed while ivcd is down: ECONNRESET' dies_alone kill ECONNRESET

# A server that waits for offers waits for ivcd, too
server_waits() {
	one echo --magic 4 --id 1 --count 1
	one_ready && until_true $soon state members 1 || return 1
	kill_broker
	sleep 0.3
	broker --verbose --stall $stall
	until_true $soon state members 1 || return 1
	"$api" cycle --magic 4 --id 2 --peer 1 --count 1 --timeout $soon || return 1
	one_ends
}
check 'a server in accept outlives ivcd' server_waits

# Stopped, it is as good as gone after 5 s; that is too long for here. But it
# may be slow.
stopped() {
	one echo --magic 4 --id 1
	one_ready && until_true $soon state members 1 || return 1
	kill -STOP "$ivcd"
	(sleep 0.5; kill -CONT "$ivcd") &
	"$api" cycle --magic 4 --id 2 --peer 1 --count 3 --timeout $soon
	rc=$?
	end "$one"
	return $rc
}
check 'an ivcd that takes its time' stopped
counted "$bin/tests/local/hung" "$ivcd"
# Requests that were given up are undone; the others took effect.
check 'and then nothing is left of it' until_true $soon state channels 0

activation() {
	[ -x "$bin/tests/local/activate" ] || return 1
	broker_end
	rm -f "$dir/ivcd.log"
	spawn "$bin/tests/local/activate" "$IVC_SOCKET" "$bin/tools/ivcd" \
		--verbose --stall $stall 2>"$dir/ivcd.log"
	ivcd=$pid
	# The first client starts ivcd.
	until_true $soon test -S "$IVC_SOCKET" || return 1
	pair sink -- stream --messages 1000 || return 1
	grep -q 'on the socket handed over' "$dir/ivcd.log"
}
check 'started by the first who comes, as systemd does it' activation
broker_end
rm -f "$IVC_SOCKET"
broker --verbose --stall $stall
