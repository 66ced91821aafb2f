#!/bin/sh
# SPDX-License-Identifier: MIT
# ivcctl, as far as it goes without xenstore; the rest is tests/lab/ivcctl.sh:
# ivcctl.sh DIRECTORY-THAT-WAS-BUILT-INTO
# One line per check; the last line is `N passed, N failed`.

bin=${1:?directory that was built into}
ctl=$bin/tools/ivcctl
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=tests/check.sh
. "$(dirname "$0")/../check.sh"

[ -x "$ctl" ] || {
	skip 'ivcctl: built without the headers of Xen'
	finish
	exit
}

policy() {
	printf %b "$1" >"$dir/policy"
	shift
	says "$@"
}
# table TEXT: the driver's table, in the notation of printf %b
table() {
	mkdir -p "$dir/debugfs/ivc-back"
	printf %b "$1" >"$dir/debugfs/ivc-back/frontends"
}
tables() {
	table "$1"
	shift
	says "$@"
}
counts() {
	table "$head\\n1 red connected 2 3 40 0 100 0\\n"
	"$ctl" stat --debugfs "$dir/debugfs" --interval 1 --count 2 \
		>"$dir/stat" &
	stat=$!
	sleep 0.5
	table "$head\\n1 red connected 2 3 40 0 350 0\\n"
	wait $stat || return 1
	cat "$dir/stat"
	# 250 requests in a second; the sleep may take longer.
	awk '$1 == 1 && $7 ~ /^[0-9]/ { n++; bad += $7 < 150 || $7 > 251 }
	     END { exit n != 1 || bad }' "$dir/stat"
}
members() {
	printf '# member domid realm magic id channels more\n%s\n' \
		'7 1 red 42 0 1 new' >"$dir/debugfs/ivc-back/members"
	"$ctl" list --members --json --debugfs "$dir/debugfs" |
		python3 -c 'import json, sys; t = json.load(sys.stdin)
assert t == [dict(member=7, domid=1, realm="red", magic=42, id=0,
                  channels=1, more="new")], t'
}

head='# domid realm state contexts channels pages pending requests refused'
check 'ivcctl: help' says 'attach GUEST' "$ctl" --help
for c in attach detach realm list stat policy; do
	check "ivcctl: $c --help" status 0 "$ctl" $c --help
done
check 'ivcctl: no such command' status 64 "$ctl" destroy
check 'ivcctl: attach whom' status 64 "$ctl" attach
check 'ivcctl: a bad realm' status 64 "$ctl" attach x --realm 'a b'
check 'ivcctl: a bad limit' status 64 "$ctl" attach x --max-pages -1
check 'ivcctl: --watch without --all' status 64 "$ctl" attach x --watch
if [ ! -e /proc/xen/capabilities ]; then
	check 'ivcctl: not Dom0' says 'is this Dom0' "$ctl" list
fi
escaped() {
	says 'not .a.x1b\[2Jb' status 64 "$ctl" attach x \
		--realm "$(printf 'a\033[2Jb')"
}
check 'ivcctl: what others say is shown escaped' escaped
check 'ivcctl: a number out of range' says \
	'^ivcctl: --max-pages -1: must be a number between' \
	"$ctl" attach x --max-pages -1
check 'ivcctl: a wrong option' says 'Try: ivcctl list --help' \
	"$ctl" list --bogus
check 'ivcctl: a wrong option is named, beside those there are' says \
	'^ivcctl: --bogus: .*--members --channels --json' "$ctl" list --bogus
check 'ivcctl: a wrong letter is named' says '^ivcctl: -x: ' "$ctl" list -x
check 'ivcctl: a value is missing' says '^ivcctl: --wait: SECONDS is missing' \
	"$ctl" detach x --wait
check 'ivcctl: a flag with a value' says '^ivcctl: --json takes no value' \
	"$ctl" list --json=1
check 'ivcctl: a beginning of one option is enough' says 'there is no .*none' \
	"$ctl" list --mem --deb "$dir/none"
check 'ivcctl: a word is missing' says 'ivcctl migrate GUEST HOST' \
	"$ctl" migrate web1
check 'ivcctl: a word too many' says "'c' is one word too many" \
	"$ctl" realm a b c
pid_file() {
	echo precious >"$dir/pid"
	says "--pid-file $dir/pid: is something else" "$ctl" attach \
		--all --watch --policy tools/ivcctl/policy.conf \
		--pid-file "$dir/pid" || return 1
	[ "$(cat "$dir/pid")" = precious ]
}
check 'ivcctl: --pid-file on a file with something in it' pid_file
check 'ivcctl: the policy that is shipped' says 'no errors' \
	"$ctl" policy --policy tools/ivcctl/policy.conf
first='guest a* realm=x max-pages=9 # as\n\n#\nguest b deny\n'
check 'policy: first match' policy "$first" 'realm=x.*max-pages=9.*line 1' \
	"$ctl" policy --policy "$dir/policy" abc
check 'policy: deny' policy "$first" 'denied by line 4' \
	"$ctl" policy --policy "$dir/policy" b
check 'policy: no match' policy "$first" 'no line fits' \
	"$ctl" policy --policy "$dir/policy" c
for bad in 'host a realm=x' 'guest' 'guest a relm=x' 'guest a realm=' \
	'guest a realm=a/b' 'guest a max-pages=x' 'guest a deny realm=x' \
	'guest a max-pages=99999999999999999999' 'guest a dny'; do
	check "policy: '$bad'" policy "# one\n$bad\n" "policy:2: " \
		"$ctl" policy --policy "$dir/policy"
done
check 'stat: per second' counts
check 'stat: columns in another order' tables \
	'# new realm domid state pages\nz green 3 connected 12\n' \
	'^    3 green .* - .* - .*12' \
	"$ctl" stat --debugfs "$dir/debugfs" --count 1
check 'stat: an empty table' tables "$head\\n" requests/s \
	"$ctl" stat --debugfs "$dir/debugfs" --count 1
check 'stat: no table' tables 'rubbish\n' 'not understood' \
	"$ctl" stat --debugfs "$dir/debugfs" --count 1
check 'stat: no driver' says 'modprobe ivc-back' \
	"$ctl" stat --debugfs "$dir" --count 1
check 'list: members as JSON' members

finish
