# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Where things are, messages, and cache entries that are whole or not there.
# Sourced by the scripts of this folder.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # for those that source this
top_dir=$(cd "$vm_dir/../.." && pwd)
cache_dir=${NTSYNC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ntsync-rt}
self=${0##*/}

note() { printf '%s: %s\n' "$self" "$*" >&2; }
die() { note "$@"; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

host_suite() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
}

# triplet_of ARCH: what begins the names of ARCH's compiler and of its folder of libraries. Fails if nothing is
# cross-compiled for ARCH.
triplet_of() {
	case $1 in
	arm64) echo aarch64-linux-gnu ;;
	*) return 1 ;;
	esac
}

# kernel_release NAME: the "uname -r" of a kernel of the table, which is fetched or built if it is not there.
kernel_release() {
	cat "$("$vm_dir/kernel" "$1" | tail -n 1)/release"
}

# kernel_row NAME: its source, architecture and tier, of scripts/check/kernels.table.
kernel_row() {
	awk -v name="$1" '$1 == name { print $2, $3, $4; found = 1 } END { exit !found }' \
		"$vm_dir/../check/kernels.table"
}

# kernels_in_tier TIER…: the names of the kernels of these tiers (of all: all), one a line.
kernels_in_tier() {
	awk -v tiers=" $* " '!/^#/ && NF && (tiers == " all " || index(tiers, " " $4 " ")) { print $1 }' \
		"$vm_dir/../check/kernels.table"
}

# Holds the lock NAME of the cache until the calling (sub)shell ends. The lock's
# descriptor is 9; children that outlive their parent must close it.
lock() {
	mkdir -p "$cache_dir/locks"
	exec 9>"$cache_dir/locks/$1"
	flock -n 9 && return
	note "waiting for another run that is making $1"
	flock 9
}

# entry DIR COMMAND…: runs COMMAND with the name of an empty folder as one more
# argument and makes that folder DIR when it succeeds. A folder without a stamp
# was left half-written by a run that was killed: it is made anew.
entry() {
	local dir=$1 new=$1.new
	shift
	[ -e "$dir/stamp" ] && return
	as_root_rm "$new" "$dir"
	mkdir -p "$new"
	# Not in a condition: "set -e" has to stay in force inside COMMAND.
	"$@" "$new"
	touch "$new/stamp"
	mv -T "$new" "$dir"
}

# Entries made with debootstrap belong to root.
as_root_rm() {
	local path
	for path; do
		[ -e "$path" ] || continue
		rm -rf "$path" 2>/dev/null || as_root rm -rf --one-file-system "$path"
	done
}

# progress LABEL COMMAND…: runs COMMAND with its output in a log that is shown
# only when it fails; meanwhile one line says how long it has been going on.
progress() {
	local label=$1 log pid start=$SECONDS rc=0
	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		progress_line "$label" $((SECONDS - start)) "$log"
		sleep 1
	done
	wait "$pid" || rc=$?
	[ -t 2 ] && printf '\r\033[K' >&2
	if [ "$rc" != 0 ]; then
		tail -n 40 "$log" >&2
		note "$label: failed (status $rc)"
	else
		note "$label: done in $((SECONDS - start)) s"
	fi
	rm -f "$log"
	return "$rc"
}

# On a terminal one line that is rewritten, elsewhere a line every 30 seconds.
progress_line() {
	local last
	last=$(tail -n 1 "$3" | tr -cd '[:print:]' | cut -c1-50)
	if [ -t 2 ]; then
		printf '\r\033[K%s: %s: %d s  %s' "$self" "$1" "$2" "$last" >&2
	elif [ "$2" -gt 0 ] && [ $(($2 % 30)) = 0 ]; then
		note "$1: $2 s  $last"
	fi
}
