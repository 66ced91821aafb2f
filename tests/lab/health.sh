# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Is everything still well?  Asked after every scenario, of every domain.
#
#   health_begin DIR    note where the logs are now, and what is held
#   health_end DIR      0 = well; DIR/health.txt says what is not
#   health_boot DIR     the same question for the logs of the boot
#
# Logs: Dom0's and the guests' kernels, the guests' consoles (all that is left
# of a guest that died) and Xen's.  Usage: see health_usage().
# A scenario that provokes a line on purpose says expect_log first (lib.sh).

# Seconds in which usage must be as before, at the end of a scenario.
HEALTH_SETTLE=${HEALTH_SETTLE:-6}

# What no log may contain.
HEALTH_BAD='WARNING:|BUG|Oops|general protection|Call Trace|UBSAN|KASAN|kmemleak'
HEALTH_BAD="$HEALTH_BAD|Kernel panic|kernel tried to execute|unable to handle"
HEALTH_BAD="$HEALTH_BAD|possible circular locking|possible recursive locking|INFO: possible"
HEALTH_BAD="$HEALTH_BAD|inconsistent lock state|suspicious RCU usage|held lock freed"
HEALTH_BAD="$HEALTH_BAD|sleeping function called|scheduling while atomic|bad unlock balance"
HEALTH_BAD="$HEALTH_BAD|hung task|blocked for more than|self-detected stall|detected stalls"
HEALTH_BAD="$HEALTH_BAD|soft lockup|hard LOCKUP|refcount_t:|list_(add|del) corruption"
HEALTH_BAD="$HEALTH_BAD|Bad page|Bad rss|page allocation failure|Out of memory|oom-kill"
HEALTH_BAD="$HEALTH_BAD|g\.e\. 0x|deferring g\.e|still in use|Bad grant|bad flags in grant"
# Xen: its grant and event channel code complaining, a domain it crashed.
HEALTH_BAD="$HEALTH_BAD|grant_table\.c|gnttab|d[0-9]+v[0-9]+.*grant|event_channel\.c"
HEALTH_BAD="$HEALTH_BAD|domain_crash|Domain [0-9]+ .*crashed|Fatal|Assertion"

# What a boot may say all the same.  One pattern a line, its reason above it.
health_boot_allowed() {
	sed '/^#/d; /^$/d' <<-'EOF'
	# Xen says which grant table versions and limits it was told; no complaint.
	gnttab_max|Grant table
	# The kernels' list of mitigations warns about CPU bugs QEMU's model has.
	Spectre|MDS CPU bug|TAA CPU bug|MMIO Stale|RETBleed|SRBDS|L1TF
	# A PVH guest has no PCI at all.
	PCI: Fatal: No config space access function found
	# The debug kernel tells that it looks for leaks.
	kmemleak: (Kernel memory leak detector initialized|Automatic memory scanning)
	# Kernel command line and configuration echoes.
	Command line:
	EOF
}

# _health_grep MODE FILE...: their bad lines; MODE boot admits what boots may
# say.  The lab's own lines are left out, and those that the file expect_log
# announces, in the current directory.
# GNU grep, by its path: busybox's is far slower with this many patterns.
_health_grep() {
	_mode=$1
	shift
	/bin/grep -HE "$HEALTH_BAD" "$@" /dev/null >/run/lab/bad || return 0
	grep -v 'lab: ' /run/lab/bad |
		if [ "$_mode" = boot ]; then
			health_boot_allowed >/run/lab/allowed
			grep -vEf /run/lab/allowed
		else
			cat
		fi |
		if [ -s expect_log ]; then
			grep -vEf expect_log
		else
			cat
		fi
}

# Xen's log is a ring that others may clear: moved to a file as it comes.
_health_xen_log() {
	xl dmesg -c >>/run/lab/xen.log
}

_health_mark() {
	echo "lab: mark $1" >/dev/kmsg
	for _n in $(guest_numbers); do
		guest_alive "$_n" && labctl exec -t 10 "guest$_n" "echo 'lab: mark $1' >/dev/kmsg"
	done
	return 0
}

# _health_dmesg MARK: what the kernel logged after the last line "lab: mark
# MARK"; the whole log when there is none (a later boot).  Also a command for
# guests, so that little of their log has to travel.
_health_dmesg() {
	echo "dmesg | awk '/lab: mark $(echo "$1" | sed 's,/,.,g')\$/ { n = 0; next }
		{ line[n++] = \$0 } END { for (i = 0; i < n; i++) print line[i] }'"
}

