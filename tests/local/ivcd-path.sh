# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# The paths at which ivcd and programs find each other without IVC_SOCKET.

# own COMMAND...: as a user of whom there is nothing on this machine yet, or,
# without root, as ourselves, with no more in the environment than is said.
place_uid=
if may_switch; then place_uid=$((1900000000 + $$)); fi
own() {
	set -- env -u IVC_TRANSPORT -u IVC_SOCKET -u XDG_RUNTIME_DIR "$@"
	[ -z "$place_uid" ] || set -- as "$place_uid" "$@"
	exec "$@"
}
runtime=$dir/runtime
mkdir "$runtime" && chmod 700 "$runtime"
[ -z "$place_uid" ] || chown "$place_uid" "$runtime"

# finds PATH [NAME=VALUE]: an ivcd there, and two that find it and each other
finds() {
	where=$1
	shift
	rm -f "$dir/place"
	spawn own "$@" "$bin/tools/ivcd" 2>"$dir/place"
	place=$pid
	until_true $soon grep -q 'listening' "$dir/place"
	cat "$dir/place"
	grep -q "on $where\$" "$dir/place" || { end "$place"; return 1; }
	spawn own "$@" "$api" sink --magic 7 --id 1 --timeout $soon
	a=$pid
	own_stream "$@" && wait "$a"
	rc=$?
	end "$place"
	return $rc
}
# In a process of its own: own() does not return.
own_stream() {
	(own "$@" "$api" stream --magic 7 --id 2 --peer 1 --messages 100 \
		--timeout $soon)
}
# The directory belongs to another user: no ivcd starts there, no program connects.
not_his() {
	mkdir "$tmp" && chmod 755 "$tmp" || return 1
	spawn "$bin/tools/ivcd" --socket "$tmp/ivcd.sock" 2>"$dir/place"
	place=$pid
	until_true $soon grep -q 'listening' "$dir/place" || return 1
	says ENODEV own_hosts
	rc=$?
	end "$place"
	rm -rf "$tmp"
	return $rc
}
# As su or sudo -E leave the environment: the directory is another user's, and
# his ivcd is there.
others_runtime() {
	others=$dir/others
	rm -rf "$others" && mkdir "$others" && chmod 755 "$others" &&
		chown 12345 "$others" || return 1
	spawn env -u IVC_SOCKET XDG_RUNTIME_DIR="$others" as 12345 \
		"$bin/tools/ivcd" --realm any 2>"$dir/place"
	place=$pid
	until_true $soon grep -q "listening, on $others/ivc" "$dir/place" ||
		return 1
	says ENODEV env -u IVC_TRANSPORT -u IVC_SOCKET \
		XDG_RUNTIME_DIR="$others" "$api" hosts --id 1 --timeout 1
	rc=$?
	end "$place"
	return $rc
}
# The directory is the user's own now; when the socket was made it was not.
# listens UID TEXT: what does root say of an ivcd of that user there?
listens() {
	rm -rf "$dir/mine" && mkdir "$dir/mine" "$dir/mine/ivc" &&
		chmod 777 "$dir/mine/ivc" || return 1
	spawn as "$1" "$bin/tools/ivcd" --socket "$dir/mine/ivc/ivcd.sock" \
		2>"$dir/place"
	place=$pid
	until_true $soon grep -q listening "$dir/place" || return 1
	chmod 755 "$dir/mine/ivc"
	chown "$3" "$dir/mine" "$dir/mine/ivc"
	says "$2" as "$3" env -u IVC_TRANSPORT -u IVC_SOCKET \
		XDG_RUNTIME_DIR="$dir/mine" "$api" hosts --id 1 --timeout 1
	rc=$?
	end "$place"
	return $rc
}
own_hosts() {
	(own "$api" hosts --id 1 --timeout 1)
}
if [ -e /dev/ivc ]; then
	skip 'the default transport: this is a guest'
else
	check "a user's socket, in XDG_RUNTIME_DIR" finds \
		"$runtime/ivc/ivcd.sock" "XDG_RUNTIME_DIR=$runtime"
fi
tmp=/tmp/ivc-$place_uid
if [ -n "$place_uid" ] && [ ! -e /dev/ivc ] && [ ! -e /run/ivc/ivcd.sock ]; then
	check "a user's socket, in /tmp" finds "$tmp/ivcd.sock"
	check 'the same, where XDG_RUNTIME_DIR is not his' finds \
		"$tmp/ivcd.sock" XDG_RUNTIME_DIR=/proc/none
	rm -rf "$tmp"
	check "another user's XDG_RUNTIME_DIR: his ivcd is not root's" others_runtime
	check "another user's ivcd in one's own directory is not trusted" \
		listens 12345 EACCES 0
	check "nor by somebody else than root" listens 12345 EACCES 12346
	check "root's ivcd there is" listens 0 'PASS hosts' 12346
	check 'a place in /tmp that somebody else has made' not_his
else
	skip "a user's socket, in /tmp: needs root, and none in /run"
fi
