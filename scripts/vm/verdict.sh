# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What a run of the VM came to: from the guest's words on the control channel,
# the kernel's log, and whether QEMU had to be stopped. Sourced by run.

# word NAME: the rest of the first line that begins with NAME; fails without one.
word() {
	sed -n "/^$1\( \|\$\)/{s/^$1 *//;p;q}" "$work/ctl" | grep . ||
		{ grep -q "^$1\$" "$work/ctl" && echo; }
}

fail_with() {
	local code=$1
	shift
	note "$* (kernel log: $log)"
	exit "$code"
}

# The last marker that a test left in the log before line $1.
running_test() {
	head -n "$1" "$log" | sed -n 's/.*ntsync-test: /during test /p' | tail -n 1
}

# complaints: "LINE:TEXT" of every line that should not be there. Before the
# module was loaded the known noise of booting is passed over.
complaints() {
	local loaded
	loaded=$(grep -n -m 1 'ntsync-vm: module loaded' "$log" | cut -d : -f 1 || true)
	grep -nE -f <(patterns complaints) "$log" | grep -v 'ntsync-test: ' |
		drop_boot_noise "${loaded:-0}" || true
}

patterns() { grep -vE '^(#|$)' "$vm_dir/$1"; }

drop_boot_noise() {
	local loaded=$1 line
	while IFS= read -r line; do
		if [ "${line%%:*}" -lt "$loaded" ] && grep -qE -f <(patterns boot-noise) <<<"$line"; then
			continue
		fi
		printf '%s\n' "$line"
	done
}

judge_log() {
	local found first
	found=$(complaints)
	[ -n "$found" ] || return 0
	first=$(head -n 1 <<<"$found")
	head -n 20 <<<"$found" | sed 's/^[0-9]*:/  /' >&2
	fail_with "$1" "$2 $(running_test "${first%%:*}")"
}

verdict() {
	local status cpus
	tr -d '\r' <"$log" >"$log.new" && mv "$log.new" "$log"
	[ -e "$work/ctl" ] || : >"$work/ctl"
	status=$(word status) || status=''
	! grep -q 'Kernel panic' "$log" || judge_log 121 "panic"
	[ "$timed_out" = 0 ] || timeout_verdict
	judge_log 123 "the kernel complained"
	if cpus=$(word cpus) && [ "$cpus" != "$smp" ]; then
		fail_with 124 "CPUs missing: $cpus of $smp came up"
	fi
	judge_module
	if [ -z "$status" ] || ! word end >/dev/null; then
		tail -n 5 "$work/qemu.err" >&2
		fail_with 120 "lost VM: QEMU ended before the command did"
	fi
	exit "$status"
}

timeout_verdict() {
	tail -n 3 "$log" | sed 's/^/  /' >&2
	fail_with 122 "timeout: not done in $timeout s $(running_test "$(wc -l <"$log")")"
}

judge_module() {
	local what
	! word unloadable >/dev/null || fail_with 125 "the module did not load"
	! word nodevice >/dev/null || fail_with 125 "the module made no /dev/ntsync"
	if what=$(word leak); then fail_with 125 "leaked: $what"; fi
	if what=$(word inuse); then fail_with 125 "module still in use: $what"; fi
}
