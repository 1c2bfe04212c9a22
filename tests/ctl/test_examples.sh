#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The examples and the benchmarks on a machine without the device: each of them says so and fails, prints
# no figures, and does not change the machine's settings.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

if [ -e /dev/ntsync ]; then
	echo "1..0 # SKIP this machine has the device"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
setting=/proc/sys/kernel/sched_rt_runtime_us
throttling=$(cat "$setting")

# refuses COMMAND…
refuses() {
	local got=0
	timeout 20 "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
	cat "$work/out" "$work/err"
	[ "$got" = 1 ] || { echo "exit status $got"; return 1; }
	! grep -qE '[0-9]' "$work/out" || { echo "figures without a device"; return 1; }
	grep -q /dev/ntsync "$work/out" "$work/err" || { echo "does not say why"; return 1; }
	[ "$(cat "$setting")" = "$throttling" ] || { echo "$setting has changed"; return 1; }
}

tap "the plot in the README has the figures of docs/demo.md" bench/plot-inversion --check

for name in chain daw dispatcher guest inversion minimal rpc; do
	tap "examples/$name without the device" refuses "build/examples/$name"
done
for name in aggregate latency lenders ops timer; do
	tap "bench/$name without the device" refuses "build/bench/$name"
done
tap_end
