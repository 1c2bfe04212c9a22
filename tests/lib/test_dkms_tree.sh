#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What packaging/dkms-tree refuses, with programs that only pretend. It runs as root of a mount namespace in
# which /usr/src and /usr/local/lib are empty, so nothing of this machine is changed, also if it does not refuse.
# shellcheck disable=SC2016 # expanded by the scripts that are made here
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fake PROGRAM BODY: a shell script in front of the real one.
fake() {
	printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"
	chmod 755 "$work/bin/$1"
}

# A machine where DKMS has ntsync 9.9, and no package has its files. What DKMS is told is in $work/told.
machine() {
	local name
	rm -rf "${work:?}/bin" "$work/told"
	mkdir "$work/bin"
	fake dkms "[ \"\$1\" = status ] && echo 'ntsync/9.9, 6.12-test, x86_64: installed' || echo \"\$*\" >>$work/told"
	for name in modprobe modinfo dpkg-query; do
		fake "$name" 'exit 1'
	done
	fake pacman 'echo "error: No package owns $2" >&2; exit 1'
	# RPM says it on stdout.
	fake rpm 'echo "file $4 is not owned by any package"; exit 1'
}

# run KBUILD COMMAND…: in the namespace, with this line in the Kbuild of 9.9. Prints "kept" if 9.9 is still there.
run() {
	local user=()
	[ "$(id -u)" -eq 0 ] || user=(--map-root-user)
	unshare --mount "${user[@]}" bash -euc '
		mount -t tmpfs ntsync-test /usr/src
		mount -t tmpfs ntsync-test /usr/local/lib
		mkdir /usr/src/ntsync-9.9
		touch /usr/src/ntsync-9.9/dkms.conf
		echo "$1" >/usr/src/ntsync-9.9/Kbuild
		PATH=$0/bin:$PATH
		shift
		status=0
		"$@" || status=$?
		[ ! -e /usr/src/ntsync-9.9/Kbuild ] || echo kept
		exit "$status"' "$work" "$@" >"$work/out" 2>&1
}

ours="NTSYNC_VERSION := 9.9"

# refuses TEXT KBUILD ACTION: says this, and removes nothing. (For a kernel that has no headers, in any case.)
refuses() {
	local status=0
	run "$2" env "KERNEL=${kernel:-6.99-none}" packaging/dkms-tree "$3" || status=$?
	cat "$work/out"
	[ "$status" -eq 1 ]
	grep -qF -- "dkms-$3: $1" "$work/out"
	grep -qx kept "$work/out"
	[ ! -e "$work/told" ]
}

nobody_objects() {
	machine
	run "$ours" packaging/dkms-tree remove
	cat "$work/out"
	[ "$(cat "$work/told")" = "remove -m ntsync -v 9.9 --all" ]
	! grep -x kept "$work/out"
}

# refuses_package PROGRAM BODY PACKAGE: for this answer of this package manager.
refuses_package() {
	machine
	fake "$1" "$2"
	refuses "the package $3 is installed" "$ours" install
	refuses "the package $3 is installed" "$ours" remove
}

package_of_dpkg() {
	refuses_package dpkg-query \
		'[ "$*" = "-S /usr/src/ntsync-9.9/dkms.conf" ] && echo "ntsync-dkms: $2"' ntsync-dkms
}

package_of_pacman() {
	refuses_package pacman \
		'[ "$*" = "-Qqo /usr/src/ntsync-9.9/dkms.conf" ] && echo ntsync-rt-dkms' ntsync-rt-dkms
}

package_of_rpm() {
	refuses_package rpm \
		'[ "$*" = "-qf --qf %{NAME} /usr/src/ntsync-9.9/dkms.conf" ] && printf ntsync-rt-dkms' ntsync-rt-dkms
}

somebody_elses() {
	machine
	refuses "DKMS has an ntsync 9.9 that is not ntsync-rt" "obj-m := ntsync.o" remove
}

no_root() {
	machine
	fake id 'echo 1000'
	refuses "this takes root" "$ours" install
}

an_old_kernel() {
	machine
	kernel=5.10.0-amd64 refuses "ntsync-rt is for kernels from 6.1 on, and this is 5.10.0-amd64" "$ours" install
}

no_headers() {
	machine
	refuses "the headers of 6.99-none are missing" "$ours" install
	grep -F linux-headers-rt-amd64 "$work/out"
}

tap "make dkms-remove removes what is its own" nobody_objects
tap "a package of dpkg is left alone" package_of_dpkg
tap "a package of pacman is left alone" package_of_pacman
tap "a package of RPM is left alone" package_of_rpm
tap "somebody else's ntsync is left alone" somebody_elses
tap "not without root" no_root
tap "not for kernels before 6.1" an_old_kernel
tap "not without headers" no_headers
tap_end
