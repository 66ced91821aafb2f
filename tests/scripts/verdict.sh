#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# scripts/verdict: each input that changes runs the test again, nothing else
# does, and a failure is never kept.
set -eu

verdict=$(cd "$(dirname "$0")/../../scripts" && pwd)/verdict
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export VERDICTS="$work/verdicts"
unset FRESH

fail() {
	echo "verdict: FAILED: $*" >&2
	exit 1
}

# The test: counts its runs, and passes unless there is a file named broken.
cat >program <<'EOF'
#!/bin/sh
echo run >>runs
echo "all is well"
[ ! -e broken ]
EOF
chmod +x program
cat >cc <<'EOF'
#!/bin/sh
cat compiler-version
EOF
chmod +x cc
export CC="$work/cc"
echo 1 >compiler-version
echo 1 >tool-version
echo 1 >a
echo 1 >b
: >runs

# call [WORD...]: the verdict of the test
call() {
	"$verdict" count --tool 'cat tool-version' --inputs a b -- ./program "$@" \
		>out 2>&1
}

# expect_runs N WHY
expect_runs() {
	count=$(wc -l <runs)
	[ "$count" = "$1" ] || fail "$2: $count runs, expected $1"
}

call
expect_runs 1 "the first call"
grep -qx "all is well" out || fail "the test's own output is not shown"
call
expect_runs 1 "nothing has changed"
grep -q '^kept: count passed on these inputs at 2.*: all is well$' out ||
	fail "$(cat out): expected a line that begins with kept:"

n=1
for change in a b compiler-version tool-version; do
	echo 2 >$change
	call
	n=$((n + 1))
	expect_runs $n "$change has changed"
	call
	expect_runs $n "nothing has changed since $change"
done
call word
expect_runs 6 "the command has changed"
mv b c
if "$verdict" count --inputs a b -- ./program >out 2>&1; then
	fail "an input that does not exist is accepted"
fi
grep -q 'b: no such file' out || fail "$(cat out): expected the file's name"
mv c b
call word
expect_runs 6 "the name of a file has changed and changed back"
FRESH=1 call word
expect_runs 7 "FRESH=1"

touch broken
echo 3 >a
call && fail "a test that fails passes"
call && fail "a test that has failed passes"
expect_runs 9 "a failure was kept"
rm broken
call
expect_runs 10 "a failure was kept"
# A failure also ends the verdict of the inputs before it.
touch broken
FRESH=1 call && fail "a test that fails passes"
rm broken
call
expect_runs 12 "a verdict outlives a failure on the same inputs"
echo "verdict: a changed input runs the test again, nothing else does"
