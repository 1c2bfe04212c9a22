#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The symbols of the built library must be those that its headers declare.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/tap.sh

shared=build/lib/libntsync.so.0
static=build/lib/libntsync.a
headers=(lib/libntsync/{libntsync,ntsync_nt,ntsync_lock}.h)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

declared() {
	${CC:-cc} -E -P -DNTSYNC_LOCK_NO_INLINE -include "${headers[1]}" "${headers[2]}" | grep -oE '\bntsync_[a-z_0-9]+ *\(' | tr -d ' (' | sort
}

exported() {
	nm -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort
}

global_in_archive() {
	nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | sort
}

same() {
	diff -u <("$1") <("$2")
}

library_offers_something() {
	[ "$(exported | wc -l)" -ge 16 ]
}

every_symbol_has_a_version() {
	[ "$(nm -D --defined-only "$shared" |
		awk '$2 != "A" && $3 !~ /@@LIBNTSYNC_[0-9.]+$/' | tee /dev/stderr | wc -l)" -eq 0 ]
}

soname() {
	readelf -d "$shared" | grep -F 'Library soname: [libntsync.so.0]'
}

# Except one: the limit of descriptors before it was raised, for children of the process.
one_variable() {
	[ "$(nm "$static" | awk 'NF == 3 && $2 ~ /[bBcCdDgGsS]/ && $3 != "nt_fd_limits"' | tee /dev/stderr | wc -l)" -eq 0 ]
}

# Which file of the handle table uses a symbol of which other one.
calls() {
	local source object
	for source in lib/libntsync/nt/*.c; do
		object=build/lib/obj/nt/$(basename "$source" .c).o
		nm -g -P "$object" | awk -v file="$(basename "$source")" '{ print file, $1, $2 }'
	done | awk '$3 == "U" { uses[$1 " " $2]; next } { owner[$2] = $1 }
		END {
			for (use in uses) {
				split(use, part, " ")
				if (part[2] in owner)
					print part[1], owner[part[2]]
			}
		}'
}

# tsort says which files are in it.
no_circle() {
	calls >"$work/calls"
	[ -s "$work/calls" ]
	tsort "$work/calls" >/dev/null
}

every_function_is_described() {
	local name status=0
	for name in $(declared); do
		grep -qE "^ \* $name\(\) - " "${headers[@]}" || { echo "$name"; status=1; }
	done
	return "$status"
}

tap "the shared library exports functions" library_offers_something
tap "it exports what its headers declare, and nothing else" same declared exported
tap "the static library defines the same names" same declared global_in_archive
tap "every exported symbol has a version" every_symbol_has_a_version
tap "its name is libntsync.so.0" soname
tap "the library has one variable, the limit of descriptors for children" one_variable
tap "the files of the handle table call each other in no circle" no_circle
tap "every function is described in a header" every_function_is_described
tap_end
