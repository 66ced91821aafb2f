# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Hostile processes: each gets an error or is disconnected; all others go on.

until_true $soon state clients 0 || bad 'others are there, too'
enemy_fds=$(open_fds "$ivcd")
# Once each, for resources allocated at the first use; then measured
"$hostile" packets >/dev/null
"$hostile" questions "$ivcd" >/dev/null
enemy_rss=$(rss)

# A pair that runs all the time, and must finish
one sink --magic 6 --id 1 --timeout $soon
bystander=$one
rm -f "$dir/enough"
spawn "$api" stream --magic 6 --id 2 --peer 1 --until "$dir/enough" --max 1000 \
	--timeout $soon >"$dir/stream" 2>&1
stream=$pid
until_true $soon state channels 1 || bad 'no bystander'

counted "$hostile" packets
counted "$hostile" questions "$ivcd"
counted "$hostile" patience $stall
counted "$hostile" storm
flood() {
	spawn "$hostile" flood 1500
	a=$pid
	spawn "$hostile" flood 1500
	b=$pid
	sleep 0.2
	# The flood uses up the user's rate, but the pair gets its turn.
	one echo --magic 8 --id 1 --count 20
	"$api" cycle --magic 8 --id 2 --peer 1 --count 20 --timeout $soon || return 1
	one_ends || return 1
	wait "$a" && wait "$b"
}
check 'two that flood ivcd, and a pair beside them' flood

# Against a peer, which accepts all offers, and then an honest one
"$api" echo --magic 99 --id 1 --timeout $soon >"$dir/victim" 2>&1 &
victim=$!
pids="$pids $victim"
until_true $soon grep -q ready "$dir/victim" || bad 'no victim'
victim_fds=$(open_fds "$victim")
counted "$hostile" offers 1
same_fds() {
	[ "$(open_fds "$victim")" = "$victim_fds" ]
}
honest() {
	"$api" cycle --magic 99 --id 2 --peer 1 --count 50 --timeout $soon || return 1
	# A thread of the victim closes, after the peer has seen the end.
	until_true $soon same_fds && return 0
	echo "its descriptors: $victim_fds at first, $(open_fds "$victim") now"
	return 1
}
check 'its victim serves others, and has lost no descriptor' honest
end "$victim"

# In the other direction: connect to a hostile peer
accepts() { # HOW ERRNO
	rm -f "$dir/enemy"
	spawn "$hostile" accept "$1" >"$dir/enemy" 2>&1
	a=$pid
	until_true $soon grep -q '^member' "$dir/enemy" || return 1
	"$api" reach --magic 99 --id 1 --member "$(sed -n 's/^member //p' "$dir/enemy")" \
		--errno "$2" --timeout $soon || return 1
	wait "$a"
}
"$hostile" accept '?' >"$dir/ways"
while read -r way; do
	check "connect to an enemy: $way: EPROTO" accepts "$way" EPROTO
done <"$dir/ways"
check 'connect to an enemy: refusal: ECONNREFUSED' accepts refusal ECONNREFUSED
slow_accept() {
	rm -f "$dir/enemy"
	spawn "$hostile" accept silence >"$dir/enemy" 2>&1
	a=$pid
	until_true $soon grep -q '^member' "$dir/enemy" || return 1
	"$api" reach --magic 99 --id 1 --member "$(sed -n 's/^member //p' "$dir/enemy")" \
		--errno ETIMEDOUT --timeout 1 || return 1
	wait "$a"
}
check 'connect to an enemy: silence: ETIMEDOUT' slow_accept

channel() { # HOW ERRNO [OPTION...]
	how=$1 errno=$2
	shift 2
	one expect-end --magic 99 --id 1 --errno "$errno" --timeout $soon "$@"
	one_ready || return 1
	"$hostile" channel 1 "$how" || return 1
	one_ends || { cat "$dir/one"; return 1; }
	cat "$dir/one"
}
check 'a flood of doorbells, and an end for no good reason' \
	channel bells ECONNRESET --spin 0
for way in 'long bell' 'bell with memory' 'bell that lingers'; do
	check "a $way: EPROTO" channel "$way" EPROTO --spin 0
done
garbage() {
	one sink --magic 99 --id 1 --timeout $soon "$@"
	"$hostile" channel 1 garbage || return 1
	one_ends && return 1
	cat "$dir/one"
	grep -q EPROTO "$dir/one"
}
check 'garbage in the ring: EPROTO' garbage
check 'the same, to who sleeps' garbage --spin 0
check 'a position that cannot be, to who writes' channel cons EPROTO --how write

bystander() {
	: >"$dir/enough"
	wait "$stream" || { cat "$dir/stream"; return 1; }
	wait "$bystander"
}
check 'the pair beside all this has noticed nothing' bystander
no_leak() {
	until_true $soon state clients 0 || return 1
	now=$(open_fds "$ivcd") kib=$(rss)
	echo "descriptors: $enemy_fds, then $now; KiB: $enemy_rss, then $kib"
	[ "$now" = "$enemy_fds" ] && [ "$kib" -le $((enemy_rss + ${SLACK:-256})) ]
}
check 'ivcd has lost no descriptor and no memory to them' no_leak
