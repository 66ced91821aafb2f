# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Many scenarios: those of the same key share a boot.  Dom0 stops early if a scenario
# left a state that Dom0 cannot repair; the other scenarios then get another boot, as
# they do after a host that hung.

# expected NAME: a scenario with "expect=REGEX" in its header (a test of the lab
# itself) passes if it fails for that reason.
expected() {
	scenario_conf "$1"
	[ -n "${CONF[expect]}" ] || return 0
	if [ "${VERDICT[$1]}" = fail ] && [[ ${WHY[$1]} =~ ${CONF[expect]} ]]; then
		VERDICT[$1]=pass
		WHY[$1]="failed as it must: ${WHY[$1]}"
	else
		WHY[$1]="should have failed with '${CONF[expect]}', but: ${VERDICT[$1]} ${WHY[$1]}"
		VERDICT[$1]=fail
	fi
}

# report NAME: its line in the list
report() {
	printf '%-6s %-28s %4s s  %s\n' "${VERDICT[$1]:-fail}" "$1" "${TOOK[$1]:--}" "${WHY[$1]:-}"
}

# Xen's words for a guest that it ends
XEN_CRASH='Triple fault|domain_crash|Domain [0-9]+ \(vcpu#[0-9]+\) crashed'

# emulator_fault NAME: did QEMU break a PVH guest?  These are taken for such a fault,
# without a proof:
# - a triple fault of a guest whose registers are Xen's own (RIP at e008:ffff82d0...);
# - a triple fault behind a hypercall, with the registers in order and no page fault;
# - a double fault at the bottom of the stack on which Linux is entered. Only a kernel
#   that lost the base of GS gets there, and faults again in its handler of page faults.
# A fault of the drivers would show in PV guests, too. Every scenario has a PV guest,
# and a scenario in which a PV guest panics or crashes is never repeated.
emulator_fault() {
	[ -n "$(emulator_words "$1")" ]
}

# emulator_words NAME: the lines of Xen or of the guest that show it.  A PV guest has
# no such stack.
emulator_words() {
	local dir=$LAB_BUILD/results/$1

	{
		grep -a -A 4 'Triple fault' "$dir/host1-serial.log"
		grep -ahE -B 2 -A 3 'RSP: [0-9a-f]+:fffffe000000(1f|20)' "$dir"/guest*.console
	} 2>/dev/null || true # either, or neither
}

# again NAME: says that the scenario is repeated, if it is; at most four times per group
AGAIN=0
again() {
	[ "${VERDICT[$1]:-fail}" = fail ] && [ "$RETRIES" -lt 4 ] &&
		emulator_fault "$1" || return 1
	RETRIES=$((RETRIES + 1))
	AGAIN=$((AGAIN + 1))
	echo "again  $1: QEMU broke a PVH guest; Xen or the guest says:"
	emulator_words "$1" | tr -d '\r' | tail -n 6 | cut -c 1-300
	unset "VERDICT[$1]"
}

# post_mortem NAME: the ends of the scenario's records, for the end of the output
post_mortem() {
	local dir=$LAB_BUILD/results/$1 file

	echo "---- $1 failed: ${WHY[$1]:-no reason given}"
	for file in "$dir"/scenario.log "$dir"/guest*.console "$dir"/dom0.dmesg; do
		[ -s "$file" ] || continue
		echo "---- $1: the end of ${file##*/}"
		tail -n 12 "$file" | tr -d '\r' | cut -c 1-300
	done
	if [ -s "$dir/health.txt" ]; then
		echo "---- $1: the beginning of health.txt"
		head -n 12 "$dir/health.txt" | cut -c 1-300
	fi
	if grep -qE "$XEN_CRASH" "$dir/host1-serial.log" 2>/dev/null; then
		echo "---- $1: what Xen said of a guest that it ended (all of the boot)"
		grep -aE -A 6 "$XEN_CRASH" "$dir/host1-serial.log" | tr -d '\r' | tail -n 40
	fi
}

# run_group NAME...: scenarios of one key, in as many boots as it takes
run_group() {
	local left=("$@") rest name tried
	RETRIES=0

	while [ ${#left[@]} -gt 0 ]; do
		if [ "$SHARE" = yes ]; then
			boot_run "${left[@]}"
		else
			boot_run "${left[0]}"
		fi
		tried=no
		rest=()
		for name in "${left[@]}"; do
			if [ -n "${VERDICT[$name]:-}" ]; then
				tried=yes
			fi
			if [ -z "${VERDICT[$name]:-}" ] || again "$name"; then
				rest+=("$name")
				continue
			fi
			if [ -n "$BOOT_PROBLEM" ] && [ "${VERDICT[$name]}" != fail ]; then
				VERDICT["$name"]=fail
				WHY["$name"]="its boot: $BOOT_PROBLEM"
			fi
			expected "$name"
			report "$name"
		done
		left=(${rest[@]+"${rest[@]}"})
		if [ $tried = no ]; then
			name=${left[0]}
			! again "$name" || continue
			VERDICT["$name"]=fail
			WHY["$name"]=${BOOT_PROBLEM:-the host ended before it began}
			report "$name"
			left=("${left[@]:1}")
		fi
	done
}

# by_wants NAME...: the names, sorted so that scenarios of the same guests follow one
# another
by_wants() {
	local name

	for name; do
		echo "$(scenario_wants "$name")|$name"
	done | LC_ALL=C sort -s -t '|' -k 1,1 | sed 's/.*|//'
}

# suite NAME...: returns 0 when all passed; its last line is the count
suite() {
	local names=("$@") name key passed=0 failed=0
	local -A groups=()
	local order=()

	for name in "${names[@]}"; do
		key=$(scenario_key "$name") || exit 1
		[ -n "${groups[$key]+set}" ] || order+=("$key")
		groups[$key]+=" $name"
	done
	for key in ${order[@]+"${order[@]}"}; do
		# shellcheck disable=SC2046,SC2086 # names are words
		run_group $(by_wants ${groups[$key]})
	done
	for name in "${names[@]}"; do
		case ${VERDICT[$name]:-fail} in
		fail) failed=$((failed + 1)) ;;
		*) passed=$((passed + 1)) ;;
		esac
	done
	for name in "${names[@]}"; do
		[ "${VERDICT[$name]:-fail}" != fail ] || post_mortem "$name"
	done
	[ $AGAIN = 0 ] || echo "tried again, since QEMU broke a PVH guest: $AGAIN"
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}
