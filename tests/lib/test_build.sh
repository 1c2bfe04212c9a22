#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The library as other builds make it: for 32 bits, and with link-time optimisation. A program must link
# with the result, which must define only the names of the headers. And the headers as other programs
# compile them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/program.c" <<'C'
#include <errno.h>
#include <ntsync_lock.h>
#include <ntsync_nt.h>

int main(void)
{
	struct ntsync_locker me;
	struct ntsync_cs cs = { 0, 0 };
	struct ntsync_nt_config config;
	struct ntsync_nt *nt;

	ntsync_nt_config_init(&config);
	config.handle_base = 1;
	return ntsync_nt_create(&config, &nt) != -EINVAL || ntsync_locker_init(&me, -1, 0) ||
	       ntsync_cs_enter(&me, &cs) || ntsync_cs_leave(&me, &cs);
}
C

# $1: the source, compiled with $2 and linked with the archive that was built with the rest. Other arguments are
# what runs it.
program() {
	local name=$1 flags=$2
	shift 2
	# shellcheck disable=SC2086 # words are meant to be split
	${CC:-cc} $flags -Iinclude/uapi -Ilib/libntsync -o "$work/program" "$work/program.c" \
		"$work/$name/lib/libntsync.a" -lpthread
	"$@" "$work/program"
}

library() {
	local name=$1 flags=$2
	shift 2
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s lib BUILD="$work/$name" CFLAGS="$flags"
	program "$name" "$flags" "$@"
}

# (The compiler's own names are the same in each program.)
no_other_names() {
	[ -z "$(nm -g --defined-only "$work/$1/lib/libntsync.a" |
		awk 'NF == 3 && $3 !~ /^(ntsync_|__x86\.get_pc_thunk)/' | tee /dev/stderr)" ]
}

# A second has 64 bits: timers beyond 2038 would expire at once, again and again.
seconds_of_64_bits() {
	nm -u "$work/m32/lib/libntsync.a" >"$work/undefined"
	grep -E 'timerfd_settime64$' "$work/undefined" && ! grep -E ' timerfd_settime$' "$work/undefined"
}

# $1: compiler and standard
header() {
	printf '#include <%s.h>\n' ntsync_nt ntsync_lock >"$work/header.c"
	echo 'int main(void) { return 0; }' >>"$work/header.c"
	# shellcheck disable=SC2086 # words are meant to be split
	$1 -Wall -Wextra -pedantic -Werror -Iinclude/uapi -Ilib/libntsync -fsyntax-only "$work/header.c"
}

# flags ARGUMENT…: how make would compile, a command a line.
flags() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -Bn DESTDIR="$work/root" "$@" |
		grep -e ' -c -o ' >"$work/flags"
	[ "$(wc -l <"$work/flags")" -gt 50 ]
	! grep -v -e ' -Wall -Wextra ' "$work/flags"
}

# -Werror is for those who change the tree: a user's compiler may be newer, and warn of more.
warnings_are_errors() {
	flags lib tools
	! grep -v -e ' -Werror ' "$work/flags"
}

warnings_are_no_errors() {
	flags "$@"
	! grep -e ' -Werror ' "$work/flags"
}

tap "warnings are errors" warnings_are_errors
tap "not for those who install it" warnings_are_no_errors install
tap "not for packages" warnings_are_no_errors lib tools WARN='-Wall -Wextra'
tap "for 32 bits" library m32 "-O2 -m32" tests/lib/run32
tap "for 32 bits: no other names" no_other_names m32
tap "for 32 bits: seconds have 64" seconds_of_64_bits
tap "with link-time optimisation and without" library fat "-O2 -flto=auto -ffat-lto-objects"
tap "both: a program without it" program fat "-O2"
tap "both: no other names" no_other_names fat
tap "with link-time optimisation" library lto "-O2 -flto=auto"
for standard in "${CC:-cc} -std=c99" "${CC:-cc} -m32 -std=c99" "${CC:-cc} -std=c11" \
		"${CXX:-c++} -x c++ -std=c++98" "${CXX:-c++} -m32 -x c++ -std=c++98" \
		"${CXX:-c++} -x c++ -std=c++20"; do
	tap "the headers: $standard" header "$standard"
done
tap_end
