# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What guests of scenarios with "mpi=yes" have besides: Debian's Open MPI, a
# launch agent, mpi4py and hpcc, in $IMAGES/mpi.cpio. Only files that a job
# needs go in, since all of it lies in the guests' memory. The component and the
# programs of this tree come with the payload: `make payload-mpi`.

MPI_PACKAGES="openmpi-bin libopenmpi3 libgfortran5 dropbear-bin python3-mpi4py
	python3-distutils hpcc libblas3"
# Programs, libraries that are loaded by name, and libraries for programs of
# MPI_SUITES (Fortran's arithmetic of vectors). Libraries that these need are found
# by the code below.
MPI_PROGRAMS="usr/bin/orterun usr/bin/orted usr/bin/ompi_info usr/bin/dbclient
	usr/bin/hpcc usr/bin/python3.11 usr/sbin/dropbear
	usr/lib/x86_64-linux-gnu/libmpi_mpifh.so.40
	usr/lib/x86_64-linux-gnu/libgfortran.so.5 lib/x86_64-linux-gnu/libmvec.so.1
	usr/share/doc/hpcc/examples/_hpccinf.txt"
# Components of Open MPI for hardware and batch systems that no guest has.
MPI_NOT='ucx|uct|ofi|psm|openib|usnic|monitoring|slurm|flux|jsm|gridengine'
MPI_NOT="$MPI_NOT|op_avx|romio|oshmem|spml|scoll|sshmem|memheap|atomic"
# The user that runs jobs, as in guest/etc/passwd.
MPI_HOME=home/mpi

# mpi_run ROOT PROGRAM...: a program out of the packages, installed or not
mpi_run() {
	local root=$1 program=$2 lib=lib/x86_64-linux-gnu
	shift 2

	"$root"/lib64/ld-linux-x86-64.so.2 --library-path \
		"$root/$lib:$root/usr/$lib:$root/usr/$lib/blas" "$root/$program" "$@"
}

# mpi_take ROOT DIR FILE...: with the libraries they need, and those need
mpi_take() {
	local root=$1 dir=$2 file lib found
	shift 2

	while [ $# -gt 0 ]; do
		file=$1
		shift
		[ ! -e "$dir/$file" ] || continue
		[ -e "$root/$file" ] || die "mpi: no $file in Debian's packages"
		mkdir -p "$dir/${file%/*}"
		cp -L "$root/$file" "$dir/$file"
		for lib in $(objdump -p "$root/$file" 2>/dev/null | awk '$1 == "NEEDED" { print $2 }'); do
			[ "${lib#ld-linux}" = "$lib" ] || lib=../../lib64/$lib
			for found in lib usr/lib; do
				found=$found/x86_64-linux-gnu/$lib
				[ ! -e "$root/$found" ] || break
			done
			# Of libraries there is one directory, so that all are found.
			case $lib in
			../*) set -- "$@" "lib64/${lib##*/}" ;;
			libblas*) set -- "$@" "usr/lib/x86_64-linux-gnu/blas/$lib" ;;
			*) set -- "$@" "$found" ;;
			esac
		done
	done
}

# The modules of Python that mpi4py and its tests load, compiled, without those
# that bring large libraries along. mpi_python ROOT DIR
mpi_python() {
	local root=$1 dir=$2 file python=$2/usr/lib/python3.11

	PYTHONHOME=$root/usr PYTHONPATH=$root/usr/lib/python3/dist-packages \
		mpi_run "$root" usr/bin/python3.11 -S -B -W ignore - >"$IMAGES/python.list" <<-'EOF'
		import sys
		sys.modules["_hashlib"] = sys.modules["_ssl"] = None
		import argparse, array, ctypes.util, distutils.util
		import distutils.versionpredicate, glob
		import inspect, io, itertools, json, marshal, math, mpi4py, operator
		import optparse, os, pickle, platform, random, runpy, site, socket, struct
		import subprocess, tempfile, textwrap, threading, time, unittest, uuid
		import warnings, weakref
		for m in list(sys.modules.values()):
		    print(getattr(m, "__file__", None) or "")
	EOF
	for file in $(sed -n "s,^$root/,,p" "$IMAGES/python.list"); do
		mpi_take "$root" "$dir" "$file"
	done
	cp -r "$root/usr/lib/python3/dist-packages/mpi4py" "$python/"
	rm -rf "$dir/usr/lib/python3" "$python/mpi4py/include"
	PYTHONHOME=$root/usr mpi_run "$root" usr/bin/python3.11 -S -m compileall \
		-q -b -s "$dir" "$python" || die "mpi: Python's modules do not compile"
	find "$python" '(' -name '*.py' -o -name '*.p[yx][xid]' ')' -delete
	ln -s python3.11 "$dir/usr/bin/python3"
}

