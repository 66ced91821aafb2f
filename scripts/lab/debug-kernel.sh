#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A kernel with all of its checks on, for the lab: from Debian's own sources of
# the version that the lab runs otherwise, built once.
#
#   debug-kernel.sh DIR   leaves in DIR:
#       vmlinux           for PVH guests: debug/common.config + debug/pvh.config
#       pv/vmlinux        for PV guests and Dom0: common.config + debug/pv.config
#       build/{pvh,pv}    the trees that modules are built against (KDIR=)
#
# It takes 10 minutes on two cores and 4 GB of disk; JOBS= how many at once.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(mkdir -p "${1:?usage: debug-kernel.sh DIR}" && cd "$1" && pwd)
package=linux-source-6.1
archive=/usr/src/$package.tar.xz
src=$dir/$package

die() {
	echo "debug-kernel: $*" >&2
	exit 1
}

[ -e "$archive" ] || die "no $archive: make deps-debug"
version=$(dpkg-query -W -f '${Version}' $package)

# Code that runs before KASAN's shadow exists must do without KASAN: PVH's entry,
# Xen's first hypercalls, the string functions they call. The filter that confines
# injected faults to one module's code needs frame pointers on x86-64; later kernels
# have this change.
#
# Two orders of Linux's own locks are hidden from lockdep, since lockdep stops at its
# first report. gntdev copies to user space under a lock that its mmap() takes, too
# (xenstored does both). A process that sets a watch by /dev/xenbus locks its buffer
# before the watches; a suspend locks the watches before the replies.
patch_source() {
	local f

	for f in arch/x86/platform/pvh/Makefile arch/x86/xen/Makefile; do
		sed -i '1a KASAN_SANITIZE := n' "$src/$f"
	done
	sed -i '1a KASAN_SANITIZE_string.o := n' "$src/lib/Makefile"
	sed -i '/^config FAULT_INJECTION_STACKTRACE_FILTER/,/^config ARCH/{/depends on !X86_64/d}' \
		"$src/lib/Kconfig.debug"
	sed -i 's/^\tmutex_init(&priv->lock);/&\n\tlockdep_set_novalidate_class(\&priv->lock);/' \
		"$src/drivers/xen/gntdev.c"
	sed -i 's/^\tmutex_init(&u->msgbuffer_mutex);/&\n\tlockdep_set_novalidate_class(\&u->msgbuffer_mutex);/' \
		"$src/drivers/xen/xenbus/xenbus_dev_frontend.c"
	for f in gntdev.c xenbus/xenbus_dev_frontend.c; do
		grep -q novalidate "$src/drivers/xen/$f" || die "$f is not as it was"
	done
}

unpack() {
	local stamp=$dir/source.stamp want

	want="$version $(declare -f patch_source | sha256sum)"
	[ "$(cat "$stamp" 2>/dev/null)" != "$want" ] || return 0
	rm -rf "$src"
	tar -C "$dir" -xf "$archive"
	patch_source
	echo "$want" >"$stamp"
}

# wanted CONFIG FRAGMENT...: each setting of the fragments has come true
wanted() {
	local config=$1 line bad=
	shift

	while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%=n}=" "$config" || bad+=" $line" ;;
		CONFIG_*=*) grep -qxF "$line" "$config" || bad+=" $line" ;;
		esac
	done < <(cat "$@")
	[ -z "$bad" ] || die "$config: the kernel would not have$bad"
}

# build KIND VMLINUX
build() {
	local kind=$1 out=$dir/build/$1 stamp=$dir/$1.stamp sum
	local parts=("$here/debug/common.config" "$here/debug/$kind.config")

	sum=$(grep -hv '^#' "${parts[@]}" "$dir/source.stamp" | sha256sum)
	if [ -e "$2" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then
		return
	fi
	mkdir -p "$out" "$(dirname "$2")"
	cat "${parts[@]}" >"$out/wanted.config"
	make -s -C "$src" O="$out" KCONFIG_ALLCONFIG="$out/wanted.config" allnoconfig
	wanted "$out/.config" "${parts[@]}"
	make -s -C "$src" O="$out" -j "${JOBS:-2}" vmlinux modules
	cp "$out/vmlinux" "$2"
	echo "$sum" >"$stamp"
}

unpack
build pvh "$dir/vmlinux"
build pv "$dir/pv/vmlinux"
