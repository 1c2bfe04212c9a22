# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# TAP from shell functions: tap NAME COMMAND... is one test, whose output appears
# as comments only if it fails; tap_end prints the plan and fails if a test did.

tap_count=0
tap_failed=0

tap() {
	local name=$1 output status verdict=ok
	shift
	# A subshell outside of any condition, or `set -e` would be off inside.
	set +e
	output=$(set -e; "$@" 2>&1)
	status=$?
	set -e
	[ "$status" -eq 0 ] || verdict="not ok"
	tap_count=$((tap_count + 1))
	echo "$verdict $tap_count - $name"
	if [ "$verdict" != ok ]; then
		tap_failed=$((tap_failed + 1))
		while IFS= read -r line; do echo "# $line"; done <<< "$output"
	fi
}

tap_end() {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
}
