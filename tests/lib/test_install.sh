#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs the library below a temporary folder, and builds and runs programs against it, as a user of
# pkg-config does.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/tap.sh

prefix=/opt/ntsync
libdir=$prefix/lib/somewhere
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

export PKG_CONFIG_LIBDIR=$root$libdir/pkgconfig
export PKG_CONFIG_SYSROOT_DIR=$root

# Valid C and C++. Without a device: a descriptor that is not open says EBADF.
cat > "$work/program.c" <<'C'
#include <errno.h>
#include <stddef.h>
#include <libntsync.h>
#include <ntsync_lock.h>
#include <ntsync_nt.h>

int main(void)
{
	struct ntsync_locker me;
	struct ntsync_rw rw = { 0 };
	struct ntsync_features features;
	struct ntsync_wait_opts opts = { NTSYNC_WAIT_FOREVER, 0, 1, 0, 0 };
	int objs[1] = { -1 };
	struct ntsync_nt_config config;
	struct ntsync_nt *nt;

	ntsync_nt_config_init(&config);
	config.handle_base = 1;

	return ntsync_nt_create(&config, &nt) != -EINVAL ||
	       ntsync_locker_init(&me, -1, 0) || ntsync_rw_lock(&me, &rw) ||
	       ntsync_rw_unlock(&me, &rw) ||
	       ntsync_features(-1, &features) != -EBADF ||
	       ntsync_wait_any(-1, objs, 1, &opts, NULL) != -EBADF;
}
C

run_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s "$@" DESTDIR="$root" PREFIX=$prefix \
		LIBDIR=$libdir
}

# $1: compiler, language and flags; $2: pkg-config options; the rest: linker flags.
build() {
	local compiler=$1 options=$2 cflags libs
	shift 2
	# shellcheck disable=SC2086 # words are meant to be split
	{
		cflags=$(pkg-config --cflags $options libntsync)
		libs=$(pkg-config --libs $options libntsync)
		$compiler -Wall -Wextra -Werror $cflags -o "$work/program" "$work/program.c" "$@" $libs
	}
}

run_shared() {
	readelf -d "$work/program" | grep -F 'Shared library: [libntsync.so.0]'
	LD_LIBRARY_PATH=$root$libdir "$work/program"
}

run_static() {
	[ "$(readelf -d "$work/program" | grep -cF 'Shared library')" -eq 0 ]
	"$work/program"
}

shared() {
	build "$1" ""
	run_shared
}

static() {
	build "$1" --static -static
	run_static
}

module_version() {
	[ "$(pkg-config --modversion libntsync)" = "$(sed -n 's/^NTSYNC_VERSION := //p' Kbuild)" ]
}

cflags_name_our_folder_only() {
	[ "$(pkg-config --cflags libntsync | xargs)" = "-I$root$prefix/include/libntsync" ]
}

uapi_header_is_a_copy() {
	local header
	for header in ntsync_uapi.h uapi/linux/ntsync.h; do
		cmp include/uapi/linux/ntsync.h "$root$prefix/include/libntsync/$header"
	done
}

# As Wine's configure does: it asks whether the header is there, and the source whether it is complete. The
# system's is one that neither may find.
uapi_folder_replaces_the_systems() {
	local folder
	mkdir -p "$work/old/linux"
	echo '#error the system has an old one' >"$work/old/linux/ntsync.h"
	cat >"$work/uapi.c" <<-'C'
	#include <linux/ntsync.h>
	#ifndef NTSYNC_IOC_EVENT_READ
	#error incomplete
	#endif
	struct ntsync_wait_args args = { .pad = 0 };
	C
	folder=$(pkg-config --variable=uapidir libntsync)
	folder=$root${folder#"$root"}
	$CC -isystem "$work/old" "-I$folder" -Wall -Wextra -Werror -fsyntax-only "$work/uapi.c"
	# The library's own flags do not bring it: such a program has what its system has.
	# shellcheck disable=SC2046 # words are meant to be split
	! $CC -isystem "$work/old" $(pkg-config --cflags libntsync) -fsyntax-only "$work/uapi.c"
}

nothing_outside() {
	[ "$(cd "$root" && find . -type f -o -type l | grep -vc "^.$prefix/")" -eq 0 ]
}

uninstalled() {
	run_make lib-uninstall
	[ -z "$(find "$root" -type f -o -type l)" ]
}

CC=${CC:-cc}
CXX=${CXX:-c++}
tap "lib-install" run_make lib-install
tap "it stays below PREFIX" nothing_outside
tap "pkg-config knows the version" module_version
tap "the include path has no linux/ntsync.h in it" cflags_name_our_folder_only
tap "the installed interface header is ours" uapi_header_is_a_copy
tap "uapidir has the header, for programs that ask for it" uapi_folder_replaces_the_systems
tap "C program, shared" shared "$CC -std=c11"
tap "C program, static" static "$CC -std=c11"
tap "C++ program, shared" shared "$CXX -x c++ -std=c++11"
tap "C++ program, static" static "$CXX -x c++ -std=c++11"
tap "lib-uninstall leaves nothing" uninstalled
tap_end
