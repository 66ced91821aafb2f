# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2086,SC2154
# How an ivcd starts and ends: its options, what lies where its socket shall be,
# its standard descriptors, and who reads its log. Each ivcd here is one beside
# the broker of the other checks.

start=$dir/start
mkdir "$start" && chmod 755 "$start"
ss=$start/s
# The command itself and no function: what is spawned is ivcd, not a shell.
ivcd_there="$bin/tools/ivcd --socket $ss"

## options
wrong_option() { # TEXT ARGUMENT...
	text=$1
	shift
	says "$text" status 64 "$bin/tools/ivcd" "$@" || return 1
	grep -q 'Try: ivcd --help' "$dir/out"
}
check 'a value out of range: which option, which value, which range' \
	wrong_option '^ivcd: --max-rate 0: must be a number between 1 and 1000000000$' --max-rate 0
for v in x -1 1x 1000000001 99999999999999999999999 ''; do
	check "--max-rate '$v'" wrong_option "^ivcd: --max-rate $v: must be" \
		--max-rate "$v"
done
check '--mode 999' wrong_option '^ivcd: --mode 999: must be an octal' --mode 999
check '--realm pid' wrong_option '^ivcd: --realm pid: must be uid, gid or any' \
	--realm pid
check '--bogus' wrong_option "unrecognized option '--bogus'" --bogus
check 'a word too many' wrong_option "'word' is one word too many" word

## a file at the socket's path
# refused WHAT: ivcd does not start there, and nothing has changed there
refused() {
	before=$(ls -lA "$start")
	says "$ss: is $1; it is left alone" status 1 timeout $soon \
		"$bin/tools/ivcd" --socket "$ss" || return 1
	[ "$(ls -lA "$start")" = "$before" ] && return 0
	ls -lA "$start"
	return 1
}
clear_start() {
	rm -rf "$start" && mkdir "$start" && chmod 755 "$start"
}
at_file() {
	echo precious >"$ss"
	refused 'a file that is no socket' && [ "$(cat "$ss")" = precious ]
}
at_directory() {
	mkdir "$ss"
	refused 'a directory'
}
at_link() {
	echo precious >"$start/file"
	ln -s file "$ss"
	refused 'a symbolic link' && [ "$(cat "$start/file")" = precious ]
}
at_dangling_link() {
	ln -s nowhere "$ss"
	refused 'a symbolic link'
}
at_fifo() {
	mkfifo "$ss"
	refused 'a file that is no socket'
}
# TYPE: another process listens there
at_listener() {
	spawn "$bin/tests/local/hostile" listen "$ss" "$1"
	a=$pid
	until_true $soon test -S "$ss" || return 1
	refused 'a socket at which another program listens'
	rc=$?
	end "$a"
	return $rc
}
dead_socket() {
	spawn "$bin/tests/local/hostile" listen "$ss" seqpacket
	until_true $soon test -S "$ss" || return 1
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	[ -S "$ss" ]
}
at_strangers_socket() {
	dead_socket || return 1
	chown 12345 "$ss"
	refused "another user's socket"
}
for what in file directory link dangling_link fifo; do
	check "a $what at the socket's path stays" at_$what
	clear_start
done
for type in stream dgram seqpacket; do
	check "a $type socket in use at the socket's path stays" at_listener $type
	clear_start
done
if may_switch; then
	check "another user's dead socket stays" at_strangers_socket
else
	skip "another user's dead socket: needs root"
fi
clear_start

# ended PID: has it exited (perhaps as a zombie)?
ended() {
	! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}
# An ivcd of its own, until it is there; its number in $other
other_ivcd() {
	spawn "$@"
	other=$pid
	until_true $soon serves
}
serves() {
	IVC_SOCKET=$ss "$api" hosts --id 1 --hold 0 --timeout 1
}
other_ends() {
	kill "$other"
	until_true $soon ended "$other" || kill -9 "$other"
	wait "$other"
	rc=$?
	[ "$rc" = 0 ] || echo "ivcd ends with $rc"
	return $rc
}
replaces() {
	dead_socket && other_ivcd $ivcd_there && other_ends && [ ! -e "$ss" ]
}
check "a dead ivcd's socket is replaced" replaces
clear_start
# Between the check of the file and its removal another file is put there.
swapped() {
	dead_socket || return 1
	status 1 env LD_PRELOAD="$bin/tests/local/swap.so" SWAP_PATH="$ss" \
		timeout $soon "$bin/tools/ivcd" --socket "$ss" || return 1
	[ "$(cat "$ss")" = precious ]
}
if [ -z "${SLACK:-}" ]; then
	check 'a file put there at the last moment stays' swapped
else
	skip 'a file put there at the last moment: not with a sanitizer'
fi
clear_start
# While ivcd runs, its socket is removed.
replaced() {
	other_ivcd $ivcd_there || return 1
	rm "$ss" && echo precious >"$ss"
	other_ends && [ "$(cat "$ss")" = precious ]
}
check 'what has taken the place of its socket stays when it ends' replaced
clear_start

## the standard descriptors
# Nothing that it says may end up in a file that it has opened.
closed() { # REDIRECTIONS
	other_ivcd sh -c "exec '$bin/tools/ivcd' --verbose --socket '$ss' $1" ||
		return 1
	other_ends || return 1
	[ ! -s "$ss.lock" ] && return 0
	cat "$ss.lock"
	return 1
}
for r in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
	check "ivcd $r: its log is in no other file" closed "$r"
	clear_start
done

## the log
# As long as it takes to have served somebody, with --verbose
talks() {
	serves && serves && other_ends
}
reader_gone() {
	mkfifo "$start/log"
	spawn head -n 1 "$start/log"
	a=$pid
	other_ivcd sh -c "exec $ivcd_there --verbose 2>'$start/log'" || return 1
	wait "$a"
	talks
}
check "the log's reader goes: ivcd stays" reader_gone
clear_start
# A full pipe that is not read
reader_stopped() {
	mkfifo "$start/log"
	exec 7<>"$start/log"
	timeout 1 dd if=/dev/zero bs=4096 of="$start/log" 2>/dev/null
	# In a shell of its own: this one, too, may have something to say.
	other_ivcd sh -c "exec $ivcd_there --verbose 2>'$start/log'" && talks
	rc=$?
	exec 7<&-
	return $rc
}
check "the log's reader does not read: ivcd serves" reader_stopped
clear_start
log_full() {
	other_ivcd sh -c "ulimit -f 0
		exec '$bin/tools/ivcd' --verbose --socket '$ss' 2>'$start/log'" &&
		talks
}
check "the log's file may not grow (RLIMIT_FSIZE): ivcd serves" log_full
clear_start
