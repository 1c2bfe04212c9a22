#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ntsyncctl on a machine with or without the device: its command line, valid JSON, its completion and its
# man page.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

ctl=build/tools/ntsyncctl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# status WANTED COMMAND…: it exits with that status.
status() {
	local want=$1 got=0
	shift
	"$@" >"$work/out" 2>"$work/err" || got=$?
	[ "$got" -eq "$want" ] || { echo "status $got: $*"; cat "$work/out" "$work/err"; return 1; }
}

# with_driver COMMAND…: as if a driver served the device.
with_driver() {
	local user=()
	[ "$(id -u)" -eq 0 ] || user=(--map-root-user)
	# shellcheck disable=SC2016 # expanded by the shell inside
	unshare --mount "${user[@]}" sh -euc '
		mount -t tmpfs ntsyncctl-test /sys/class/misc
		mkdir /sys/class/misc/ntsync
		exec "$@"' sh "$@"
}

without_driver() {
	local args
	for args in top "top -b" "top -n 1 --json" graph "graph --json"; do
		# shellcheck disable=SC2086 # words are meant to be split
		status 1 timeout 10 "$ctl" $args
		[ ! -s "$work/out" ] || { echo "said something on stdout: $args"; return 1; }
		grep -q 'no driver serves /dev/ntsync' "$work/err"
	done
	# These two report that there is no driver, which is what they are for.
	status 0 "$ctl" status
	grep -q '^driver: *none' "$work/out"
	status 1 "$ctl" check
}

# In a mount namespace in which /dev/ntsync is a device. One process has it open; another one has a file of
# that name open. Prints the pid of the first one, then the output of COMMAND….
beside_a_fake() {
	local user=()
	[ "$(id -u)" -eq 0 ] || user=(--map-root-user)
	# shellcheck disable=SC2016 # expanded by the shell inside
	unshare --mount "${user[@]}" bash -euc '
		mount -t tmpfs ntsyncctl-test /sys/class/misc
		mkdir /sys/class/misc/ntsync
		echo 1:3 >/sys/class/misc/ntsync/dev
		mount -t tmpfs ntsyncctl-test /sys/module
		mkdir /sys/module/ntsync
		echo 1.0 >/sys/module/ntsync/version
		echo 1 >/sys/module/ntsync/refcnt
		touch "$0/null"
		mount --bind /dev/null "$0/null"
		unshare --mount bash -euc "mount -t tmpfs ntsyncctl-test /dev; echo >/dev/ntsync
			exec sleep 600 </dev/ntsync >$0/fake 2>&1" &
		fake=$!
		mount -t tmpfs ntsyncctl-test /dev
		touch /dev/ntsync
		mount --bind "$0/null" /dev/ntsync
		sleep 600 </dev/ntsync >"$0/real" 2>&1 &
		real=$!
		trap "kill $fake $real" EXIT
		echo "$real"
		until [ "$(readlink "/proc/$fake/fd/0")" = /dev/ntsync ] && [ "$(readlink "/proc/$real/fd/0")" = /dev/ntsync ]; do
			:
		done
		"$@" 2>&1' "$work" "$@"
}

# A user can make a file with the device'"'"'s name where only it sees it.
fakes_are_not_counted() {
	beside_a_fake "$ctl" status --json >"$work/out"
	cat "$work/out"
	[ "$(tail -n +2 "$work/out" | jq -c '[.processes[].pid]')" = "[$(head -n 1 "$work/out")]" ]
}

fakes_dont_use_the_module() {
	beside_a_fake packaging/loaded removed >"$work/out"
	cat "$work/out"
	grep -qF "in use (count 1, processes $(head -n 1 "$work/out"))" "$work/out"
}

