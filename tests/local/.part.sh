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
fds=$(open_fds "$ivcd")
rss() { awk '/^VmRSS/ { print $2 }' /proc/$ivcd/status; }
. "$here/quota.sh"
broker_end; finish
