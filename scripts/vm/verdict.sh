# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # its caller sets what is shared
# What a run of the VM came to: from the guest's words on the control channel,
# the kernel's log, and whether QEMU had to be stopped. Sourced by run.

# word NAME: the rest of the first line that begins with NAME; fails without one.
word() {
	sed -n "/^$1\( \|\$\)/{s/^$1 *//;p;q}" "$work/ctl" | grep . ||
		{ grep -q "^$1\$" "$work/ctl" && echo; }
}

# finding CODE TEXT: everything that is wrong gets its line; the first is the status.
finding() {
	note "$2 (kernel log: $log)"
	[ "$verdict" != 0 ] || verdict=$1
}

# The last marker that a test left in the log before line $1.
running_test() {
	head -n "$1" "$work/log" | sed -n 's/.*ntsync-test: /during test /p' | tail -n 1
}

# complaints: "LINE:TEXT" of every line that should not be there. The known noise
# of booting is passed over as long as it boots: with no end in the log, it all is.
complaints() {
	local booted
	booted=$(grep -n -m 1 'ntsync-vm: boot ended' "$work/log" | cut -d : -f 1 || true)
	grep -nE -f <(patterns complaints) "$work/log" | grep -v 'ntsync-test: ' |
		drop_boot_noise "${booted:-999999}" || true
}

patterns() { grep -vE '^(#|$)' "$vm_dir/$1"; }

drop_boot_noise() {
	local booted=$1 line
	while IFS= read -r line; do
		if [ "${line%%:*}" -lt "$booted" ] && grep -qE -f <(patterns boot-noise) <<<"$line"; then
			continue
		fi
		printf '%s\n' "$line"
	done
}

# The panic comes first: what led to it is a complaint too.
judge_log() {
	local found during
	found=$(complaints)
	[ -n "$found" ] || return 0
	head -n 20 <<<"$found" | sed 's/^[0-9]*:/  /' >&2
	during=$(running_test "${found%%:*}")
	if grep -q 'Kernel panic' <<<"$found"; then
		finding 121 "panic $during"
	else
		finding 123 "the kernel complained $during"
	fi
}

judge_timeout() {
	[ "$timed_out" = 1 ] || return 0
	tail -n 3 "$work/log" | sed 's/^/  /' >&2
	finding 122 "timeout: not done in $timeout s $(running_test "$(wc -l <"$work/log")")"
}

judge_cpus() {
	local cpus
	cpus=$(word cpus) && [ "$cpus" != "$smp" ] || return 0
	finding 124 "CPUs missing: $cpus of $smp came up"
}

judge_module() {
	local what
	! word unloadable >/dev/null || finding 125 "the module did not load"
	! word nodevice >/dev/null || finding 125 "the module made no /dev/ntsync"
	if what=$(word leak); then finding 125 "leaked: $what"; fi
	if what=$(word inuse); then finding 125 "module still in use: $what"; fi
}

# Without an explanation so far, a run that did not come to its end is a lost VM.
judge_end() {
	[ "$verdict" = 0 ] && ! word end >/dev/null || return 0
	grep -v "TCG doesn't support" "$work/qemu.err" | tail -n 5 >&2 || true
	finding 120 "lost VM: QEMU ended before the command did"
}

verdict() {
	local verdict=0 status
	tr -d '\r' <"$work/log" >"$work/log.new"
	mv "$work/log.new" "$work/log"
	[ -e "$work/ctl" ] || : >"$work/ctl"
	judge_log
	judge_timeout
	judge_cpus
	judge_module
	judge_end
	status=$(word status) || status=0
	[ "$verdict" = 0 ] || exit "$verdict"
	exit "$status"
}
