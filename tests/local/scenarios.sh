# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2086,SC2154 # lists of options; lib.sh has the rest
#
# The scenarios of the lab that are about what a program sees: messages, ends.

pair() { # ONE-COMMAND [OPTION...] -- OTHER-COMMAND [OPTION...]
	here_one=
	while [ "$1" != -- ]; do
		here_one="$here_one $1"
		shift
	done
	shift
	one $here_one --magic 3 --id 1
	"$api" "$@" --magic 3 --id 2 --peer 1 --timeout $soon || return 1
	one_ends || { cat "$dir/one"; return 1; }
}
check 'closers, 20 scenarios' pair remote-peer -- closers
for how in '' '--zero-copy' '--both' '--zero-copy --both'; do
	check "stream $how" pair sink $how -- stream --messages 20000 $how
done
check 'stream, without spinning' pair sink --spin 0 -- \
	stream --messages 5000 --spin 0 --both
check 'stream, small rings' pair sink -- \
	stream --messages 3000 --max 20000 --tx-size 4096
check 'stream, large messages' pair sink -- \
	stream --messages 300 --max 300000 --tx-size 1048576 --zero-copy
check '64 channels at once' pair echo --count 64 -- many --channels 64
check '1000 channels, one after another' pair echo --count 1000 -- \
	cycle --count 1000
figure5() {
	one figure5-server --magic 5 --id 0
	"$api" figure5-client --magic 5 --id 1 || return 1
	one_ends
}
check "the paper's program" figure5
dies() { # HOW ERRNO [OPTION...]
	how=$1 errno=$2
	shift 2
	one expect-end --magic 3 --id 1 --errno "$errno" --after 50000 \
		--within-ms ${soon}000 --timeout $soon "$@"
	"$api" die --magic 3 --id 2 --peer 1 --after 50000 --how "$how" \
		--timeout $soon
	one_ends || { cat "$dir/one"; return 1; }
}
for how in kill abort exit; do
	check "the peer's end by $how: ECONNRESET" dies $how ECONNRESET
	check "the same, to who polls" dies $how ECONNRESET --spin -1
	check "the same, to who sleeps" dies $how ECONNRESET --spin 0
	check "the same, to who writes" dies $how ECONNRESET --how write
done
check "the peer closes: EPIPE" dies close EPIPE
check "the same, to who writes" dies close EPIPE --how write
