# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What searches of a model have in common; finish() prints `N passed, N failed`.

passed=0
failed=0
memory=1500 # MB, of which a search may use all

# begin MODEL WORK-DIR: search MODEL.pml in that directory, which is emptied first
begin() {
	model=$1
	pml=$1.pml
	here=$(cd "$(dirname "$0")" && pwd)
	rm -rf "${2:?directory to work in}"
	mkdir -p "$2"
	cp "$here/$pml" "$2"
	cd "$2" || exit 2
	: >transitions
}

# generate [SPIN-OPTION...]: pan.c, the program that searches
# shellcheck disable=SC2120
generate() {
	"${SPIN:-spin}" "$@" -a "$pml" >spin.log || { cat spin.log >&2; exit 2; }
}

# build PROGRAM CC-OPTION...: of pan.c
build() {
	program=$1
	shift
	${CC:-gcc} -O2 -w -DMEMLIM=$memory -I"$here" -I"$here/../.." \
		-I"$here/../../include" "$@" -o "$program" pan.c || exit 2
}

# search PROGRAM FLAG...: into log
search() {
	program=./$1
	shift
	rm -f ./*.trail
	timeout 600 "$program" "$@" >log 2>&1 || true
}

# What the model defines a name as
number() {
	value=$(sed -n "s,^#define $1 *\(([^)]*)\|[0-9]*\).*,\1,p" "$pml")
	[ -n "$value" ] || { echo "model: no $1 in $pml" >&2; exit 2; }
	# shellcheck disable=SC2004 # "1 << 3" is not a number to every shell
	echo $(($value))
}

# The number of the fault of that name, as in no-wake for M_NO_WAKE
fault() {
	number "M_$(echo "$1" | tr '[:lower:]-' '[:upper:]_')"
}

ok() {
	passed=$((passed + 1))
	echo "$model: $*"
}

bad() {
	failed=$((failed + 1))
	echo "$model: FAILED: $*" >&2
	grep -m3 -E '^pan|^error' log >&2 || tail -5 log >&2
	cp log "failed-$failed.log"
	for trail in ./*.trail; do
		! [ -f "$trail" ] || mv "$trail" "failed-$failed.trail"
	done
}

# whole NAME: the search passes if it found no error and reached every state; a
# search of some states proves nothing
whole() {
	if grep -q 'errors: 0$' log && grep -q 'elapsed time' log &&
		! grep -qE 'not completed|too small|MEMLIM|out of memory' log
	then
		grep -E '^(un)?taken: ' log >>transitions || true
		ok "$1: $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log) states"
	else
		bad "$1"
	fi
}

# caught NAME PAN-SAYS: the search passes if it ended with that
caught() {
	if grep -q 'errors: 1$' log && grep -q "^pan:1: $2" log; then
		ok "mutant $1: caught: $(sed -n \
			's/^pan:1: \(.*\) (at depth.*/\1/p' log | cut -c1-70)"
	else
		bad "mutant $1 SURVIVED"
	fi
}

# covered TABLE [STATE-EVENT...]: some search has taken every transition of the
# code's table, but those that the model leaves out, and none of these
covered() {
	table=$1
	shift
	sed -n 's/^taken: //p' transitions | sort -u >taken
	printf '%s\n' "$@" | sed 's/-/ /' | sort >left-out
	sed 's/^[a-z]*: //' transitions | sort -u >all
	cat taken left-out | sort | comm -23 all - >never
	comm -12 taken left-out >both
	: >log
	[ -s taken ] || echo "error: no search took any transition" >>log
	sed "s,.*,error: $table has the transition &; no search takes it," never >>log
	sed "s,.*,error: the transition & is left out and taken," both >>log
	if [ -s log ]; then
		bad "the transitions of $table"
	else
		ok "$(wc -l <taken) transitions of $table taken, $# left out"
	fi
}

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
