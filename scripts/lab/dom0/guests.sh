# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Guests: guest N is the domain "guestN", of the N-th type in LAB_GUESTS.
# Sourced by the runner and, through tests/lab/lib.sh, by every scenario.

# All guest numbers of this run.
guest_numbers() {
	seq 1 "$(echo "$LAB_GUESTS" | wc -w)"
}

# guest_type N: pv or pvh
guest_type() {
	echo "$LAB_GUESTS" | cut -d' ' -f"$1"
}

# guest_domid N: its domain id now; fails when it does not exist
guest_domid() {
	labctl domid "guest$1" 2>/dev/null
}

guest_alive() {
	guest_domid "$1" >/dev/null
}

# on_its_host N COMMAND...: where guest N is made. The last LAB_AWAY are host 2's.
on_its_host() {
	[ "$1" -gt $(($(guest_numbers | wc -l) - LAB_AWAY)) ] && _where=on_host2 || _where=
	shift
	$_where "$@"
}

# count_guests TYPE: how many of this run
count_guests() {
	echo "$LAB_GUESTS" | tr ' ' '\n' | grep -cx "$1"
}

# A PVH guest's vCPU must not move between CPUs: QEMU's SVM emulation now and
# then lets it fault into the hypervisor's own text.  Nor may this vCPU share a CPU
# with PV vCPUs, least with Dom0's, which is on CPU 0: every guest that was seen to
# fault shared its CPU so.  And two PVH guests on one CPU are slow: each switch
# between them takes milliseconds.  So PVH guests have the last CPUs, as many as there
# are but the first, and PV guests the others; all, if they are several and would
# have one.  PVH guests alone get CPU 0, too, if there are no fewer than CPUs.
guest_cpus() {
	pvs=$(count_guests pv) apart=$(count_guests pvh)
	if [ "$LAB_VCPUS" -gt 1 ]; then
		[ "$(guest_type "$1")" = pv ] && echo '"all"' || echo '["0","1"]'
		return
	fi
	[ "$pvs" -gt 0 ] && first=1 || first=0
	[ "$apart" -le $((LAB_CPUS - first)) ] || apart=$((LAB_CPUS - first))
	first=$((LAB_CPUS - apart))
	if [ "$(guest_type "$1")" = pvh ]; then
		echo "\"$((first + $1 % apart))\""
	elif [ "$pvs" -gt 1 ] && [ "$first" = 1 ]; then
		echo '"all"'
	else
		echo "\"0-$((first - 1))\""
	fi
}

# The debug kernel of PV guests is another one than that of PVH guests.
guest_boots() {
	if [ "$LAB_DEBUG" = yes ] && [ "$(guest_type "$1")" = pv ]; then
		echo 'kernel="/lab/guest-pv-kernel"'
		echo 'ramdisk="/lab/guest-pv.cpio"'
	else
		echo 'kernel="/lab/guest-kernel"'
		echo 'ramdisk="/lab/guest.cpio"'
	fi
}

# The kernel hands LAB_SLOWER on to init, and so to all programs: those that give up
# after some time do so later.
guest_config() {
	guest_boots "$1"
	mtu=$(cat /sys/class/net/xenbr0/mtu 2>/dev/null) || mtu=none
	cat <<-EOF
	name="guest$1"
	type="$(guest_type "$1")"
	extra="console=hvc0 loglevel=5 lab.n=$1 lab.vif=$LAB_VIF lab.mtu=$mtu LAB_SLOWER=$LAB_SLOWER $LAB_GUEST_ARGS"
	memory=$LAB_MEM
	vcpus=$LAB_VCPUS
	tsc_mode="native"
	cpus=$(guest_cpus "$1")
	on_crash="destroy"
	on_reboot="restart"
	EOF
	[ -z "${GUEST_XL:-}" ] || echo "$GUEST_XL"
	if [ "$LAB_VIF" = yes ]; then
		echo "vif=['bridge=xenbr0,script=/lab/dom0/vif,mac=00:16:3e:00:00:0$1']"
	fi
}

# guest_start N: create it, do not wait
guest_start() {
	guest_config "$1" >"/run/lab/guest$1.cfg"
	xl create -q "/run/lab/guest$1.cfg"
}

