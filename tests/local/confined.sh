# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2086,SC2154
# ivcd as ivcd.service runs it: a user of its own, no capability, no network, the
# socket handed over; and programs of two other users.

cs=$dir/c
no_rights='setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs
	--bounding-set=-all --inh-caps=-all'
# confined [TRACER...]: such an ivcd, its number in $confined
confined() {
	rm -f "$cs" "$dir/confined.log"
	spawn "$bin/tests/local/activate" "$cs" unshare --net $no_rights "$@" \
		"$bin/tools/ivcd" --realm any --verbose 2>"$dir/confined.log"
	confined=$pid
	until_true $soon test -S "$cs" && chmod 666 "$cs"
}
confined_traffic() {
	spawn env IVC_SOCKET="$cs" as 12345 "$api" sink --magic 7 --id 1
	a=$pid
	IVC_SOCKET=$cs as 12346 "$api" stream --magic 7 --id 2 --peer 1 \
		--messages 1000 --timeout $soon && wait "$a"
}
confined_ivcd() {
	confined || return 1
	confined_traffic
	rc=$?
	cat "$dir/confined.log"
	grep -E '^(Uid|Cap|NoNewPrivs)' "/proc/$confined/status"
	! grep -q -E '^Cap(Prm|Eff|Bnd|Amb):.*[1-9a-f]' \
		"/proc/$confined/status" || return 1
	kill "$confined"
	wait "$confined" && [ "$rc" = 0 ]
}
# The filter itself is systemd's to set: would it have refused anything?
confined_calls() {
	: >"$dir/trace" && chmod 666 "$dir/trace"
	# -D: ivcd keeps the number that the socket was handed to. With
	# LeakSanitizer a program that is traced ends in an error at its exit.
	confined strace -D -f -qq -o "$dir/trace" \
		-E "ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0" || return 1
	confined_traffic
	rc=$?
	cat "$dir/confined.log"
	kill "$confined"
	wait "$confined" && [ "$rc" = 0 ] || return 1
	# The tracer may take a moment longer.
	until_true $soon grep -q 'exit_group(' "$dir/trace" || return 1
	python3 "$here/syscalls.py" "$here/../../tools/ivcd/ivcd.service" \
		"$dir/trace"
}
if may_switch && unshare --net $no_rights true 2>/dev/null; then
	check 'no user, capability or network of its own: two users exchange data' \
		confined_ivcd
	if command -v strace >/dev/null && command -v systemd-analyze >/dev/null
	then
		check 'no system call that ivcd.service refuses' confined_calls
	else
		skip 'no system call that ivcd.service refuses: needs strace and systemd-analyze'
	fi
else
	skip 'ivcd without privileges, for two users: needs root'
fi
