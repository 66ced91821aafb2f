# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a scenario wants: its header line "# lab: KEY=VALUE ...", the defaults
# below, and what the command line overrides.

# Every file of tests/lab that has such a header is a scenario.
scenario_names() {
	local f

	for f in "$LAB_TESTS"/*.sh; do
		grep -q '^# lab:' "$f" && basename "$f" .sh
	done
	return 0
}

# Its first comment line after the header.
scenario_about() {
	sed -n '/^# lab:/{n;s/^# //p;q}' "$LAB_TESTS/$1.sh"
}

# scenario_conf NAME: sets the associative array CONF
declare -A CONF OVERRIDE
scenario_conf() {
	local word

	[ -z "$1" ] || [ -e "$LAB_TESTS/$1.sh" ] ||
		die "no scenario '$1': 'lab list' shows them"
	CONF=([guests]="pv,pv" [hosts]=1 [time]=120 [stall]=150 [vif]=no [attach]=yes [mpi]=no
	      [mem]=192 [vcpus]=1 [cpus]=2 [away]=0 [dom0]="" [guest]="" [suite]=yes
	      [expect]="")
	# shellcheck disable=SC2013 # words are meant
	[ -z "$1" ] || for word in $(sed -n 's/^# lab://p' "$LAB_TESTS/$1.sh"); do
		[ -n "${CONF[${word%%=*}]+set}" ] ||
			die "tests/lab/$1.sh: unknown key '${word%%=*}' in its '# lab:' line"
		CONF[${word%%=*}]=${word#*=}
	done
	CONF[time]=$((CONF[time] * SLOWER))
	CONF[stall]=$((CONF[stall] * SLOWER))
	[ -z "$DEBUG_KERNEL" ] || [ "${CONF[mem]}" -ge $DEBUG_MEM ] || CONF[mem]=$DEBUG_MEM
	for word in "${!OVERRIDE[@]}"; do
		CONF[$word]=${OVERRIDE[$word]}
	done
	case ,${CONF[guests]}, in
	*,pv,* | *,pvh,*) ;;
	*) die "guests=${CONF[guests]}: want a list of pv and pvh" ;;
	esac
}

# scenario_guests: how many CONF wants
scenario_guests() {
	tr ',' '\n' <<<"${CONF[guests]}" | wc -l
}

# scenario_wants NAME: the guests that the scenario needs, their devices and CPUs. Dom0
# makes them so before the scenario begins.
scenario_wants() {
	scenario_conf "$1"
	echo "${CONF[guests]} ${CONF[attach]} ${CONF[vcpus]}"
}

# Scenarios of one key can share a boot. Of one host, Dom0 makes a few guests anew
# as each scenario wants them.
scenario_key() {
	local few

	scenario_conf "$1"
	few="${CONF[vif]} ${CONF[mpi]} ${CONF[mem]} ${CONF[cpus]} ${CONF[dom0]} ${CONF[guest]}"
	if [ "${CONF[hosts]}" = 1 ] && [ "$(scenario_guests)" -le 4 ]; then
		echo "few $few"
		return
	fi
	echo "${CONF[guests]} ${CONF[hosts]} ${CONF[vif]} ${CONF[attach]} ${CONF[mpi]} ${CONF[mem]} ${CONF[vcpus]} ${CONF[cpus]} ${CONF[away]} ${CONF[dom0]} ${CONF[guest]}"
}