# guest_wait N [SECONDS]: until its agent answers and the device is attached
guest_wait() {
	labctl ready "guest$1" "${2:-60}" || {
		echo "guest $1 does not come up; its console ends:"
		tail -n 15 "/var/log/xen/console/guest-guest$1.log"
		return 1
	} >&2
	labctl exec -t 20 "guest$1" 'cat /run/lab/boot-errors 2>/dev/null; test ! -e /run/lab/boot-errors' ||
		return 1
	guest_attach "$1"
}

# guest_attach N: as the toolstack would; then wait for the connection
guest_attach() {
	[ "$LAB_ATTACH" = yes ] && [ -x /ivc/ivcctl ] || return 0
	ivcctl attach "guest$1" || { echo "ivcctl attach guest$1 failed" >&2; return 1; }
	guest_attached "$1" 10 || { echo "guest $1: its ivc device does not connect" >&2; return 1; }
}

# guest_unbind N: its frontend lets go of its device
guest_unbind() {
	labctl exec "guest$1" 'echo ivc-0 >/sys/bus/xen/drivers/ivc/unbind'
}

# back_unload: ivc-back lets go of all devices, and goes; their ends are told
back_unload() {
	back_unbind && rmmod ivc_back
}

back_unbind() {
	for _dev in /sys/bus/xen-backend/drivers/ivc/ivc-*; do
		[ ! -e "$_dev" ] || echo "${_dev##*/}" >/sys/bus/xen-backend/drivers/ivc/unbind
	done
}

# guest_attached N SECONDS: every ivc device of the guest is connected (4)
guest_attached() (
	base=/local/domain/$(guest_domid "$1")/device/ivc
	end=$(($(date +%s) + $2 * LAB_SLOWER))
	while [ "$(date +%s)" -le "$end" ]; do
		bad=0
		for dev in $(xenstore-list "$base" 2>/dev/null); do
			[ "$(xenstore-read "$base/$dev/state" 2>/dev/null)" = 4 ] || bad=1
		done
		[ $bad = 1 ] || return 0
		sleep 0.2
	done
	return 1
)

# guest_create N: create, wait until it is usable
guest_create() {
	guest_start "$1" && guest_wait "$1"
}

# guest_remake N: create guest N anew, in whatever state it is
guest_remake() {
	guest_alive "$1" && guest_destroy "$1" >/dev/null 2>&1
	guest_create "$1" >/dev/null
}

# guest_destroy N: at once, as a power failure would
guest_destroy() {
	xl destroy "guest$1" && labctl gone "guest$1" 20
}

# guest_shutdown N: a clean power-off, from within
guest_shutdown() {
	labctl exec -t 5 "guest$1" 'poweroff -f' >/dev/null 2>&1 || :
	labctl gone "guest$1" 30
}

# guest_reboot N: from within; xl makes a new domain of the same name
guest_reboot() {
	set -- "$1" "$(guest_domid "$1")"
	labctl exec -t 5 "guest$1" 'reboot -f' >/dev/null 2>&1 || :
	labctl gone "$2" 30 || return 1
	wait_until 20 guest_alive "$1" && guest_wait "$1"
}

# guest_save N FILE; guest_restore N FILE: suspend to a file in Dom0, resume.
# The new domain is attached again by whoever's job that is, not here.
guest_save() {
	xl save "guest$1" "$2" >/dev/null
}

guest_restore() {
	xl restore "$2" >/dev/null && labctl ready "guest$1" 30
}

# guest_pause N; guest_unpause N: stop its vCPUs, as a loaded host would
guest_pause() {
	xl pause "guest$1"
}

guest_unpause() {
	xl unpause "guest$1"
}

# dom0_first: Dom0 runs whenever it can, on CPUs too few for all guests
dom0_first() {
	xl sched-credit2 -d 0 -w 4096
}

# wait_until SECONDS COMMAND...: poll until COMMAND succeeds; seconds, as all that are
# given to these functions, of a machine that is neither slow nor busy
wait_until() {
	_end=$(($(date +%s) + $1 * LAB_SLOWER))
	shift
	until "$@"; do
		[ "$(date +%s)" -le "$_end" ] || return 1
		sleep 0.2
	done
}