# The error message repeats the wrong argument, without control characters.
says_what_is_wrong() {
	local args word
	for args in "nonsense:nonsense" "top -n x:x" "top -d 1e9:1e9" "status top:top" \
			"status --nonsense:--nonsense" "--nonsense top:--nonsense" "top -bx:-x" "top -n:-n"; do
		word=${args##*:}
		# shellcheck disable=SC2086 # words are meant to be split
		status 2 "$ctl" ${args%:*}
		grep -qF "'$word'" "$work/err" || { cat "$work/err"; return 1; }
	done
	status 2 "$ctl" $'a\033[2Jb'
	no_codes "$work/err"
	grep -qF "'a\x1b[2Jb'" "$work/err"
}

bad_usage() {
	local args
	for args in "" nonsense "status top" "top -n 0" "top -n x" "top -n -1" "top -d 0" "top -d 1e9" \
			"top -d nan" "--nonsense" "top -n" trace "trace a b" "trace /nowhere"; do
		# shellcheck disable=SC2086 # words are meant to be split
		status 2 "$ctl" $args
		[ ! -s "$work/out" ] || { echo "said something on stdout: $args"; return 1; }
		grep -q . "$work/err"
	done
}

json() {
	"$ctl" status --json | jq -e '.driver.name and (.processes | type == "array")'
	with_driver "$ctl" graph --json | jq -e '.tasks and .objects and .edges'
	with_driver "$ctl" top --json -n 1 | jq -e '.objects'
	# One document a line.
	[ "$(with_driver "$ctl" top --json -n 3 -d 0.1 | jq -c .truncated | wc -l)" -eq 3 ]
	{ "$ctl" check --json || [ $? -eq 1 ]; } |
		tee "$work/checks" |
		jq -e '.problems == ([.checks[] | select(.verdict == "problem")] | length)'
	# What a report of a bug needs.
	jq -e '.ntsyncctl and .driver.name and .node and .kernel.release and .user' "$work/checks"
	jq -e '[.checks[] | select(.text == "")] == []' "$work/checks"
}

check_status() {
	local problems want
	problems=$({ "$ctl" check --json || :; } | jq .problems)
	want=$((problems > 0))
	status "$want" "$ctl" check
}

# Text and JSON of all commands.
full_device() {
	local args
	for args in status graph "top -b -n 1" check "status --json" "graph --json" "top --json -n 1" \
			"check --json"; do
		status 2 with_driver bash -c "$ctl $args >/dev/full"
	done
}

# no_codes FILE: it contains no control characters for a terminal.
no_codes() {
	if grep -q $'\033' "$1"; then
		cat -v "$1"
		return 1
	fi
}

no_terminal() {
	TERM=xterm with_driver "$ctl" top -n 1 </dev/null >"$work/out"
	no_codes "$work/out"
}

# A terminal of script(1): a dumb one gets no codes, another does.
dumb_terminal() {
	TERM=dumb with_driver script -qec "$ctl top -n 1" /dev/null </dev/null >"$work/out"
	no_codes "$work/out"
	grep -q '^ntsync: ' "$work/out"
	TERM=xterm with_driver script -qec "$ctl top -n 1" /dev/null </dev/null >"$work/out"
	grep -q $'\033' "$work/out"
}

# record TIME SEQ OP HANDLE THREAD TYPE: a line of the trace.
record() {
	echo "ntsync_nt 1 table=7.10 time=$1 seq=$2 op=$3 handle=$4 generation=1 thread=$5 type=$6 object=$2"
}

# 0x4 is left open, 0x8 is used twice after thread 0x20 has closed it, and given out again; 0xc was never created.
# Two records could not be written, one of them the last.
write_trace() {
	echo "ntsync_nt 1 table=7.10 time=100.0 seq=0 op=begin"
	record 100.5 1 create 0x4 0x10 event
	record 101.0 2 create 0x8 0x10 mutant
	record 102.0 3 destroy 0x8 0x20 mutant
	record 103.0 4 invalid 0x8 0x10 none
	record 104.0 5 invalid 0x8 0x10 none
	record 105.0 6 create 0x8 0x10 event
	record 106.0 7 destroy 0x8 0x10 event
	record 107.0 9 invalid 0xc 0x10 none
	echo "ntsync_nt 1 table=7.10 time=108.0 seq=10 op=end"
	printf 'ntsync_nt 1 table=\033[2J time=108.0 seq=9 op=end\n'
	record nan 3 create 0x8 0x10 event
	echo "something else"
}

trace() {
	write_trace >"$work/trace"
	status 0 "$ctl" trace "$work/trace"
	diff -u - "$work/out" <<-'EOF'
	table 7.10: 3 handles created, 2 closed, 1 open at its end
	  open     0x4         event          created at 0.500000 s by thread 0x10
	  invalid  0x8         mutant         used at 3.000000 s by thread 0x10 (2 times), closed at 2.000000 s by thread 0x20
	  invalid  0xc         -              used at 7.000000 s by thread 0x10, not created before
	  records missing: 2
	lines that are not of a trace: 3
	EOF
	"$ctl" trace --json - <"$work/trace" | jq -e '.tables[0] | .nr_open == 1 and .nr_invalid == 2 and
		.missing == 2 and .ended and .open[0].handle == 4 and .open[0].created.time == 0.5 and
		.invalid[0].closed.thread == 32 and .invalid[0].object == 2'
	status 2 "$ctl" trace "$work"
	# What was left open at the end of the file, and a list that is too long.
	{ write_trace | head -n 1; for i in $(seq 200); do record 101.0 "$i" create "$((i * 4))" 0x10 event; done; } |
		"$ctl" trace - >"$work/out"
	grep -q '200 handles created, 0 closed, 200 open so far' "$work/out"
	grep -q '^  and 100 more$' "$work/out"
}

complete_words() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_ntsyncctl
	# shellcheck disable=SC2153 # the completion sets it
	echo "${COMPREPLY[*]}"
}

