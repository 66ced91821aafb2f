#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What `make check-examples` runs: run.sh DIRECTORY-THAT-WAS-BUILT-INTO
#
# The programs of examples/ and of the manual pages, and the commands and programs
# of README.md and docs/user are tried as a reader would try them: with an
# installed library, over the local transport.
# One line per check; the last line is `N passed, N failed`.

bin=${1:?directory that was built into}
make=${MAKE:-make}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d) || exit 1
pids=
# shellcheck source=tests/check.sh
. "$here/../check.sh"

cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null; done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# A reader has neither the variables of this make nor another transport.
unset MAKEFLAGS MAKELEVEL MFLAGS IVC_TRANSPORT IVC_DEVICE XDG_RUNTIME_DIR
export HOME="$dir/home" LDCONFIG=true IVC_SOCKET="$dir/s"
export PKG_CONFIG_PATH="$dir/usr/lib/pkgconfig"
mkdir "$HOME"

# until_says TEXT FILE: waits until the file has that line
until_says() {
	n=0
	until grep -q -e "$1" "$2"; do
		n=$((n + 1))
		[ $n -lt 6000 ] || { cat "$2"; return 1; }
		sleep 0.05
	done
}

# start NAME COMMAND...: in the background, with its output in $dir/NAME
start() {
	log=$dir/$1
	shift
	"$@" >"$log" 2>&1 &
	started=$!
	pids="$pids $started"
}
broker() {
	start ivcd "$bin/tools/ivcd"
	ivcd=$started
	until_says listening "$dir/ivcd"
}

## examples/
examples=$dir/examples
build() {
	$make -s install-lib B="$bin" PREFIX="$dir/usr" || return 1
	cp -r "$here/../../examples" "$examples"
	$make -C "$examples" CC="${CC:-cc}" CFLAGS='-O2 -Wall -Wextra -Wshadow -Werror'
}
hello() {
	start server "$examples/hello-server"
	until_says waiting "$dir/server"
	timeout 120 "$examples/hello-client" || return 1
	until_says 'received: hello from the client' "$dir/server" &&
		wait "$started"
}
alone() {
	says 'start hello-server first' status 1 "$examples/hello-client"
}
echoes() {
	start server "$examples/echo-epoll"
	for i in 1 2 3 4 5 6 7 8; do
		timeout 120 "$examples/echo-client" one two "three $i" \
			>"$dir/client$i" 2>&1 &
		eval "client$i=$!"
	done
	for i in 1 2 3 4 5 6 7 8; do
		eval "wait \$client$i" || { cat "$dir/client$i" "$dir/server"; return 1; }
		says "^echo-client: three $i\$" cat "$dir/client$i" || return 1
	done
	until_says 'gone: it closed' "$dir/server" && kill "$started"
}
zero_copy() {
	start receiver "$examples/zero-copy" receive
	timeout 120 "$examples/zero-copy" send || return 1
	wait "$started"
	cat "$dir/receiver"
	[ "$(grep -c 'x 48, mean' "$dir/receiver")" = 10 ] &&
		grep -qx 'zero-copy: image 9, 64 x 48, mean 90' "$dir/receiver"
}
# ivcd ends and starts again: the channel stays open, the members join again.
migrates() {
	start one "$examples/migrate-events" 1 2
	one=$started
	start two "$examples/migrate-events" 2 1 150
	two=$started
	until_says 'connected to 2' "$dir/one" &&
		until_says 'connected to 1' "$dir/two" || return 1
	kill "$ivcd"
	wait "$ivcd"
	until_says 'ivcd, is gone' "$dir/one" && broker &&
		until_says 'ivcd, is back' "$dir/one" || return 1
	wait "$two" || { cat "$dir/two"; return 1; }
	until_says 'process 2 has left' "$dir/one" &&
		until_says 'the channel has ended (Broken pipe)' "$dir/one" &&
		grep -qx '2: 1[5-9][0-9] numbers have arrived, each once and in order' \
			"$dir/two" && kill "$one"
}
mpi_hello() {
	$make -C "$examples" -s mpi-hello MPICC=mpicc.openmpi || return 1
	says 'mpi-hello: 2 ranks, the sum of their numbers is 1' status 0 \
		env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
		OMPI_MCA_mca_base_component_path="$bin/mpi:SYS_DEFAULT" \
		timeout 120 mpirun.openmpi --oversubscribe -n 2 \
		--mca btl ivc,self "$examples/mpi-hello"
}

case $bin in
/*) ;;
*) bin=$PWD/$bin ;;
esac
broker || exit 1
check 'examples: they build with an installed library' build
check 'hello-client, hello-server: the paper'"'"'s Figure 5' hello
check 'hello-client without a server: which one to start' alone
check 'echo-epoll: eight clients at once' echoes
check 'zero-copy: ten images' zero_copy
check 'migrate-events: ivcd goes and comes again' migrates
if [ -e "$bin/mpi/mca_btl_ivc.so" ] && command -v mpirun.openmpi >/dev/null; then
	check 'mpi-hello: two ranks over IVC' mpi_hello
else
	skip 'mpi-hello: no Open MPI here'
fi

## manual pages, README, docs/user
# tried FILE...: the documents' own checks are counted as checks
tried() {
	# shellcheck disable=SC2046 # flags are words
	CC="${CC:-cc}" python3 "$here/documents.py" \
		"$(pkg-config --cflags --libs libivc)" "$@" >"$dir/tried" 2>&1
	rc=$?
	cat "$dir/tried"
	passed=$((passed + $(grep -c '^ok ' "$dir/tried")))
	failed=$((failed + $(grep -c '^FAIL ' "$dir/tried")))
	skipped=$((skipped + $(grep -c '^skip ' "$dir/tried")))
	[ $rc = 0 ] || { : >"$dir/log"; bad "documents.py ends with $rc"; }
}
cd "$here/../.." || exit 1
tried docs/man/*.3 docs/man/libivc.7
# The documents start an ivcd of their own, and mpirun, which root must allow.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1
export IVC_SOCKET="$dir/documents"
# shellcheck disable=SC2046 # names without white space
tried README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md \
	$(find docs/user -name '*.md' | sort)

finish
