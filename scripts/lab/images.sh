# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Everything the lab boots, made from Debian packages, in $LAB_BUILD/images:
#
#   xen            the hypervisor, an ELF as QEMU's multiboot loader wants it
#   vmlinuz        Dom0's kernel
#   guest-kernel   the ELF inside vmlinuz: PV and PVH, quick for xl to load
#   dom0.img       Dom0's root: libxl, xenstored, a few tools (ext4)
#   dom0.cpio.gz   Dom0's initrd: busybox and kernel modules
#   guest.cpio     the guests' initrd, likewise
#   agent labctl   the control path's two ends (tests/lab/agent)
#
# The machine's own apt fetches the packages, with its own sources, keys and
# proxies; nothing is installed, mounted or run from them here, so no
# privilege is needed.  Each step has a stamp that holds a hash of its inputs.

# The packages of Dom0's root; apt adds what they depend on.
DOM0_PACKAGES="xen-utils-4.17 xenstore-utils busybox-static dash
	coreutils util-linux mount grep sed tar gzip procps socat libc6"
XEN_PACKAGE=xen-hypervisor-4.17-amd64

# Modules, in the words of modprobe; their dependencies are found.
DOM0_EARLY="virtio_pci virtio_blk virtio_console ext4"
DOM0_XEN="xenfs xen-evtchn xen-gntdev xen-gntalloc xen-privcmd"
DOM0_NET="bridge xen-netback virtio_net"
GUEST_XEN="xenfs xen-evtchn xen-gntdev xen-gntalloc"
GUEST_NET="xen-netfront"

# Tells what to install, since the lab installs nothing by itself.
need_tools() {
	local tool missing=()

	for tool in apt-get:apt cpio:cpio depmod:kmod mke2fs:e2fsprogs xz:xz-utils \
		    gcc:gcc make:make qemu-system-x86_64:qemu-system-x86; do
		command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}")
	done
	[ -e /usr/include/xenctrl.h ] || missing+=(libxen-dev)
	[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
	[ ${#missing[@]} = 0 ] ||
		die "this machine lacks some packages: apt-get install ${missing[*]}"
}

# The newest kernel whose headers are here: the one modules are built for.
kernel_version() {
	local dir

	if [ -n "${KVER:-}" ]; then
		echo "$KVER"
		return
	fi
	dir=$(find /usr/src -maxdepth 1 -name 'linux-headers-*-amd64' | sort -V | tail -1)
	[ -n "$dir" ] || die "no kernel headers: apt-get install linux-headers-amd64 (or set KVER=)"
	echo "${dir##*/linux-headers-}"
}

# fresh STAMP INPUTS...: true when STAMP was made from the same inputs
# (words and files); otherwise the new hash is left in $NEW_STAMP.
fresh() {
	local stamp=$1 input
	shift

	NEW_STAMP=$(for input in "$@"; do
		if [ -f "$input" ]; then sha256sum <"$input"; else echo "$input"; fi
	done | sha256sum)
	[ "$(cat "$IMAGES/$stamp.stamp" 2>/dev/null)" = "$NEW_STAMP" ]
}

done_with() {
	echo "$NEW_STAMP" >"$IMAGES/$1.stamp"
}

# apt, but with its archives in our directory; works for any user.
apt_here() {
	mkdir -p "$IMAGES/debs/partial"
	: >"$IMAGES/dpkg-status"
	apt-get -y -qq -o Dir::State::status="$IMAGES/dpkg-status" \
		-o Dir::Cache::archives="$IMAGES/debs" -o Dir::Cache::pkgcache= \
		-o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1 \
		-o APT::Sandbox::User= -o APT::Get::Download-Only=1 \
		--no-install-recommends "$@" >"$IMAGES/apt.log" 2>&1 || {
		cat "$IMAGES/apt.log" >&2
		die "apt could not fetch packages: try 'apt-get update' first"
	}
}

# unpack_packages DIR PACKAGE...: into an empty DIR, with all dependencies.
unpack_packages() {
	local dir=$1 deb
	shift

	rm -rf "$IMAGES/debs" "$dir"
	apt_here install "$@"
	mkdir -p "$dir"
	for deb in "$IMAGES"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm -rf "$IMAGES/debs"
}

# One package without its dependencies.
unpack_one() {
	local dir=$1 package=$2

	rm -rf "$IMAGES/debs" "$dir"
	mkdir -p "$IMAGES/debs" "$dir"
	(cd "$IMAGES/debs" && apt-get -qq -o APT::Sandbox::User= download "$package") \
		>"$IMAGES/apt.log" 2>&1 || {
		cat "$IMAGES/apt.log" >&2
		die "apt could not fetch $package: try 'apt-get update' first, or" \
		    "another kernel's headers (apt-get install linux-headers-amd64)"
	}
	dpkg-deb -x "$IMAGES"/debs/*.deb "$dir"
	rm -rf "$IMAGES/debs"
}

# The kernel's ELF lies in vmlinuz as an xz stream. xz complains about the 4
# bytes behind the stream, so success is an ELF in the output, not xz's status.
extract_elf() {
	local at

	at=$(LC_ALL=C grep -obUaP '\xFD7zXZ\x00' "$1" | head -1 | cut -d: -f1)
	[ -n "$at" ] || die "$1: no xz stream in this kernel"
	{ tail -c +$((at + 1)) "$1" | xz -dc --single-stream 2>/dev/null || :; } >"$2"
	[ "$(head -c 4 "$2" | tail -c 3)" = ELF ] || die "$1: no ELF in this kernel"
	pad_to_sectors "$2"
}

# QEMU shows a file as a disk of whole sectors.
pad_to_sectors() {
	truncate -s %512 "$1"
}

# Kernel, modules and hypervisor of exactly the headers' version.
build_kernels() {
	local version dir=$IMAGES/kernel

	version=$(dpkg-query -W -f '${Version}' "linux-headers-$KVER" 2>/dev/null || :)
	fresh kernels "$KVER" "$version" "$XEN_PACKAGE" "$LAB/images.sh" && return
	stage "fetching Linux $KVER and Xen"
	unpack_one "$dir" "linux-image-$KVER${version:+=$version}"
	cp "$dir/boot/vmlinuz-$KVER" "$IMAGES/vmlinuz"
	extract_elf "$IMAGES/vmlinuz" "$IMAGES/guest-kernel"
	depmod -b "$dir" "$KVER"
	unpack_one "$IMAGES/xen-package" "$XEN_PACKAGE"
	gzip -dc "$IMAGES"/xen-package/boot/xen-*-amd64.gz >"$IMAGES/xen"
	rm -rf "$IMAGES/xen-package"
	done_with kernels
}

# The root is only extracted, never configured: no maintainer script runs, so
# any user can do it, and what the scripts would have made is not missed.
build_dom0_root() {
	local root=$IMAGES/dom0-root

	# shellcheck disable=SC2086 # words are meant
	fresh dom0 $DOM0_PACKAGES "$LAB/images.sh" && return
	stage "fetching Dom0's packages"
	# shellcheck disable=SC2086
	unpack_packages "$root" $DOM0_PACKAGES
	rm -rf "$root"/usr/share/{doc,man,locale,info,perl*,lintian,bash-completion} \
		"$root"/usr/lib/{python3*,debug,udev,systemd} "$root"/lib/{udev,systemd} \
		"$root"/usr/lib/x86_64-linux-gnu/{perl*,libpython*,gconv} \
		"$root"/usr/lib/xen-4.17/lib/python* "$root"/usr/bin/{perl*,python3*}
	mkdir -p "$root"/{proc,sys,dev,run,tmp,lab,ivc,root,results,var/log/xen/console} \
		"$root"/{var/lib/xen,var/lock,etc}
	rm -rf "$root/var/run" && ln -s ../run "$root/var/run"
	echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
	echo "root:x:0:" >"$root/etc/group"
	[ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
	stage "making Dom0's disk"
	rm -f "$IMAGES/dom0.img"
	mke2fs -q -F -t ext4 -m 0 -O ^has_journal -E root_owner=0:0 -d "$root" \
		"$IMAGES/dom0.img" 400M
	cp "$root/bin/busybox" "$IMAGES/busybox"
	done_with dom0
}

# copy_modules DIR LIST MODULE...: the files, flat, into DIR, and their order
# of loading into DIR/LIST.
copy_modules() {
	local dir=$1 list=$2 path m
	shift 2

	mkdir -p "$dir"
	for m in "$@"; do
		modprobe -d "$IMAGES/kernel" -S "$KVER" --show-depends "$m" ||
			die "no module $m in the package linux-image-$KVER"
	done | while read -r _ path; do
		[ -e "$dir/${path##*/}" ] || cp "$path" "$dir/"
		echo "${path##*/}"
	done | awk '!seen[$0]++' >"$dir/$list"
}

# pack DIR: a cpio archive on stdout, everything owned by root.
pack() {
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0)
}

