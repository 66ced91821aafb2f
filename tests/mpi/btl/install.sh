#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# install.sh BUILD: checks where `make install` puts its files, with several
# Open MPIs, and with empty variables.
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=tests/check.sh
. "$here/../../check.sh"
real=$(command -v "${MPICC:-mpicc.openmpi}")
unset MAKEFLAGS MFLAGS

# other_mpi NAME: makes an Open MPI with a compiler in $dir/NAME/bin. Its mpicc
# tells that the libraries are in $dir/NAME/lib.
other_mpi() {
	mkdir -p "$dir/$1/bin" "$dir/$1/lib" || return 1
	cat >"$dir/$1/bin/mpicc" <<-EOF
		#!/bin/sh
		[ "\$1" = --showme:libdirs ] || exec "$real" "\$@"
		echo "/nonexistent $dir/$1/lib"
	EOF
	chmod +x "$dir/$1/bin/mpicc"
}

# install_mpi and refused build missing files first, with the installed compiler.
install_mpi() {
	make -C "$here/../../.." --no-print-directory B="$bin" \
		DESTDIR="$dir/root" "$@" install-mpi
}

refused() {
	rm -rf "$dir/root"
	says "$1" make -C "$here/../../.." --no-print-directory B="$bin" \
		DESTDIR="$dir/root" "$2" "$3" || return 1
	[ ! -e "$dir/root" ] || { find "$dir/root"; return 1; }
}

# lands MPI FOLDER: the component comes to FOLDER of that Open MPI.
lands() {
	rm -rf "$dir/root"
	install_mpi MPICC="$dir/$1/bin/mpicc" || return 1
	[ -e "$dir/root$dir/$1/$2/mca_btl_ivc.so" ] || { find "$dir/root"; return 1; }
}

other_mpi asked
mkdir -p "$dir/asked/plugins"
cat >"$dir/asked/bin/ompi_info" <<EOF
#!/bin/sh
[ "\$*" = '--parsable --path pkglibdir' ] && echo "path:pkglibdir:$dir/asked/plugins"
EOF
chmod +x "$dir/asked/bin/ompi_info"
check 'the folder that ompi_info names' lands asked plugins

# As where tcp is a part of Open MPI's library: its file is nowhere.
other_mpi found
mkdir -p "$dir/found/lib/openmpi"
check 'without ompi_info: beside the libraries' lands found lib/openmpi

other_mpi none
check 'none to be found: an error, and nothing installed' \
	refused 'MPI_LIBDIR is empty' MPICC="$dir/none/bin/mpicc" install-mpi
check 'MPI_LIBDIR empty' refused 'MPI_LIBDIR is empty' MPI_LIBDIR= install-mpi
for v in LIBDIR INCLUDEDIR MANDIR; do
	check "$v empty" refused "$v is empty" "$v=" install-lib
done
for v in BINDIR SBINDIR MANDIR SYSCONFDIR UNITDIR; do
	check "$v empty, for tools" refused "$v is empty" "$v=" install-tools
done
finish
