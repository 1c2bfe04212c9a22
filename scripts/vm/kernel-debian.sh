# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # its caller sets what is shared
# Debian's own PREEMPT_RT kernels, unpacked from their packages: nothing is
# installed on the host. Sourced by kernel.

get_debian_612() {
	case $(host_suite) in
	bookworm) get_debian "$1" bookworm "" linux-image-6.12-rt-amd64 ;;
	trixie) get_debian "$1" trixie "" linux-image-rt-amd64 ;;
	*) die "debian-6.12 needs Debian 12 or 13 here (its compiler has to fit)" ;;
	esac
}

get_debian_73() {
	get_debian "$1" trixie trixie-backports linux-image-rt-amd64
}

# get_debian NAME SUITE RELEASE META: the kernel that the package META stands for
# in SUITE, or in its RELEASE (backports).
get_debian() {
	local name=$1 suite=$2 release=$3 meta=$4 dir version image
	dir=$cache_dir/kernel/$name
	[ -n "$(find "$dir/current/stamp" -mtime -1 2>/dev/null)" ] && return
	if ! debian_lists "$suite"; then
		[ -e "$dir/current/stamp" ] || die "no package lists of $suite: is there a network?"
		note "$name: no news from the archive, taking the cached one"
		return
	fi
	version=$(debian_version "$suite" "$meta" "$release") || die "$suite has no $meta"
	case $version in
	"${name#debian-}".*) ;;
	*) note "$name: $suite has moved on to $version, taking that" ;;
	esac
	image=$(debian_depends "$suite" "$meta=$version" | grep -m 1 '^linux-image-')
	entry "$dir/$version" unpack_debian "$suite" "$image" "$version"
	make_current "$name" "$version"
}

# The packages that a kernel consists of. From 7.x on the image package has
# nothing but dependencies: linux-binary-* and linux-modules-*.
kernel_packages() {
	local suite=$1 image=$2 version=$3 headers
	headers=${image/image/headers}
	{
		echo "$image"
		debian_depends "$suite" "$image=$version"
		echo "$headers"
		debian_depends "$suite" "$headers=$version"
	} | grep -E '^linux-(image|binary|modules|headers|kbuild)-[0-9]' | grep -v unsigned |
		sort -u | sed "s/\$/=$version/"
}

unpack_debian() {
	local suite=$1 image=$2 version=$3 new=$4 release all
	release=${image#linux-image-}
	mapfile -t all < <(kernel_packages "$suite" "$image" "$version")
	unpack_image "$suite" "$release" "$new" "${all[@]}"
	if [ "$(host_suite)" = "$suite" ]; then
		unpack_headers "$suite" "$release" "$new" "${all[@]}"
	else
		make_root "$suite" "$release" "$new" "${all[@]}"
	fi
	echo "$release" >"$new/release"
	echo pc >"$new/machine"
}

select_packages() {
	local pattern=$1
	shift
	printf '%s\n' "$@" | grep -E "$pattern"
}

# Of a kernel's hundred megabytes of modules the VM needs one at most.
unpack_image() {
	local suite=$1 release=$2 new=$3 packages
	shift 3
	mapfile -t packages < <(select_packages '^linux-(image|binary|modules)-' "$@")
	debian_unpack "$suite" "$new/image" "${packages[@]}"
	# In /boot, or from 7.x on beside the modules.
	find "$new/image" -type f -name 'vmlinuz*' -exec mv {} "$new/vmlinuz" \;
	[ -e "$new/vmlinuz" ] || die "no kernel in ${packages[*]}"
	mkdir "$new/modules"
	find "$new/image" -name 'ntsync.ko*' -exec cp {} "$new/modules/" \;
	find "$new/modules" -name '*.xz' -exec unxz {} +
	rm -rf "$new/image"
}

# Headers that fit this host's compiler are used where they are. Their makefile
# names its other half, and from 7.x on itself, by an absolute path.
unpack_headers() {
	local suite=$1 release=$2 new=$3 packages final=${3%.new}/packages
	shift 3
	mapfile -t packages < <(select_packages '^linux-(headers|kbuild)-' "$@")
	debian_unpack "$suite" "$new/packages" "${packages[@]}"
	sed -i -E "s#^(include |KBUILD_OUTPUT=)/usr/src/#\1$final/usr/src/#" \
		"$new/packages/usr/src/linux-headers-$release/Makefile"
	# With type data to go by, every module build would need pahole.
	rm -f "$new/packages/usr/src/linux-headers-$release/vmlinux"
	ln -s "packages/usr/src/linux-headers-$release" "$new/build"
}

# Another suite's headers want its compiler, and their objtool its libc: they are
# used inside a folder of that suite.
make_root() {
	local suite=$1 release=$2 new=$3 root=$3/root packages
	shift 3
	mapfile -t packages < <(select_packages '^linux-(headers|kbuild)-' "$@")
	progress "debootstrap $suite" as_root debootstrap --variant=minbase \
		--include=gcc-14,make,libelf1t64,sparse "$suite" "$root" "$(debian_mirror)"
	as_root rm -rf "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
	debian_unpack "$suite" "$new/headers" "${packages[@]}"
	as_root cp -a --no-preserve=ownership "$new/headers/usr/." "$root/usr/"
	as_root mkdir -p "$root/mnt/module"
	as_root rm -f "$root/usr/src/linux-headers-$release/vmlinux"
	rm -rf "$new/headers"
	ln -s "root/usr/src/linux-headers-$release" "$new/build"
}
