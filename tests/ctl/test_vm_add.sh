#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What scripts/vm/run --add puts into the VM's root file system, without a VM.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=scripts/vm/common.sh
. scripts/vm/common.sh
# shellcheck source=scripts/vm/initramfs.sh
. scripts/vm/initramfs.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/outside/deep" "$work/prefix/dosdevices" "$work/prefix/drive_c" "$work/root/add"
echo secret >"$work/outside/deep/file"
echo inside >"$work/prefix/drive_c/file"
ln -s ../drive_c "$work/prefix/dosdevices/c:"
ln -s "$work/outside" "$work/prefix/dosdevices/z:"
ln -s "$work/outside/deep/file" "$work/prefix/far"
ln -s "$work/prefix/drive_c/file" "$work/prefix/absolute"
ln -s ../prefix-of-another "$work/prefix/sibling"
ln -s nowhere "$work/prefix/dangling"
ln -s . "$work/prefix/loop"
ln -s prefix "$work/named"

added() {
	add_path "$work/root" "$1" || return
	at=$work/root/add/${1##*/}
}

# As in a Wine prefix, which has a link to the root of the file system.
links_out_stay_links() {
	local at
	added "$work/prefix"
	find "$at" -ls
	[ "$(readlink "$at/dosdevices/z:")" = "$work/outside" ]
	[ "$(readlink "$at/far")" = "$work/outside/deep/file" ]
	[ "$(readlink "$at/sibling")" = ../prefix-of-another ]
	[ "$(readlink "$at/dangling")" = nowhere ]
	! grep -r secret "$work/root" || return 1
}

# In the guest, where the folder is /add/NAME.
links_inside_lead_there() {
	local at=$work/root/add/prefix
	[ "$(cat "$at/dosdevices/c:/file")" = inside ]
	[ "$(readlink "$at/absolute")" = /add/prefix/drive_c/file ]
	[ "$(readlink "$at/loop")" = . ]
}

# A link that the user names is followed.
the_path_itself() {
	local at
	added "$work/named"
	[ ! -L "$at" ]
	[ "$(cat "$at/drive_c/file")" = inside ]
	[ "$(readlink "$at/absolute")" = /add/named/drive_c/file ]
	ln -s "$work/outside/deep/file" "$work/one"
	added "$work/one"
	[ ! -L "$at" ]
	[ "$(cat "$at")" = secret ]
}

# With the libraries that they need, also for a name that ends in a slash.
programs_get_their_libraries() {
	mkdir -p "$work/programs"
	cp /bin/bash "$work/programs/shell"
	add_path "$work/root" "$work/programs/"
	[ -x "$work/root/add/programs/shell" ]
	find "$work/root" -name 'libc.so*' | grep .
}

tap "links that leave the folder stay links" links_out_stay_links
tap "links within the folder lead to the same file" links_inside_lead_there
tap "the path itself may be a link" the_path_itself
tap "programs get their libraries" programs_get_their_libraries
tap_end
