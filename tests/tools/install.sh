#!/bin/sh
# SPDX-License-Identifier: MIT
# `make install` installs all that README promises. Run install.sh in the source
# tree, after the library and the tools were built. It writes only to a temporary
# folder and $B.
# One line per check; the last line is `N passed, N failed`.

make=${MAKE:-make}
cc=${CC:-cc}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=tests/check.sh
. "$(dirname "$0")/../check.sh"

# install_lib PREFIX [VARIABLE=VALUE...]: into that folder, as a user does
install_lib() {
	prefix=$1
	shift
	$make -s install-lib B="${B:-build}" PREFIX="$prefix" LDCONFIG=true "$@"
}

cat >"$dir/a.c" <<'END'
#include <stdio.h>
#include <ivc/ivc.h>

/* The library uses these names internally, too. */
int local_request, local_put;
void local_accept(void) {}
void local_close(void) {}

int main(void)
{
	/* Links all parts of the library; there is no broker to register with. */
	printf("version %x\n", ivc_version());
	return ivc_register(1, 1) != NULL;
}
END

# A program built as README says runs without LD_LIBRARY_PATH.
runs() {
	install_lib "$dir/here" || return 1
	export PKG_CONFIG_PATH="$dir/here/lib/pkgconfig"
	# shellcheck disable=SC2046 # flags are words
	$cc "$dir/a.c" -o "$dir/a" $(pkg-config --cflags --libs libivc) &&
		says '^version ' "$dir/a"
}
runs_static() {
	$cc -I"$dir/here/include" "$dir/a.c" -o "$dir/b" \
		"$dir/here/lib/libivc.a" -pthread && says '^version ' "$dir/b"
}
public_names() {
	nm -g --defined-only "$dir/here/lib/libivc.a" |
		awk 'NF == 3 && $3 !~ /^ivc_/ { print; n++ } END { exit n > 0 }'
}
# The library is not rebuilt between the two installations.
other_prefix() {
	install_lib /usr DESTDIR="$dir/dest" LIBDIR=/usr/lib/x86_64-linux-gnu ||
		return 1
	pc=$dir/dest/usr/lib/x86_64-linux-gnu/pkgconfig/libivc.pc
	cat "$pc"
	grep -qx 'prefix=/usr' "$pc" &&
		grep -qx 'libdir=/usr/lib/x86_64-linux-gnu' "$pc" &&
		! grep -q rpath "$pc"
}
export IVC_SOCKET="$dir/none"
check 'a program built with pkg-config runs' runs
check 'a program linked statically runs' runs_static
check 'libivc.a has the names of ivc.h and no others' public_names
check 'libivc.pc names the folders of its own installation' other_prefix

## make install: all that README's table promises on a machine without Xen, with the
## umask of a careful root. Open MPI's component has tests of its own.
everything() {
	(umask 077 && $make -s install B="${B:-build}" PREFIX=/usr MPI_HEADER= \
		DESTDIR="$dir/all") || return 1
	for f in bin/ivc-pingpong bin/ivc-roam sbin/ivcd lib/libivc.so.0 \
		include/ivc/ivc.h share/man/man1/ivc-pingpong.1 \
		share/man/man1/ivc-roam.1 share/man/man8/ivcd.8 \
		share/man/man7/libivc.7 share/man/man3/ivc_read.3 \
		lib/systemd/system/ivcd.socket lib/systemd/system/ivcd.service \
		lib/systemd/user/ivcd.socket lib/systemd/user/ivcd.service; do
		[ -f "$dir/all/usr/$f" ] || { echo "$f is missing"; return 1; }
	done
	! find "$dir/all" ! -type l ! -perm -444 | grep .
}
check 'make install: library, programs, pages and units, for everybody' everything

## make install-modules
kdir=$(find /usr/src -maxdepth 1 -name 'linux-headers-*-amd64' | sort -V | tail -n 1)
modules() {
	$make -s install-modules B="${B:-build}" KDIR="$kdir" DESTDIR="$dir/m" \
		PREFIX=/usr || return 1
	find "$dir/m"
	[ -e "$dir/m/usr/lib/udev/rules.d/60-ivc.rules" ] &&
		[ -n "$(find "$dir/m/lib/modules" -name ivc-front.ko)" ] &&
		[ -n "$(find "$dir/m/lib/modules" -name ivc-back.ko)" ]
}
# Modules for a kernel that is neither running nor named by KDIR
not_the_running() {
	says 'no headers of the running kernel' status 2 "$make" -s \
		install-modules B="${B:-build}" DESTDIR="$dir/n" && [ ! -e "$dir/n" ]
}
if [ -n "$kdir" ]; then
	check 'modules and the udev rule under DESTDIR' modules
	if [ ! -e "/lib/modules/$(uname -r)/build" ]; then
		check 'modules of another kernel only if it is named' \
			not_the_running
	fi
else
	skip 'modules: no kernel headers here'
fi

## scripts/deps beside another package manager: an apt-get that is locked out twice
mkdir "$dir/bin"
cat >"$dir/bin/apt-get" <<'END'
#!/bin/sh
n=$(cat "$0.tries" 2>/dev/null || echo 0)
echo $((n + 1)) >"$0.tries"
[ "$n" -ge "${LOCKED:-2}" ] || {
	echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held' >&2
	exit 100
}
case $* in
*install*) [ -z "$FAULT" ] || { echo "E: $FAULT" >&2; exit 100; } ;;
esac
END
printf '#!/bin/sh\nexit 1\n' >"$dir/bin/dpkg-query"
printf '#!/bin/sh\necho 0\n' >"$dir/bin/id"
chmod +x "$dir"/bin/*
echo a-package >"$dir/packages"
deps() {
	rm -f "$dir/bin/apt-get.tries"
	env PATH="$dir/bin:$PATH" "$@" scripts/deps "$dir/packages"
}
waits() {
	says 'waiting for another package manager.*lists/lock' status 0 deps &&
		[ "$(cat "$dir/bin/apt-get.tries")" = 4 ]
}
check 'deps waits for the lock of another package manager' waits
check 'deps tells another error at once' says 'E: no such package' status 1 \
	deps FAULT='no such package' LOCKED=0

finish