# Is there, and was not found mute: each try costs a time limit.
_health_answers() {
	guest_alive "$1" && ! grep -qx "guest$1" /run/lab/mute 2>/dev/null
}

_health_console() {
	echo "/var/log/xen/console/guest-guest$1.log"
}

# health_usage: grants, event channels, nodes and so on that are in use, in words
# that do not change when a guest is created anew: domain names, not numbers; paths
# and counts, not ports and references.
#
#   evtchn, grant, mapped, dying   from Xen (tests/lab/agent/usage.c); exact
#   dom0-grant                     pages Dom0 shares that are mapped, from
#                                  Xen's debug key "g"
#   node                           xenstore paths with "ivc" in them
#   refs                           a module's use count
#   live                           lines of the drivers' debugfs files "live"
#
# With a vif, netfront and netback keep a changing number of pages granted to
# Dom0, so that grants to Dom0 are left out then; they are compared in all
# scenarios without a vif.
health_usage() {
	_map=
	for _n in $(guest_numbers); do
		_id=$(guest_domid "$_n") && _map="$_map $_id=guest$_n"
	done
	{
		labctl usage
		_health_dom0_grants
		xenstore-ls -f / | sed -n 's/ = .*//; /ivc/p' |
			grep -v '/data/lab/' | sed 's/^/node /'
		_health_counters dom0 <<-EOF
		$(sh -c "$_health_counters_cmd")
		EOF
		for _n in $(guest_numbers); do
			_health_answers "$_n" || continue
			_health_counters "guest$_n" <<-EOF
			$(labctl exec -t 10 "guest$_n" "$_health_counters_cmd")
			EOF
		done
	} | awk -v map="$_map" -v vif="$LAB_VIF" '
		BEGIN {
			name[0] = "dom0"
			n = split(map, m, " ")
			for (i = 1; i <= n; i++) { split(m[i], p, "="); name[p[1]] = p[2] }
		}
		function dom(id) { return (id in name) ? name[id] : "domain" id }
		$1 == "node" {
			n = split($2, part, "/"); path = ""
			for (i = 2; i <= n; i++) {
				# numbers after these are domain ids
				if (part[i-1] ~ /^(domain|ivc|backend|frontend)$/ && part[i] ~ /^[0-9]+$/ &&
				    !(part[i-1] == "ivc" && part[i-2] == "device"))
					part[i] = dom(part[i])
				path = path "/" part[i]
			}
			print "node", path; next
		}
		$1 == "evtchn" || $1 == "grant" || $1 == "mapped" || $1 == "dying" {
			if (vif == "yes" && $1 != "evtchn" && $3 == 0 && NF == 4) next
			$2 = dom($2)
			if ($1 == "evtchn" && NF == 5) $4 = dom($4)
			if (($1 == "grant" || $1 == "mapped") && NF == 4) $3 = dom($3)
		}
		{ print }' | LC_ALL=C sort
}

# The counters a driver exports: its use count, its debugfs files "live".
# shellcheck disable=SC2016
_health_counters_cmd='for m in /sys/module/ivc*; do
	[ -e $m/refcnt ] && echo "refs ${m##*/} $(cat $m/refcnt)"; done
	for f in /sys/kernel/debug/ivc*/live; do
	[ -e $f ] && sed "s,^,live $f ," $f; done; true'

_health_counters() {
	sed -n "/./s/^/$1 /p"
}

