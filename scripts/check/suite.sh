# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What a test of packages does in a folder (scripts/check/in-suite). Its caller sets $root, $layer and
# $out, and has sourced scripts/vm/common.sh.

inside() {
	as_root scripts/check/in-suite "$root" "$layer" "$top_dir" "$@"
}

# A command that has to fail. (After a plain `!` a success would go unnoticed.)
fails() {
	! "$@"
}

# says TEXT: the last output had this in it. remember() has written it.
says() {
	grep -qF -- "$1" "$out" || { cat "$out"; echo "does not say: $1"; return 1; }
}

remember() {
	"$@" >"$out" 2>&1 || { cat "$out"; return 1; }
}

# --- the machine's kernel, as far as scripts can see it ------------------------------------------

# In the folder modinfo answers for this kernel, and modprobe only writes down what it was told. (apt has
# a PATH of its own, so they have to be in these places.)
pretend_to_run() {
	# shellcheck disable=SC2016 # expanded by the shell inside
	inside sh -euc '
		mkdir -p /root/real
		ln -s /usr/bin/kmod /root/real/modinfo
		ln -s /usr/bin/kmod /root/real/modprobe
		rm /usr/sbin/modinfo /usr/sbin/modprobe
		printf "#!/bin/sh\nexec /root/real/modinfo -k %s \"\$@\"\n" "$1" >/usr/sbin/modinfo
		printf "#!/bin/sh\necho \"\$*\" >>/var/log/modprobe\n" >/usr/sbin/modprobe
		chmod +x /usr/sbin/modinfo /usr/sbin/modprobe' sh "$1"
}

# loaded REFCNT [VERSION]: an ntsync that is loaded, the kernel's own without VERSION.
loaded() {
	as_root rm -rf "$layer/sys/module/ntsync"
	as_root mkdir -p "$layer/sys/module/ntsync"
	as_root tee "$layer/sys/module/ntsync/refcnt" <<<"$1" >/dev/null
	[ $# -eq 1 ] || as_root tee "$layer/sys/module/ntsync/version" <<<"$2" >/dev/null
	inside rm -f /var/log/modprobe
}

# modprobe_was_told LINE…
modprobe_was_told() {
	inside sh -c 'cat /var/log/modprobe 2>/dev/null || :' | diff -u <([ $# -eq 0 ] || printf '%s\n' "$@") -
}