build_initrds() {
	local dir=$IMAGES/initrd applet

	fresh initrds "$(cat "$IMAGES/kernels.stamp" "$IMAGES/dom0.stamp")" "$LAB/images.sh" && return
	stage "making initrds"
	rm -rf "$dir"
	mkdir -p "$dir"/dom0/{bin,proc,sys,dev,newroot} "$dir"/guest/{bin,sbin,proc,sys,dev,run,tmp}
	cp "$IMAGES/busybox" "$dir/dom0/bin/busybox"
	ln -s busybox "$dir/dom0/bin/sh"
	# shellcheck disable=SC2086
	copy_modules "$dir/dom0/modules" early $DOM0_EARLY
	# shellcheck disable=SC2086
	copy_modules "$dir/dom0/modules" xen $DOM0_XEN
	# shellcheck disable=SC2086
	copy_modules "$dir/dom0/modules" net $DOM0_NET
	pack "$dir/dom0" | gzip -1 >"$IMAGES/dom0.cpio.gz"
	truncate -s %4 "$IMAGES/dom0.cpio.gz"	# another archive will follow it

	cp "$IMAGES/busybox" "$dir/guest/bin/busybox"
	for applet in $("$IMAGES/busybox" --list | grep -vx busybox); do
		ln -sf busybox "$dir/guest/bin/$applet"
	done
	ln -s bin/busybox "$dir/guest/init"
	# shellcheck disable=SC2086
	copy_modules "$dir/guest/modules" xen $GUEST_XEN
	# shellcheck disable=SC2086
	copy_modules "$dir/guest/modules" net $GUEST_NET
	echo "$KVER" >"$dir/guest/modules/version"
	pack "$dir/guest" >"$IMAGES/guest.cpio"
	rm -rf "$dir"
	done_with initrds
}

build_agent() {
	fresh agent "$LAB_TESTS"/agent/* && return
	stage "building the agent"
	rm -f "$IMAGES/agent" "$IMAGES/labctl"
	make -s -C "$LAB_TESTS/agent" O="$IMAGES" CFLAGS=-O2 ||
		die "the lab's agent does not build: apt-get install libxen-dev zlib1g-dev gcc"
	done_with agent
}

images_build() {
	mkdir -p "$IMAGES"
	need_tools
	KVER=$(kernel_version)
	build_kernels
	build_dom0_root
	build_initrds
	build_agent
}