completion() {
	complete() { :; }
	# shellcheck source=tools/ntsyncctl.bash-completion
	. tools/ntsyncctl.bash-completion
	[ "$(complete_words ntsyncctl '')" = "status top check graph trace" ]
	[ "$(complete_words ntsyncctl s)" = status ]
	[ "$(complete_words ntsyncctl top --it)" = --iterations ]
	[ "$(complete_words ntsyncctl status --it)" = "" ]
	[ "$(complete_words ntsyncctl top -n '')" = "" ]
	[ "$(complete_words ntsyncctl top -n 3 --j)" = --json ]
	[ "$(complete_words ntsyncctl -n 3 to)" = top ]
	[ "$(complete_words ntsyncctl trace tests/ctl/test_host)" = tests/ctl/test_host.sh ]
}

# Every option of the program has a completion and a description.
options_are_known() {
	local option
	"$ctl" --help | grep -o -- '--[a-z]*' | sort -u >"$work/options"
	[ -s "$work/options" ]
	while read -r option; do
		grep -q -- "$option" tools/ntsyncctl.bash-completion || { echo "no completion: $option"; return 1; }
		grep -q -- "\\\\-\\\\-${option#--}" man/ntsyncctl.1 || { echo "not in the man page: $option"; return 1; }
	done <"$work/options"
}

man_page() {
	local said
	said=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 \
		man --warnings -E UTF-8 -l -Tutf8 -Z man/ntsyncctl.1 2>&1 >/dev/null)
	[ -z "$said" ] || { echo "$said"; return 1; }
}

install_and_uninstall() {
	local make=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s PREFIX=/opt/x "DESTDIR=$work/root")
	"${make[@]}" tools-install
	"$work/root/opt/x/bin/ntsyncctl" --version
	[ -s "$work/root/opt/x/share/man/man1/ntsyncctl.1" ]
	[ -s "$work/root/opt/x/share/bash-completion/completions/ntsyncctl" ]
	[ "$(stat -c %a "$work/root/opt/x/bin/ntsyncctl")" = 755 ]
	[ "$(find "$work/root" -type f | wc -l)" -eq 3 ]
	"${make[@]}" tools-uninstall
	[ -z "$(find "$work/root" -type f)" ]
}

# make_here ARGUMENT…: make without the flags and the job server of the one that runs us.
make_here() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make "$@"
}

# A user sees the result; a script with -s sees nothing.
make_says_where() {
	make_here lib tools examples >"$work/out"
	cat "$work/out"
	for result in build/lib/libntsync.a build/lib/libntsync.so build/tools/ntsyncctl build/examples/; do
		grep -q "$result" "$work/out" || { echo "does not say: $result"; return 1; }
	done
	[ -z "$(make_here -s lib tools examples)" ] || { echo "not silent"; return 1; }
}

# Everything that `make install` has installed is removed, and nothing else.
make_uninstall() {
	local root=$work/whole
	mkdir -p "$root/opt/x/bin"
	touch "$root/opt/x/bin/other"
	make_here -s install PREFIX=/opt/x DESTDIR="$root" >/dev/null
	[ "$(find "$root" ! -type d | wc -l)" -gt 10 ]
	make_here -s uninstall PREFIX=/opt/x DESTDIR="$root" >/dev/null
	find "$root" ! -type d
	[ "$(find "$root" ! -type d)" = "$root/opt/x/bin/other" ]
}

check_all_help() {
	local word
	status 0 timeout 120 scripts/check/all --help
	for word in host fast deep guest-6.12 ctl; do
		grep -qw -- "$word" "$work/out" || { echo "does not name $word"; return 1; }
	done
	status 2 timeout 120 scripts/check/all nonsense
	grep -q "no such tier or step: nonsense" "$work/err"
	# The other processes must not hide it.
	status 2 timeout 120 scripts/check/all shell nonsense
	grep -q "no such tier or step: nonsense" "$work/err"
}

tap "bad usage is 2, and said on stderr" bad_usage
tap "what is wrong is repeated" says_what_is_wrong
[ -e /sys/class/misc/ntsync ] || tap "top and graph without a driver" without_driver
[ -e /sys/class/misc/ntsync ] || {
	tap "a file with the device's name is no device" fakes_are_not_counted
	tap "nor does it keep a package from replacing the module" fakes_dont_use_the_module
}
tap "help and version" status 0 "$ctl" --help
tap "JSON is JSON" json
tap "check's exit status says whether there is a problem" check_status
tap "output that can't be written is an error" full_device
tap "trace" trace
tap "top without a terminal writes no codes" no_terminal
tap "top on a dumb terminal writes no codes" dumb_terminal
tap "completion" completion
tap "every option is completed, and in the man page" options_are_known
tap "the man page has no warnings" man_page
tap "install, without any privilege, and uninstall" install_and_uninstall
tap "make says where the result is" make_says_where
tap "make uninstall" make_uninstall
tap "scripts/check/all says what it can do" check_all_help
tap_end
