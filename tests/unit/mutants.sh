#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Can the ring's tests fail? Each mutant is ring.h, or one of the two that it
# includes, with one thing broken; the suites must notice every one of them, and
# pass with the headers as they are.
# Usage: mutants.sh WORK-DIR PROGRAM-SOURCES...   (CC, CFLAGS, LIBS from make)
set -eu
work=$1
shift
rm -rf "$work"
mkdir -p "$work"
lanes=$(nproc)

# run NAME: build the tests against $work/NAME/include; suite by suite until
# one fails. A mutant that goes round in circles is ended by its CPU time, which
# is the same on a busy machine; one that sleeps, by libcheck.
run() {
	# shellcheck disable=SC2086
	$CC $CFLAGS -w -DRING_ONLY -DSTREAM_MESSAGES=20000 \
		-I"$work/$1/include" -o "$work/$1/tests" $SOURCES $LIBS ||
		exit 2
	for suite in layout zero-copy ring hostile model threads; do
		case $suite in
		layout | zero-copy | ring) cpu=1 ;;
		*) cpu=4 ;;
		esac
		prlimit --cpu=$cpu "$work/$1/tests" $suite >"$work/$1/log" 2>&1 ||
			return 1
	done
}

# mutant NAME SED-SCRIPT: the script must change something. Each lane tests the
# mutants whose number is its own.
mutant() {
	number=$((number + 1))
	[ $((number % lanes)) = "$lane" ] || return 0
	mkdir -p "$work/$1/include/ivc"
	cp -r include/ivc/. "$work/$1/include/ivc"
	sed -i -e "$2" "$work/$1"/include/ivc/protocol/ring*.h
	if diff -rq include/ivc "$work/$1/include/ivc" >/dev/null; then
		echo "mutants: $1: nothing to change; the ring has moved on" >&2
		exit 1
	fi
	if run "$1"; then
		echo "mutants: $1 SURVIVED" >&2
		echo "$1" >>"$work/survived"
	else
		echo "$1" >>"$work/killed"
		echo "mutants: $1: killed by $(grep -m1 ':[FE]:' "$work/$1/log" |
			cut -d: -f1-2,4-5)"
	fi
}

SOURCES=$*
mkdir -p "$work/none/include/ivc"
cp -r include/ivc/. "$work/none/include/ivc"
if ! run none; then
	echo "mutants: the tests fail without any" >&2
	tail -20 "$work/none/log" >&2
	exit 1
fi

all_mutants() {
mutant no-sequence-check \
	's/if (unlikely((uint32_t)(hdr >> 32) != pos + 1))/if (0)/'
mutant no-length-bound 's/!n || n > ivc_ring_room(contig)/!n/'
mutant length-bound-off-by-one \
	's/n > ivc_ring_room(contig)/n > ivc_ring_room(contig) + 1/'
mutant zero-length-taken 's/unlikely(!n || n > /unlikely(n > /'
mutant skip-at-start 's/contig == cells ? -EPROTO : (int)contig/(int)contig/'
mutant no-cons-check \
	's/if (unlikely(tx->pos - cons > tx->pos - tx->cons)) {/if (0) {/'
mutant cons-may-go-back \
	's/tx->pos - cons > tx->pos - tx->cons/tx->pos - cons > tx->cells/'
mutant no-zero-next '/ivc_store((uint64_t \*)next, 0)/d'
mutant publish-batch-never \
	's/if (rx->pos - rx->published >= rx->batch)/if (0)/'
mutant no-publish-when-empty \
	's/if (rx->pos != rx->published)/if (0)/'
mutant no-free-cell 's/tx->limit = cons + tx->cells - 1/tx->limit = cons + tx->cells/'
mutant error-not-sticky 's/rx->error = cells;//'
mutant small-error-not-sticky '/rx->error = cells;/{n;s/rx->cell = ivc_ring_nowhere();//}'
mutant small-ignores-partial '/rx->len = len;/{n;s/rx->cell = ivc_ring_nowhere();//}'
mutant record-over-the-limit 's/next > tx->stop/cell == tx->stop/'
mutant record-over-the-turn 's/ && unlikely(next > rx->turn)/ \&\& 0/'
mutant small-goes-on-at-limit 's/room < last ? room : last/last/'
mutant small-goes-over-the-end 's/room < last ? room : last/room/'
mutant small-read-over-the-end 's/due < end ? due : end/due/'
mutant small-never-gives-back 's/due < end ? due : end/end/'
mutant writer-error-forgotten \
	's/^\t\ttx->error = -EPROTO;/\t\treturn -EPROTO;/'
mutant commit-unchecked 's/if (len > tx->reserved)/if (0)/'
mutant reserve-survives-write \
	'/It would take the place/,/ivc_tx_bound/s/ivc_tx_bound(.*);//'
mutant release-unchecked 's/if (len > rx->len - rx->off)/if (0)/'
mutant offset-kept '/^\trx->len = 0;/{n;s/rx->off = 0;//}'
mutant no-skip 's/ivc_ring_hdr(tx->pos, IVC_RING_SKIP)/0/'
mutant copy-short 's/memcpy((uint8_t \*)to + n - 8, .*, 8);//'
mutant wraps-over-the-end 's/return avail < contig ? avail : contig;/return avail;/'
}

: >"$work/survived"
: >"$work/killed"
lane=0 pids=
while [ $lane -lt "$lanes" ]; do
	(number=0 && all_mutants) &
	pids="$pids $!"
	lane=$((lane + 1))
done
broken=0
for pid in $pids; do
	wait "$pid" || broken=1
done
echo "mutants: $(wc -l <"$work/killed") killed, $(wc -l <"$work/survived") survived"
[ $broken = 0 ] && [ ! -s "$work/survived" ]
