#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs ntsync-wine and its library below a temporary folder, and runs commands by it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/tap.sh

prefix=/opt/ntsync
libdir=$prefix/lib/somewhere
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
launcher=$root$prefix/bin/ntsync-wine
library=$root$libdir/ntsync/libntsync-wine.so

run_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s "$@" DESTDIR="$root" PREFIX=$prefix \
		LIBDIR=$libdir
}

# The launcher knows the place without DESTDIR.
launch() {
	NTSYNC_WINE_LIBRARY=$library "$launcher" "$@"
}

# prints TEXT COMMAND…
prints() {
	local text=$1 found
	shift
	found=$("$@")
	[ "$found" = "$text" ] || { echo "printed: $found"; return 1; }
}

# ends_with STATUS COMMAND…
ends_with() {
	local wanted=$1 status=0
	shift
	"$@" || status=$?
	[ "$status" = "$wanted" ] || { echo "status $status"; return 1; }
}

knows_its_library() {
	grep -F ":-$libdir/ntsync/libntsync-wine.so}" "$launcher"
	[ -r "$library" ]
}

library_is_loaded() {
	launch cat /proc/self/maps | grep -F "$library"
}

# shellcheck disable=SC2016 # expanded by the shell inside
keeps_what_is_preloaded() {
	LD_PRELOAD=libc.so.6 prints "$library:libc.so.6" launch sh -c 'echo "$LD_PRELOAD"'
}

arguments_pass() {
	prints "--check|a b||" launch printf '%s|%s|%s|' --check 'a b' ''
}

runs_without_library() {
	prints works env NTSYNC_WINE_LIBRARY=/nowhere "$launcher" echo works
}

verbose_says_it_on_stderr() {
	prints "$root" launch --verbose realpath "$root" 2>"$work/said"
	grep "^library: .*$library" "$work/said"
	grep '^wine: .*/realpath$' "$work/said"
}

# Without a device it is 1; on a machine with one, what is there decides.
check_says_what_is_missing() {
	launch --check realpath >"$work/said" || [ $? = 1 ]
	[ -c /dev/ntsync ] || grep '^device: .*no /dev/ntsync' "$work/said"
	ends_with 1 launch --check no-such-command >"$work/said"
	grep '^wine: .*no command no-such-command' "$work/said"
}

makes_no_node() {
	[ -c /dev/ntsync ] || [ ! -e /dev/ntsync ]
}

uninstalled() {
	run_make wine-uninstall
	[ -z "$(find "$root" -type f -o -type l)" ]
}

tap "wine-install" run_make wine-install
tap "the launcher knows where its library is" knows_its_library
tap "the library is loaded" library_is_loaded
tap "what is preloaded already stays" keeps_what_is_preloaded
tap "arguments pass" arguments_pass
tap "the exit status passes" ends_with 7 launch sh -c 'exit 7'
tap "a command that is not there is 127" ends_with 127 launch no-such-command
tap "no command is 2" ends_with 2 launch
tap "a wrong option is 2" ends_with 2 launch --wrong
tap "without the library the command runs" runs_without_library
tap "--verbose" verbose_says_it_on_stderr
tap "--check" check_says_what_is_missing
tap "/dev/ntsync is not made" makes_no_node
tap "wine-uninstall leaves nothing" uninstalled
tap_end
