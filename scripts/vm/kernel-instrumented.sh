# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # its caller sets what is shared
# The kernel that looks for mistakes: tinyconfig and instrumented.config on
# Debian's own source. Sourced by kernel.

source_package=linux-source-6.12

get_instrumented() {
	local name=$1 suite version key dir=$cache_dir/kernel/$1
	suite=$(host_suite)
	# The fragment is ours and may change at any time, so that the key is always
	# made; only the archive is asked once a day.
	if ! debian_lists "$suite"; then
		[ -e "$dir/current/stamp" ] || die "no package lists of $suite: is there a network?"
		note "$name: no news from the archive, taking the cached one"
		return
	fi
	version=$(debian_version "$suite" "$source_package") ||
		die "$suite has no $source_package"
	key=$version-$(recipe | sha256sum | cut -c1-12)
	entry "$dir/$key" build_instrumented "$suite" "$version"
	make_current "$name" "$key"
}

# Everything but the source that the result depends on. "declare -f" leaves the
# comments out: they need no new kernel.
recipe() {
	gcc --version | head -n 1
	grep -E '^(CONFIG_|# CONFIG_.* is not set)' "$vm_dir/instrumented.config"
	declare -f build_instrumented mend configure prune
}

build_instrumented() {
	local suite=$1 version=$2 new=$3 build=$3/build
	debian_unpack "$suite" "$new/source" "$source_package=$version"
	mkdir "$build"
	progress "unpacking the source" \
		tar -C "$build" --strip-components=1 -xf "$new/source/usr/src/$source_package.tar.xz"
	rm -rf "$new/source"
	mend "$build"
	configure "$build"
	progress "building the kernel (some minutes)" \
		nice make -C "$build" -j"$(($(nproc) + 1))" vmlinux modules
	cp "$build/vmlinux" "$new/vmlinuz"
	make -s -C "$build" kernelrelease | tail -n 1 >"$new/release"
	echo microvm >"$new/machine"
	mkdir "$new/modules"
	prune "$build"
}

# 6.12 frees a task that dies while its last reference is dropped by somebody who is
# blocked on a lock of the kernel's own, and lockdep rightly objects: many threads
# that exit at once are enough. Later kernels leave it to RCU then, as this does.
mend() {
	local file=$1/include/linux/sched/task.h
	sed -i 's/PREEMPT_RT) || preemptible()) {/PREEMPT_RT) || (preemptible() \&\& !current->pi_blocked_on)) {/' \
		"$file"
	grep -q pi_blocked_on "$file" || die "put_task_struct() is not what it was: look at mend()"
}

configure() {
	local build=$1
	make -s -C "$build" tinyconfig
	(cd "$build" && scripts/kconfig/merge_config.sh -Q -m .config \
		"$vm_dir/instrumented.config") >/dev/null
	make -s -C "$build" olddefconfig
	verify_config "$build/.config"
}

# Kconfig drops what it cannot have without a word (SLUB_TINY takes KASAN with
# it), and a kernel without its checks passes every test.
verify_config() {
	local config=$1 line name missing=0
	while read -r line; do
		case $line in
		CONFIG_*) grep -qxF "$line" "$config" && continue ;;
		"# CONFIG_"*" is not set")
			name=${line#\# }
			grep -q "^${name%% *}=" "$config" || continue
			;;
		*) continue ;;
		esac
		note "instrumented.config: not in the result: $line"
		missing=1
	done <"$vm_dir/instrumented.config"
	[ "$missing" = 0 ] || die "the kernel's configuration is not what was asked for"
}

# What out-of-tree modules are built against stays: a tenth of the whole.
prune() {
	local build=$1
	find "$build" -name '*.o' -not -path '*/scripts/*' -not -path '*/tools/objtool/*' -delete
	find "$build" \( -name '*.a' -o -name '.*.cmd' \) -delete
	find "$build/arch" -mindepth 1 -maxdepth 1 -not -name x86 -not -name 'Kconfig*' \
		-exec rm -rf {} +
	rm -rf "$build"/{Documentation,drivers,sound,fs,net,crypto,samples,LICENSES} \
		"$build"/tools/{testing,perf} "$build"/{vmlinux.unstripped,.tmp_*}
}
