# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # its caller sets what is shared
# The kernels that look for mistakes: tinyconfig and our fragments on Debian's own source.
# Sourced by kernel.

# The effective lines of a kernel's fragments: of two for the same option the later one.
fragment() {
	local files=("$vm_dir/instrumented.config")
	[ "$1" = instrumented ] || files+=("$vm_dir/light.config" "$vm_dir/$1.config")
	awk '/^CONFIG_/ { name = substr($0, 1, index($0, "=") - 1) }
		/^# CONFIG_.* is not set/ { name = $2 }
		/^(CONFIG_|# CONFIG_.* is not set)/ {
			if (!(name in line)) order[++n] = name
			line[name] = $0
		}
		END { for (i = 1; i <= n; i++) print line[order[i]] }' "${files[@]}"
}

# get_built NAME built/SUITE/VERSION: a kernel of the table.
get_built() {
	local name=$1 suite source_package version key dir=$cache_dir/kernel/$1
	IFS=/ read -r _ suite source_package <<<"$2"
	source_package=linux-source-$source_package
	[ "$suite" != host ] || suite=$(host_suite)
	# The fragments are ours and may change at any time, so that the key is always
	# made; only the archive is asked once a day.
	if ! debian_lists "$suite"; then
		[ -e "$dir/current/stamp" ] || die "no package lists of $suite: is there a network?"
		note "$name: no news from the archive, taking the cached one"
		return
	fi
	version=$(debian_version "$suite" "$source_package") ||
		die "$suite has no $source_package"
	key=$version-$(recipe "$name" | sha256sum | cut -c1-12)
	entry "$dir/$key" build_kernel "$name" "$suite" "$source_package" "$version"
	make_current "$name" "$key"
}

# Everything but the source that the result depends on. "declare -f" leaves the
# comments out: they need no new kernel.
recipe() {
	gcc --version | head -n 1
	fragment "$1"
	declare -f build_kernel fix_source configure make_kernel prune
}

build_kernel() {
	local name=$1 suite=$2 source_package=$3 version=$4 new=$5 build=$5/build
	debian_unpack "$suite" "$new/source" "$source_package=$version"
	mkdir "$build"
	progress "unpacking the source" \
		tar -C "$build" --strip-components=1 -xf "$new/source/usr/src/$source_package.tar.xz"
	rm -rf "$new/source"
	[ "$source_package" != linux-source-6.12 ] || fix_source "$build"
	configure "$name" "$build"
	progress "building the kernel (some minutes)" make_kernel "$name" "$build"
	cp "$build/vmlinux" "$new/vmlinuz"
	make -s -C "$build" kernelrelease | tail -n 1 >"$new/release"
	echo microvm >"$new/machine"
	mkdir "$new/modules"
	prune "$build"
}

# 6.12 frees a task that dies while its last reference is dropped by somebody who is
# blocked on a lock of the kernel's own, and lockdep rightly objects: many threads
# that exit at once are enough. Later kernels leave it to RCU then, as this does.
fix_source() {
	local file=$1/include/linux/sched/task.h
	sed -i 's/PREEMPT_RT) || preemptible()) {/PREEMPT_RT) || (preemptible() \&\& !current->pi_blocked_on)) {/' \
		"$file"
	grep -q pi_blocked_on "$file" || die "put_task_struct() is not what it was: look at fix_source()"
}

configure() {
	local name=$1 build=$2
	make -s -C "$build" tinyconfig
	fragment "$name" >"$build/fragment.config"
	(cd "$build" && scripts/kconfig/merge_config.sh -Q -m .config fragment.config) >/dev/null
	make -s -C "$build" olddefconfig
	verify_config "$name" "$build/.config" "$build/fragment.config"
}

# KCSAN looks at the accesses of our module only. A race with an access of the kernel is still seen,
# by the value that changes, and is then ours to look at.
make_kernel() {
	local words=()
	[ "$1" != kcsan ] || words=(KCSAN_SANITIZE=n)
	nice make -C "$2" -j"$(($(nproc) + 1))" "${words[@]}" vmlinux modules
}

# Kconfig drops what it cannot have without a word (SLUB_TINY takes KASAN with
# it), and a kernel without its checks passes every test.
verify_config() {
	local kernel=$1 config=$2 fragment=$3 line name missing=0
	while read -r line; do
		case $line in
		CONFIG_*) grep -qxF "$line" "$config" && continue ;;
		"# CONFIG_"*" is not set")
			name=${line#\# }
			grep -q "^${name%% *}=" "$config" || continue
			;;
		*) continue ;;
		esac
		note "$kernel: not in the result: $line"
		missing=1
	done <"$fragment"
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
