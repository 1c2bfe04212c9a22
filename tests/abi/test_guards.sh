#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Distributions install another linux/ntsync.h. A program may include both, in either order, or through the
# library's header.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/tap.sh

CC=${CC:-cc}
foreign=$(mktemp -d)
trap 'rm -rf "$foreign"' EXIT

# Names as in the headers of 6.10 to 6.13, with values that no other header has.
mkdir "$foreign/linux"
cat > "$foreign/linux/ntsync.h" <<'H'
#ifndef __LINUX_NTSYNC_H
#define __LINUX_NTSYNC_H
struct ntsync_sem_args { int stale; };
#define NTSYNC_IOC_CREATE_SEM 1
#define NTSYNC_IOC_SEM_POST 2
#endif
H

compile() {
	$CC -std=c11 -Wall -Wextra -Werror -fsyntax-only "$@" -x c -
}

foreign_after_ours() {
	compile -I"$foreign" <<-'C'
	#include "include/uapi/linux/ntsync.h"
	#include <linux/ntsync.h>
	struct ntsync_sem_args args = { .count = 1, .max = 2 };
	_Static_assert(NTSYNC_IOC_CREATE_SEM == 0x40084e80, "ours");
	C
}

foreign_after_library() {
	compile -I"$foreign" -Ilib/libntsync <<-'C'
	#include <libntsync.h>
	#include <linux/ntsync.h>
	_Static_assert(NTSYNC_IOC_CREATE_SEM == 0x40084e80, "ours");
	C
}

foreign_before_library() {
	local errors
	errors=$(compile -I"$foreign" -Ilib/libntsync 2>&1 <<-'C'
	#include <linux/ntsync.h>
	#include <libntsync.h>
	C
	) && return 1
	grep "another linux/ntsync.h came first" <<< "$errors"
}

both_ours() {
	compile -Iinclude/uapi -Ilib/libntsync <<-'C'
	#include <linux/ntsync.h>
	#include <libntsync.h>
	#include <linux/ntsync.h>
	C
}

tap "a foreign linux/ntsync.h after ours adds nothing" foreign_after_ours
tap "a foreign linux/ntsync.h after libntsync.h adds nothing" foreign_after_library
tap "a foreign linux/ntsync.h before libntsync.h is refused" foreign_before_library
tap "ours under both of its names" both_ours
tap_end