# Every guest has the same keys: they are one user's, of machines that nobody
# else reaches. mpi_keys ROOT DIR
mpi_keys() {
	local root=$1 dir=$2 n public

	mkdir -p "$dir/etc/dropbear" "$dir/$MPI_HOME/.ssh"
	chmod 700 "$dir/$MPI_HOME" "$dir/$MPI_HOME/.ssh"
	for n in "$dir/etc/dropbear/key" "$dir/$MPI_HOME/.ssh/id_dropbear"; do
		mpi_run "$root" usr/bin/dropbearkey -t ed25519 -f "$n" >/dev/null 2>&1 ||
			die "mpi: no keys"
	done
	public() {
		mpi_run "$root" usr/bin/dropbearkey -y -f "$1" | awk '/^ssh-/ { print $1, $2 }'
	}
	public "$dir/$MPI_HOME/.ssh/id_dropbear" >"$dir/$MPI_HOME/.ssh/authorized_keys"
	for n in 1 2 3 4 5 6 7 8; do
		echo "guest$n $(public "$dir/etc/dropbear/key")"
	done >"$dir/$MPI_HOME/.ssh/known_hosts"
	cat >"$dir/usr/bin/ssh" <<-'EOF'
		#!/bin/sh
		# -x, no X11, is what mpirun says; dropbear has none
		[ "$1" != -x ] || shift
		exec dbclient "$@"
	EOF
	chmod 755 "$dir/usr/bin/ssh"
}

build_mpi() {
	local root=$IMAGES/mpi-root dir=$IMAGES/mpi components=usr/lib/x86_64-linux-gnu

	# shellcheck disable=SC2086 # words are meant
	fresh mpi $MPI_PACKAGES "$LAB/mpi.sh" && return
	stage "fetching Open MPI for the guests"
	# shellcheck disable=SC2086
	unpack_packages "$root" $MPI_PACKAGES
	rm -rf "$dir"
	# shellcheck disable=SC2046,SC2086
	mpi_take "$root" "$dir" $MPI_PROGRAMS $(cd "$root" &&
		find $components/openmpi/lib/openmpi3 $components/pmix2/lib/pmix \
			-name '*mca_*.so' | grep -vE "$MPI_NOT")
	ln -s orterun "$dir/usr/bin/mpirun"
	mkdir -p "$dir"/{etc,usr/share}
	cp -r "$root/etc/openmpi" "$dir/etc/"
	cp -r "$root/usr/share/openmpi" "$dir/usr/share/"
	cp -r "$root/$components/pmix2/share" "$dir/$components/pmix2/"
	echo 'hosts: files' >"$dir/etc/nsswitch.conf"
	mv "$dir"/usr/lib/x86_64-linux-gnu/blas/* "$dir/usr/lib/x86_64-linux-gnu/"
	mpi_python "$root" "$dir"
	mpi_keys "$root" "$dir"
	pack "$dir" >"$IMAGES/mpi.cpio"
	rm -rf "$root"
	done_with mpi
}

# mpi_ready: what this boot's guests want of it is there
mpi_ready() {
	[ "${CONF[mpi]}" = yes ] || return 0
	[ -d "$PAYLOAD/mpi" ] || die "no $PAYLOAD/mpi: make payload-mpi"
	build_mpi
}
