#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What `make check-local` runs: run.sh DIRECTORY-THAT-WAS-BUILT-INTO
# The local transport: the scenarios of the lab, as far as they are about what
# a program sees, and then what is its own: users, namespaces, an ivcd that goes
# and comes back, enemies.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2086 # lists of options are meant to be split
. "$(dirname "$0")/lib.sh"

# as UID COMMAND..., alone COMMAND...: files, not functions, so that what runs
# in the background is the command itself and not a shell around it.
cat >"$dir/as" <<'END'
#!/bin/sh
id=$1
shift
exec setpriv --reuid "$id" --regid "${gid:-$id}" --clear-groups "$@"
END
cat >"$dir/alone" <<'END'
#!/bin/sh
exec unshare --user --map-root-user --net --pid --ipc --fork --kill-child "$@"
END
chmod 755 "$dir/as" "$dir/alone"
PATH=$dir:$PATH
may_switch() {
	[ "$(id -u)" = 0 ] && as 12345 true 2>/dev/null
}

## ivcd itself
check 'no ivcd: ENODEV' says ENODEV "$api" hosts --id 1 --timeout 1
check 'help' says '--realm uid' "$bin/tools/ivcd" --help
check 'version' status 0 "$bin/tools/ivcd" --version
check 'no such realm' status 64 "$bin/tools/ivcd" --realm pid
check 'no such quota' status 64 "$bin/tools/ivcd" --max-rate 0
check 'IVC_TRANSPORT of no sense' says EINVAL env IVC_TRANSPORT=carrier-pigeon \
	"$api" hosts --id 1
broker --verbose
check 'a second ivcd for one socket' says 'another ivcd is there' \
	"$bin/tools/ivcd" --socket "$IVC_SOCKET"
fds=$(open_fds "$ivcd")
rss() { awk '/^VmRSS/ { print $2 }' /proc/$ivcd/status; }

## the scenarios of the lab
. "$here/scenarios.sh"
hosts() {
	one hosts --magic 9 --id 1 --expect 2,3 --hold 1 --timeout $soon
	spawn "$api" hosts --magic 9 --id 2 --expect 1,3 --hold 5 --timeout $soon
	a=$pid
	spawn "$api" hosts --magic 9 --id 3 --expect 1,2 --hold 5 --timeout $soon
	b=$pid
	"$api" hosts --magic 10 --id 2 --expect none --hold 1 --forbid 1,3
	one_ends || return 1
	# The first has left: the lists have changed.
	wait "$a" && return 1
	wait "$b" && return 1
	return 0
}
check 'who is in the group' hosts
# A member that leaves before its JOIN was reported need not be reported.
guest() { # ID
	spawn "$api" hosts --magic 9 --id "$1" --expect 1 --hold 60
	until_true $soon grep -q "join id $1" "$dir/one" || return 1
	kill "$pid"
	wait "$pid"
	until_true $soon grep -q "leave id $1" "$dir/one"
}
events() {
	one events --magic 9 --id 1 --count 4 --timeout $soon
	until_true $soon state members 1 || return 1
	guest 2 && guest 3 || return 1
	one_ends || return 1
	cat "$dir/one"
	[ "$(cut -d' ' -f1-4 "$dir/one" | tr '\n' ,)" = \
		'event join id 2,event leave id 2,event join id 3,event leave id 3,PASS events: 4,' ]
}
check 'joins and leaves' events
counted "$bin/tests/local/api"
counted "$bin/tests/local/forks"
counted "$bin/tests/local/ends"
counted "$bin/tests/local/unload" "$bin/lib/libivc.so"
counted "$bin/tests/local/lacks"
counted "$bin/tests/local/glut" hang
counted "$bin/tests/local/glut" threads
counted "$bin/tests/local/glut" withdrawn
counted env IVC_SOCKET="$dir/steps.sock" IVCD_STEPS="$dir/steps" \
	"$bin/tests/local/steps" "$bin/tests/local/ivcd-steps"

. "$here/start.sh"
. "$here/ivcd-path.sh"
. "$here/meet.sh"
. "$here/quota.sh"
. "$here/confined.sh"
. "$here/restart.sh"
. "$here/enemy.sh"

## leaks
left_nothing() {
	until_true $soon state clients 0 && state members 0 && state channels 0 ||
		return 1
	now=$(open_fds "$ivcd")
	echo "descriptors: $fds at first, $now now; $before KiB, $(rss) KiB"
	[ "$now" = "$fds" ]
}
before=$(rss)
check 'ivcd has nothing left of all this' left_nothing
broker_end
finish