# Dom0's own grants: only this debug key shows them.  What else Xen may have
# said meanwhile goes to the log as usual.
_health_dom0_grants() {
	[ -d /sys/module/ivc_front ] || return 0
	_health_xen_log
	xl debug-keys g
	xl dmesg -c >/run/lab/debug-g
	grep -vE 'gnttab_usage_print|grant-table|active|^\(XEN\) \[' /run/lab/debug-g >>/run/lab/xen.log || :
	awk '/grant-table for remote d0 /{on=1; next} /grant-table for remote/{on=0}
	     on && /\[0x|\[ *[0-9]+\]/{n[$NF]++} END{for (d in n) print "dom0-grant", n[d]}' /run/lab/debug-g
}

# Kernel logs are complete at once; grants and the like need a moment to end.
health_begin() {
	mkdir -p "$1"
	rm -f "$1/expect_log"
	_health_xen_log
	wc -l </run/lab/xen.log >"$1/.xen"
	_health_mark "$1"
	for _n in $(guest_numbers); do
		_log=$(_health_console "$_n")
		[ -e "$_log" ] || : >"$_log"
		wc -l <"$_log" >"$1/.console$_n"
		guest_domid "$_n" >"$1/.domid$_n"
	done
	[ -e "$1/held-before" ] || health_usage >"$1/held-before"
}

# health_logs DIR: collect all logs since health_begin
health_logs() {
	_health_xen_log
	tail -n "+$(($(cat "$1/.xen") + 1))" /run/lab/xen.log >"$1/xen.log"
	sh -c "$(_health_dmesg "$1")" >"$1/dom0.dmesg"
	for _n in $(guest_numbers); do
		tail -n "+$(($(cat "$1/.console$_n") + 1))" "$(_health_console "$_n")" \
			>"$1/guest$_n.console" 2>/dev/null
		rm -f "$1/guest$_n.dmesg"
		_health_answers "$_n" || continue
		labctl exec -t 10 "guest$_n" "$(_health_dmesg "$1")" >"$1/guest$_n.dmesg" 2>/dev/null ||
			echo "guest$_n" >>/run/lab/mute
	done
}

# A guest made anew has booted within its log; everything else is strict.
_health_check_logs() (
	cd "$1" || return 1
	strict='xen.log dom0.dmesg' boot=''
	[ "${2:-}" != boot ] || { boot=$strict strict=''; }
	for _log in guest*.dmesg guest*.console; do
		[ -e "$_log" ] || continue
		_n=${_log#guest}
		_n=${_n%%.*}
		if [ "${2:-}" = boot ] || [ "$(guest_domid "$_n")" != "$(cat ".domid$_n" 2>/dev/null)" ]; then
			boot="$boot $_log"
		else
			strict="$strict $_log"
		fi
	done
	# shellcheck disable=SC2086 # lists of names
	{ _health_grep strict $strict; _health_grep boot $boot; } | sed 's/^/log /'
	sed 's/$/ is there, but does not answer/' /run/lab/mute
)

# health_differences BEFORE AFTER
health_differences() {
	awk 'NR == FNR { before[$0] = 1; next }
		$0 in before { delete before[$0]; next }
		{ print "leak: held now:    " $0 }
		END { for (line in before) print "leak: held before: " line }' "$1" "$2"
}

# Lines only before or only after, without those about guests gone meanwhile.
_health_compare() {
	for _n in $(guest_numbers); do
		guest_alive "$_n" || echo "guest$_n"
	done >/run/lab/gone
	for _f in before after; do
		if [ -s /run/lab/gone ]; then
			grep -vwFf /run/lab/gone "$1/held-$_f"
		else
			cat "$1/held-$_f"
		fi >"/run/lab/held-$_f"
	done
	health_differences /run/lab/held-before /run/lab/held-after
}

health_end() {
	health_logs "$1"
	_end=$(($(date +%s) + HEALTH_SETTLE))
	while :; do
		health_usage >"$1/held-after"
		_health_compare "$1" >"$1/.leaks"
		[ -s "$1/.leaks" ] || break
		[ "$(date +%s)" -lt "$_end" ] || break
		sleep 0.5
	done
	{ _health_check_logs "$1"; cat "$1/.leaks"; } >"$1/health.txt"
	rm -f "$1"/.leaks
	[ ! -s "$1/health.txt" ]
}

# health_boot DIR: everything logged so far is a boot's
health_boot() {
	mkdir -p "$1"
	echo 0 >"$1/.xen"
	for _n in $(guest_numbers); do
		echo 0 >"$1/.console$_n"
	done
	health_logs "$1"
	_health_check_logs "$1" boot >"$1/health.txt"
	[ ! -s "$1/health.txt" ]
}

# After a time limit: the state of every process of this Dom0
dom0_waits() {
	xl list
	netstat -tn
	ps -o pid,ppid,stat,args | grep -v ' \['
	for p in $(pidof xl socat ivcctl labctl); do
		echo "-- $p: $(tr '\0' ' ' <"/proc/$p/cmdline")"
		ls -l "/proc/$p/fd" | awk '{ print $9, $10, $11 }'
		cat "/proc/$p/stack"
	done
}
